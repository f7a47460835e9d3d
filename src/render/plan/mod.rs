//! terraform's plan, read: what it would do, how dangerous that is, what an approval is bound to, and the text that people see.
//!
//! Reading order: this file, [`changes`] (the digest, and whether a plan is the rest of another), [`risk`] (why a change is dangerous), [`allow`] and [`show`]
//! (what people see), [`order`] (the machines), [`json`] and [`tree`] (values). The input is what `terraform show -json` prints for a plan file, format 1.x; of its parts only the ones
//! that say what would be done are looked at, one resource at a time.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::lifecycle::cloud::Order;
use crate::lifecycle::{ContentDigest, HIGHLIGHTS_MAX, Plan, PlanDigest, Risk};

mod allow;
mod changes;
mod json;
mod order;
mod risk;
mod show;
mod tree;

pub use allow::AllowList;
pub use changes::PlanChanges;
pub use show::Eyes;
pub use tree::Hash;

use changes::{OutputRecord, Record};
use json::Json;
use risk::Finding;
use tree::Tree;

/// The longest text of a plan, in bytes.
pub const TEXT_MAX: usize = 1024 * 1024;

/// The most attributes that are named for one resource.
const ATTRIBUTES_MAX: usize = 50;

/// What the provider computes anew whenever Rancher touches an object. Nobody can configure it, and it changes between two plans of the same files.
const VOLATILE: [(&str, &[&str]); 2] = [
    (risk::CLUSTER, &["resource_version", "kube_config", "cluster_registration_token"]),
    (risk::MACHINE_CONFIG, &["resource_version"]),
];

/// A plan, as kaas understands it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanReading {
    /// What an approval is bound to: [`PlanChanges::digest`].
    pub digest: PlanDigest,
    /// Resources to add.
    pub add: u32,
    /// Resources to change in place.
    pub change: u32,
    /// Resources to destroy.
    pub destroy: u32,
    /// How dangerous it is.
    pub risk: Risk,
    /// What to look at, most dangerous first; at most [`HIGHLIGHTS_MAX`].
    pub highlights: Vec<String>,
    /// What happens to each resource, by address.
    pub resources: Vec<ResourceChange>,
    /// What would be done, to be compared with another plan.
    pub changes: PlanChanges,
    /// The machines that there would be; of a destroy: those that there are.
    pub order: Order,
    /// The text that people see, without any value that they must not.
    pub text: String,
}

/// What happens to one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceChange {
    /// Its address.
    pub address: String,
    /// Its type.
    pub kind: String,
    /// What happens to it.
    pub action: Action,
    /// How dangerous that is.
    pub risk: Risk,
    /// The names of its attributes that change; at most 50.
    pub attributes: Vec<String>,
}

/// What happens to a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    NoOp,
    /// It is read.
    Read,
    /// It is made.
    Create,
    /// It is changed in place.
    Update,
    /// It is destroyed.
    Delete,
    /// It is destroyed and made anew, in whichever order.
    Replace,
    /// terraform forgets it, and it lives on.
    Forget,
    /// It exists and is taken into the state.
    Import,
    /// It gets another address.
    Move,
    /// Something that kaas does not know, in terraform's words.
    Other(String),
}

/// Why a plan cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// It is not the JSON of a plan.
    #[error("terraform's plan cannot be read: {0}")]
    Nonsense(String),
    /// It has a format that kaas does not know.
    #[error("terraform's plan has the format {0}, and kaas reads 1.x")]
    Format(String),
    /// terraform failed while it planned.
    #[error("terraform did not finish its plan, so it must not be applied")]
    Errored,
    /// It does not cover everything.
    #[error("terraform's plan leaves something out that has to wait for another plan, so it must not be applied")]
    Incomplete,
}

/// Reads what `terraform show -json` prints for a plan.
pub fn read(json: &[u8], eyes: &Eyes) -> Result<PlanReading, PlanError> {
    let text = std::str::from_utf8(json).map_err(|_| PlanError::Nonsense("it is not UTF-8".to_owned()))?;
    // The message of serde_json may quote a value, so only the place is told.
    let place = |e: &serde_json::Error| format!("line {}, column {} is not what a plan holds", e.line(), e.column());
    let plan: RawPlan = serde_json::from_str(text).map_err(|e| PlanError::Nonsense(place(&e)))?;
    let format = plan.format_version.as_deref().unwrap_or("of nothing");
    if !format.starts_with("1.") {
        return Err(PlanError::Format(show::shown_name(format)));
    }
    if plan.errored == Some(true) {
        return Err(PlanError::Errored);
    }
    if plan.complete == Some(false) || plan.deferred_changes.as_ref().is_some_and(|d| !d.is_empty()) {
        return Err(PlanError::Incomplete);
    }
    let mut resources = plan.resource_changes.unwrap_or_default();
    resources.sort_by(|a, b| a.key().cmp(&b.key()));
    if let Some(pair) = resources.windows(2).find(|pair| pair[0].key() == pair[1].key()) {
        return Err(PlanError::Nonsense(format!("it names {} twice", show::shown_name(&pair[0].address))));
    }
    let mut reader = Reader::new(eyes, shared_module(&resources));
    for resource in &resources {
        reader.resource(resource)?;
    }
    for (name, change) in plan.output_changes.unwrap_or_default() {
        reader.output(&name, &change)?;
    }
    reader.invocations(plan.action_invocations.unwrap_or_default());
    Ok(reader.finish())
}

impl PlanReading {
    /// The plan as the core knows it, over the files that were planned.
    pub fn to_plan(&self, content: ContentDigest) -> Plan {
        Plan {
            digest: self.digest.clone(),
            content,
            add: self.add,
            change: self.change,
            destroy: self.destroy,
            risk: self.risk,
            highlights: self.highlights.clone(),
        }
    }
}

/// A plan, as terraform writes it; what is not here is skipped.
#[derive(Deserialize)]
struct RawPlan<'a> {
    #[serde(borrow)]
    format_version: Option<Cow<'a, str>>,
    errored: Option<bool>,
    complete: Option<bool>,
    #[serde(borrow)]
    resource_changes: Option<Vec<RawResource<'a>>>,
    #[serde(borrow)]
    output_changes: Option<BTreeMap<Cow<'a, str>, RawChange<'a>>>,
    #[serde(borrow)]
    deferred_changes: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    action_invocations: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct RawResource<'a> {
    #[serde(borrow)]
    address: Cow<'a, str>,
    #[serde(borrow)]
    previous_address: Option<Cow<'a, str>>,
    #[serde(borrow)]
    mode: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    provider_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    deposed: Option<Cow<'a, str>>,
    #[serde(borrow)]
    change: RawChange<'a>,
}

#[derive(Deserialize)]
struct RawChange<'a> {
    #[serde(borrow)]
    actions: Vec<Cow<'a, str>>,
    #[serde(borrow)]
    before: Option<&'a RawValue>,
    #[serde(borrow)]
    after: Option<&'a RawValue>,
    #[serde(borrow)]
    after_unknown: Option<&'a RawValue>,
    #[serde(borrow)]
    before_sensitive: Option<&'a RawValue>,
    #[serde(borrow)]
    after_sensitive: Option<&'a RawValue>,
    #[serde(borrow)]
    replace_paths: Option<&'a RawValue>,
    #[serde(borrow)]
    importing: Option<&'a RawValue>,
}

impl<'a> RawResource<'a> {
    fn key(&self) -> (&str, Option<&str>) {
        (&self.address, self.deposed.as_deref())
    }

    fn action(&self) -> Action {
        let words: Vec<&str> = self.change.actions.iter().map(AsRef::as_ref).collect();
        match words.as_slice() {
            ["no-op"] if self.change.importing.is_some() => Action::Import,
            ["no-op"] if self.moved_from().is_some() => Action::Move,
            ["no-op"] => Action::NoOp,
            ["read"] => Action::Read,
            ["create"] => Action::Create,
            ["update"] => Action::Update,
            ["delete"] => Action::Delete,
            ["delete", "create"] | ["create", "delete"] => Action::Replace,
            ["forget"] | ["create", "forget"] => Action::Forget,
            other => Action::Other(show::shown_name(&other.join(", "))),
        }
    }

    fn moved_from(&self) -> Option<&str> {
        self.previous_address.as_deref().filter(|previous| *previous != self.address)
    }
}

impl RawChange<'_> {
    /// What was and what is to be: secrets taken out, unknowns put in.
    fn values(&self, whose: &str) -> Result<(Json, Json), PlanError> {
        let part = |raw: Option<&RawValue>, absent: Json| match raw {
            None => Ok(absent),
            Some(raw) => Json::read(raw).ok_or_else(|| {
                PlanError::Nonsense(format!("a value of {} is nested too deeply or no text", show::shown_name(whose)))
            }),
        };
        let unknown = part(self.after_unknown, Json::Null)?;
        let before = part(self.before, Json::Null)?.without_secrets(&part(self.before_sensitive, Json::Null)?);
        let after = part(self.after, Json::Null)?.with_unknown(&unknown);
        Ok((before, after.without_secrets(&part(self.after_sensitive, Json::Null)?)))
    }

    fn words(&self) -> Vec<String> {
        self.actions.iter().map(|a| a.clone().into_owned()).collect()
    }
}

/// The module that all changes are in, as `module.x.`; kaas writes one module call, so its name says nothing in a highlight.
fn shared_module(resources: &[RawResource<'_>]) -> Option<String> {
    let mut changed = resources.iter().filter(|r| !matches!(r.action(), Action::NoOp | Action::Read));
    let (name, _) = changed.next()?.address.strip_prefix("module.")?.split_once('.')?;
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    let prefix = format!("module.{name}.");
    (plain && changed.all(|r| r.address.starts_with(&prefix))).then_some(prefix)
}

struct Reader<'e> {
    eyes: &'e Eyes,
    module: Option<String>,
    changes: PlanChanges,
    resources: Vec<ResourceChange>,
    seen: order::Seen,
    findings: Vec<Finding>,
    counts: [u32; 3],
    /// Texts by how dangerous the resource is, red first.
    texts: BTreeMap<std::cmp::Reverse<Risk>, Vec<String>>,
    kept: usize,
    unshown: usize,
    outputs: String,
}

impl<'e> Reader<'e> {
    fn new(eyes: &'e Eyes, module: Option<String>) -> Self {
        Self {
            eyes,
            module,
            changes: PlanChanges::default(),
            resources: Vec::new(),
            seen: order::Seen::default(),
            findings: Vec::new(),
            counts: [0; 3],
            texts: BTreeMap::new(),
            kept: 0,
            unshown: 0,
            outputs: String::new(),
        }
    }

    fn resource(&mut self, raw: &RawResource<'_>) -> Result<(), PlanError> {
        let action = raw.action();
        self.seen.note(raw, &action)?;
        if matches!(action, Action::NoOp | Action::Read) {
            return Ok(());
        }
        let (before, after) = raw.change.values(&raw.address)?;
        let short = self.module.as_deref().and_then(|m| raw.address.strip_prefix(m)).unwrap_or(&raw.address);
        let findings = risk::findings(&raw.kind, &show::shown_name(short), &action, &before, &after);
        let risk = findings.iter().map(|f| f.risk).max().unwrap_or(Risk::Green);
        self.findings.extend(findings);
        let counted = match action {
            Action::Create => [1, 0, 0],
            Action::Update => [0, 1, 0],
            Action::Delete => [0, 0, 1],
            Action::Replace => [1, 0, 1],
            Action::NoOp | Action::Read | Action::Forget | Action::Import | Action::Move | Action::Other(_) => [0; 3],
        };
        self.counts.iter_mut().zip(counted).for_each(|(sum, n)| *sum = sum.saturating_add(n));
        self.show(raw, &action, risk, &before, &after);
        let attributes = Json::changed(Some(&before), Some(&after));
        let attributes = attributes.into_iter().take(ATTRIBUTES_MAX).map(str::to_owned).collect();
        let (address, kind) = (raw.address.clone().into_owned(), raw.kind.clone().into_owned());
        self.resources.push(ResourceChange { address, kind, action, risk, attributes });
        self.record(raw, before, after)
    }

    fn show(&mut self, raw: &RawResource<'_>, action: &Action, risk: Risk, before: &Json, after: &Json) {
        if self.kept > TEXT_MAX && risk != Risk::Red {
            self.unshown += 1;
            return;
        }
        let heading =
            show::Heading { address: &raw.address, kind: &raw.kind, name: &raw.name, deposed: raw.deposed.as_deref() };
        let text = show::resource(self.eyes, &heading, action, before, after);
        let of_risk = self.texts.entry(std::cmp::Reverse(risk)).or_default();
        if of_risk.iter().map(String::len).sum::<usize>() > TEXT_MAX {
            self.unshown += 1;
            return;
        }
        self.kept += text.len();
        of_risk.push(text);
    }

    fn record(&mut self, raw: &RawResource<'_>, mut before: Json, mut after: Json) -> Result<(), PlanError> {
        let volatile = VOLATILE.iter().find(|(kind, _)| *kind == raw.kind).map_or(&[][..], |(_, names)| names);
        for side in [&mut before, &mut after] {
            if let Json::Map(map) = side {
                map.retain(|name, _| !volatile.contains(&name.as_str()));
            }
        }
        let raw_tree = |raw: Option<&RawValue>| match raw {
            Some(raw) => Json::read(raw).map(|json| Tree::of(&json)),
            None => Some(Tree::of(&Json::Null)),
        };
        let moved = raw.moved_from().map_or(Json::Null, |from| Json::Text(from.to_owned()));
        let circumstances =
            [raw_tree(raw.change.replace_paths), raw_tree(raw.change.importing), Some(Tree::of(&moved))];
        let circumstances: Option<Vec<Tree>> = circumstances.into_iter().collect();
        let nonsense = || PlanError::Nonsense(format!("why {} changes", show::shown_name(&raw.address)));
        self.changes.push(Record {
            address: raw.address.clone().into_owned(),
            deposed: raw.deposed.as_ref().map(|d| d.clone().into_owned()),
            mode: raw.mode.clone().into_owned(),
            kind: raw.kind.clone().into_owned(),
            provider: raw.provider_name.clone().unwrap_or_default().into_owned(),
            actions: raw.change.words(),
            before: Tree::of(&before),
            after: Tree::of(&after),
            circumstances: Tree::List(circumstances.ok_or_else(nonsense)?).prune(),
        });
        Ok(())
    }

    fn output(&mut self, name: &str, change: &RawChange<'_>) -> Result<(), PlanError> {
        if change.actions == ["no-op"] {
            return Ok(());
        }
        let (before, after) = change.values(name)?;
        if self.outputs.len() < TEXT_MAX / 4 {
            self.outputs.push_str(&show::output(self.eyes, name, &before, &after));
        }
        let record = OutputRecord { actions: change.words(), before: Tree::of(&before), after: Tree::of(&after) };
        self.changes.push_output(name.to_owned(), record);
        Ok(())
    }

    /// Provider actions, which terraform 1.14 can run beside changing resources. kaas writes none.
    fn invocations(&mut self, raw: Vec<&RawValue>) {
        if raw.is_empty() {
            return;
        }
        let text = format!("runs {} actions of a provider, which kaas does not know", raw.len());
        self.findings.push(Finding { rank: 2, risk: Risk::Red, text });
        self.changes.set_invocations(Hash::of(b'i', raw.iter().map(|r| r.get().as_bytes())));
    }

    fn finish(mut self) -> PlanReading {
        self.findings.sort();
        let risk = self.findings.iter().map(|f| f.risk).max().unwrap_or(Risk::Green);
        let digest = self.changes.digest();
        let highlights = highlights(&self.findings, self.eyes);
        let [add, change, destroy] = self.counts;
        let mut text = format!(
            "Plan {}: {add} to add, {change} to change, {destroy} to destroy.\nRisk: {}.\n",
            digest.short(),
            super::pull::risk_words(risk)
        );
        if !highlights.is_empty() {
            text.push_str("\nLook at:\n");
            highlights.iter().for_each(|h| _ = writeln!(text, "  - {h}"));
        }
        if self.changes.is_empty() {
            text.push_str("\nNothing would be changed.\n");
        }
        for block in self.texts.values().flatten() {
            if text.len() + block.len() > TEXT_MAX {
                self.unshown += 1;
            } else {
                _ = write!(text, "\n{block}");
            }
        }
        if self.unshown > 0 {
            _ = writeln!(text, "\n  … and {} more resources, which are too many to show.", self.unshown);
        }
        if !self.outputs.is_empty() {
            _ = write!(text, "\nOutputs:\n{}", self.outputs);
        }
        let text = self.eyes.redactor.redact(&text);
        let (resources, changes, order) = (self.resources, self.changes, self.seen.order());
        PlanReading { digest, add, change, destroy, risk, highlights, resources, changes, order, text }
    }
}

/// The lines to look at; where there are too many, the last one says how many more.
fn highlights(findings: &[Finding], eyes: &Eyes) -> Vec<String> {
    let line = |f: &Finding| show::shown_name(&eyes.redactor.redact(&f.text));
    if findings.len() <= HIGHLIGHTS_MAX {
        return findings.iter().map(line).collect();
    }
    let mut lines: Vec<String> = findings.iter().take(HIGHLIGHTS_MAX - 1).map(line).collect();
    lines.push(format!("and {} more", findings.len() - lines.len()));
    lines
}

#[cfg(test)]
mod tests;
