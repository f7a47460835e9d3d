//! The desk: what people type, press and react with becomes an ask, or is answered at once.
//!
//! It knows the words of the commands and none of any platform; whoever calls it has found out already who is speaking.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use crate::command::{Command, Dialect, Mistakes, Topic, Which, parse};
use crate::lifecycle::form::{ClusterName, Form, Reason, TenantName};
use crate::lifecycle::notice::{Refusal, Wanted};
use crate::lifecycle::policy::Policy;
use crate::lifecycle::summary::ClusterSummary;
use crate::lifecycle::{
    Ask, ChangeNumber, Cluster, ClusterKey, Fault, Input, Person, PersonId, PlanDigest, Proof, State, What,
};
use crate::ports::{Attachment, CardKey, Desk, Field, Heard, Reply, RequestForm, Suggest};
use crate::record::{Record, Taken};
use crate::render::message::{Line, Message, Press};
use crate::render::module::cluster_files;
use crate::render::say::{self, CardView, ListOf};
use crate::store::Filter;

use super::{CLOCKS_APART, Engine, Tenant, forms};

/// How many rows a list shows unless all are asked for.
const ROWS: usize = 20;

/// How many rows a list shows at the most; `kaas list --json` prints every one.
const ROWS_MAX: usize = 200;

/// How many names are looked through for one that is close to a misspelt one.
const NAMES_MAX: usize = 2_000;

/// Reactions that mean yes.
const YES: [&str; 6] = ["+1", "thumbsup", "white_check_mark", "heavy_check_mark", "👍", "✅"];

/// Reactions that mean no.
const NO: [&str; 5] = ["-1", "thumbsdown", "x", "👎", "❌"];

/// The desk of one tenant.
pub struct FrontDesk {
    pub(super) engine: Arc<Engine>,
    pub(super) tenant: Arc<Tenant>,
    /// Everybody that the tenant knows, to find an owner by name.
    pub(super) people: Vec<Person>,
    /// What its platform calls them, where a mention in a line comes as that.
    pub(super) ids: BTreeMap<String, PersonId>,
    dialect: Dialect,
}

impl FrontDesk {
    /// The desk of a tenant, for lines of that dialect.
    ///
    /// # Errors
    /// The tenant is not configured.
    pub fn new(
        engine: &Arc<Engine>,
        tenant: &TenantName,
        people: Vec<Person>,
        dialect: Dialect,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            tenant: Arc::clone(engine.tenant(tenant)?),
            engine: Arc::clone(engine),
            people,
            ids: BTreeMap::new(),
            dialect,
        })
    }

    /// The same desk, which also knows people by what its platform calls them.
    pub fn knowing(self, ids: BTreeMap<PersonId, String>) -> Self {
        Self { ids: ids.into_iter().map(|(person, id)| (id, person)).collect(), ..self }
    }

    async fn answer(&self, heard: &Heard, line: &str) -> anyhow::Result<Vec<Reply>> {
        if let Some(refused) = unfit(heard) {
            return Ok(refused);
        }
        let catalogue = &self.tenant.catalogue;
        let command = match parse(line, self.dialect, catalogue) {
            Ok(command) => command,
            Err(mistakes) => return Ok(one(mistaken(&mistakes))),
        };
        match command {
            Command::Help(topic) => Ok(one(say::help(&crate::command::help::help(topic)))),
            Command::RequestForm => {
                Ok(one(say::help(&crate::command::help::help(Some(Topic::Verb(crate::command::Verb::Request))))))
            }
            Command::Classes => Ok(one(say::classes(catalogue))),
            Command::List { which, owner } => self.list(heard, which, owner.as_deref()).await,
            Command::Show(name) => self.show(&name).await,
            Command::Access { name, give: None } => self.ways_in(&name).await,
            Command::Access { name, give: Some(give) } => self.give(heard, &name, give).await,
            Command::Revoke { name, to } => self.revoke(heard, &name, &to).await,
            Command::Whoami => self.whoami(heard).await,
            Command::Link(what) => self.link(heard, what).await,
            Command::Orphans => self.orphans(heard).await,
            Command::ForceRemove { name, machine } => {
                self.ask(heard, &name, Proof::Command, Ask::ForceRemove { machine }).await
            }
            Command::Request { form, dry_run: true } => self.dry_run(heard, form),
            Command::Request { form, dry_run: false } => self.request(heard, form).await,
            Command::Approve(name) => self.ask(heard, &name, Proof::Command, Ask::Approve { plan: None }).await,
            Command::Withdraw(name) => self.ask(heard, &name, Proof::Command, Ask::Withdraw).await,
            Command::Reject { name, reason } => {
                self.ask(heard, &name, Proof::Command, Ask::Reject { plan: None, reason }).await
            }
            Command::Cancel(name) => self.ask(heard, &name, Proof::Command, Ask::Cancel).await,
            Command::Retry(name) => self.ask(heard, &name, Proof::Command, Ask::Retry).await,
            Command::Destroy { name, reason } => {
                let ask = |number| Ask::Destroy { number, place: heard.place.clone(), reason: reason.clone() };
                self.start(heard, &name, ask).await
            }
        }
    }

    // ---- asks ----

    async fn request(&self, heard: &Heard, form: Form) -> anyhow::Result<Vec<Reply>> {
        let name = form.name.clone();
        let owned = self.engine.store.owned(&self.tenant.name, &heard.by.id).await?;
        let ask = |number| Ask::Request { form: form.clone(), number, place: heard.place.clone(), owned };
        self.start(heard, &name, ask).await
    }

    /// An ask that begins a change. Its number is drawn only if it would not be refused anyway, so that refusals leave no gaps.
    pub(super) async fn start(
        &self,
        heard: &Heard,
        name: &ClusterName,
        ask: impl Fn(ChangeNumber) -> Ask,
    ) -> anyhow::Result<Vec<Reply>> {
        let key = self.key(name);
        let trial = self.input(heard, Proof::Command, ask(ChangeNumber(0)));
        let record = self.engine.store.load(&key).await?;
        let number = match Record::take(&self.tenant.policy(), &key, record.as_ref(), &trial).1 {
            Taken::Changed => self.engine.store.draw(&self.tenant.name).await?,
            Taken::Refused { .. } | Taken::Doubled | Taken::Stale => ChangeNumber(0),
        };
        self.ask(heard, name, Proof::Command, ask(number)).await
    }

    pub(super) async fn ask(
        &self,
        heard: &Heard,
        name: &ClusterName,
        proof: Proof,
        ask: Ask,
    ) -> anyhow::Result<Vec<Reply>> {
        let key = self.key(name);
        self.engine.cards.hears(&heard.by.id, &heard.place.chat);
        match self.engine.take(&key, &self.input(heard, proof, ask)).await? {
            Taken::Changed | Taken::Doubled | Taken::Stale | Taken::Refused { told: true, .. } => Ok(Vec::new()),
            Taken::Refused { refusal: Refusal::NoSuchCluster { .. }, .. } => self.no_such_cluster(name).await,
            Taken::Refused { refusal, .. } => Ok(one(self.refused(&refusal, name))),
        }
    }

    pub(super) fn input(&self, heard: &Heard, proof: Proof, ask: Ask) -> Input {
        Input {
            id: heard.id.clone(),
            at: self.engine.clock.now(),
            what: What::Ask { by: heard.by.clone(), proof, ask },
        }
    }

    pub(super) fn key(&self, name: &ClusterName) -> ClusterKey {
        ClusterKey { tenant: self.tenant.name.clone(), name: name.clone() }
    }

    // ---- what is answered at once ----

    async fn list(&self, heard: &Heard, which: Which, owner: Option<&str>) -> anyhow::Result<Vec<Reply>> {
        let owner = match (which, owner) {
            (Which::Mine, _) => Some(heard.by.id.clone()),
            (_, Some(name)) => match self.person(name) {
                Some(person) => Some(person.id.clone()),
                None => return Ok(one(self.nobody("list", "owner", name))),
            },
            (_, None) => None,
        };
        let of = match (which, &owner) {
            (Which::Mine, _) => ListOf::Mine,
            (Which::Waiting, _) => ListOf::Waiting,
            (_, Some(_)) => ListOf::Theirs,
            (_, None) => ListOf::All,
        };
        let limit = if which == Which::All { ROWS_MAX } else { ROWS };
        let filter = Filter { tenant: self.tenant.name.clone(), owner, waiting: which == Which::Waiting, limit };
        let listing = self.engine.store.list(&filter).await?;
        Ok(one(say::list(&say::Listing {
            more: listing.total.saturating_sub(listing.rows.len()),
            rows: &listing.rows,
            quorum: self.tenant.policy.quorum,
            now: self.engine.clock.now(),
            of,
        })))
    }

    /// What waits for this person's own vote; nothing is said to somebody who has none.
    async fn votes_wanted(&self, heard: &Heard) -> anyhow::Result<Vec<Reply>> {
        if !self.tenant.policy().is_approver(&heard.by.id) {
            return Ok(Vec::new());
        }
        let filter = Filter { tenant: self.tenant.name.clone(), owner: None, waiting: true, limit: ROWS_MAX };
        let mut rows = Vec::new();
        for row in self.engine.store.list(&filter).await?.rows {
            let Some(record) = self.engine.store.load(&row.key).await? else { continue };
            let change = &record.cluster.change;
            let State::Reviewing(review) = &change.state else { continue };
            let decided = change.by.id == heard.by.id || review.votes.iter().any(|vote| vote.by.id == heard.by.id);
            rows.extend((!decided).then_some(row));
        }
        let (quorum, now) = (self.tenant.policy.quorum, self.engine.clock.now());
        let shown = &rows[..rows.len().min(ROWS)];
        let more = rows.len() - shown.len();
        Ok(one(say::list(&say::Listing { rows: shown, more, quorum, now, of: ListOf::Waiting })))
    }

    pub(super) fn nobody(&self, verb: &str, key: &str, name: &str) -> Message {
        let known: Vec<&str> = self.people.iter().map(|p| p.name.as_str()).collect();
        let problem = match nearest(name, known.iter().copied()) {
            Some(near) => format!("nobody here is called that. Did you mean {near}?"),
            None => "nobody here is called that".to_owned(),
        };
        say::mistakes(Some(verb), &[(&format!("{key}={name}"), &problem)], None)
    }

    async fn show(&self, name: &ClusterName) -> anyhow::Result<Vec<Reply>> {
        let Some(record) = self.engine.store.load(&self.key(name)).await? else {
            return self.no_such_cluster(name).await;
        };
        let machines = self.engine.machines_of(&self.tenant, &record.cluster).await.unwrap_or_default();
        let policy = self.tenant.policy();
        Ok(one(say::show(&self.view(&policy, &record.cluster), &machines)))
    }

    fn view<'a>(&'a self, policy: &'a Policy, cluster: &'a Cluster) -> CardView<'a> {
        let tz = &self.tenant.time_zone;
        CardView { cluster, policy, now: self.engine.clock.now(), tz, progress: None, usually: None }
    }

    fn dry_run(&self, heard: &Heard, form: Form) -> anyhow::Result<Vec<Reply>> {
        let policy: &Policy = &self.tenant.policy;
        if !policy.may_request(&heard.by.id) {
            return Ok(one(self.refused(&Refusal::MayNotRequest { admins: policy.admins.clone() }, &form.name)));
        }
        let class =
            self.tenant.catalogue.class_of(&form).ok_or_else(|| anyhow::anyhow!("the class {} is gone", form.class))?;
        let by = &heard.by;
        let files =
            cluster_files(&self.tenant.settings, &self.tenant.templates, class, &form, ChangeNumber(0), by, by)?;
        let rendered: Vec<&str> = files.iter().map(|f| f.content.as_str()).collect();
        let line = Command::Request { form: form.clone(), dry_run: false }.echo();
        let role = policy.roles.of(&by.id, &form.class);
        Ok(one(say::dry_run(&form, role, &rendered.join("\n"), &line)))
    }

    pub(super) async fn no_such_cluster(&self, name: &ClusterName) -> anyhow::Result<Vec<Reply>> {
        let filter = Filter { tenant: self.tenant.name.clone(), owner: None, waiting: false, limit: NAMES_MAX };
        let rows: Vec<ClusterSummary> = self.engine.store.list(&filter).await?.rows;
        let near = nearest(name.as_str(), rows.iter().map(|row| row.key.name.as_str())).map(str::to_owned);
        Ok(one(self.refused(&Refusal::NoSuchCluster { near }, name)))
    }

    pub(super) fn refused(&self, refusal: &Refusal, name: &ClusterName) -> Message {
        let context =
            say::Context { now: self.engine.clock.now(), tz: &self.tenant.time_zone, usually: None, card: None };
        let mut said = say::refusal(refusal, name, &context);
        said.lines.extend(besides(&self.tenant, refusal));
        said
    }

    /// The plan that the card shows, in full, for that person alone.
    async fn plan(&self, card: &CardKey, plan: Option<&PlanDigest>) -> anyhow::Result<Vec<Reply>> {
        let record = self.engine.store.load(&card.cluster).await?;
        let current = record.as_ref().and_then(|r| r.cluster.change.state.plan()).map(|p| p.digest.clone());
        let Some(digest) = plan.cloned().or(current) else {
            return Ok(one(
                self.refused(&Refusal::NothingOpen { wanted: Wanted::Approve, live: false }, &card.cluster.name)
            ));
        };
        let content = self.tenant.runner.plan_text(&card.cluster, card.change, &digest).await?;
        let name = format!("plan-{}.txt", digest.short());
        let message = Message { file: Some(name.clone()), ..say::plan_file(&card.cluster.name, &digest) };
        Ok(vec![Reply { message, file: Some(Attachment { name, content }) }])
    }

    /// A card of a change that has ended decides nothing about the one that is open now.
    fn is_current(record: Option<&Record>, card: &CardKey) -> bool {
        record.is_none_or(|record| record.cluster.change.number == card.change)
    }

    fn outdated(&self, card: &CardKey) -> Vec<Reply> {
        one(say::outdated_card(&card.cluster.name, card.change))
    }

    async fn pressed(
        &self,
        heard: &Heard,
        card: &CardKey,
        plan: Option<&PlanDigest>,
        press: Press,
        reason: Option<&str>,
    ) -> anyhow::Result<Vec<Reply>> {
        if let Some(refused) = unfit(heard) {
            return Ok(refused);
        }
        if press == Press::Plan {
            return self.plan(card, plan).await;
        }
        let record = self.engine.store.load(&card.cluster).await?;
        if !Self::is_current(record.as_ref(), card) {
            return Ok(self.outdated(card));
        }
        let reason = match reason.map(str::trim).filter(|r| !r.is_empty()).map(str::parse::<Reason>).transpose() {
            Ok(reason) => reason,
            Err(invalid) => return Ok(one(say::mistakes(Some("reject"), &[("reason", &invalid.to_string())], None))),
        };
        let plan = plan.cloned();
        let ask = match press {
            Press::Approve => Ask::Approve { plan },
            Press::Reject => Ask::Reject { plan, reason },
            Press::Cancel => Ask::Cancel,
            Press::Retry | Press::Plan => Ask::Retry,
        };
        self.ask(heard, &card.cluster.name, Proof::Button, ask).await
    }

    async fn reacted(
        &self,
        heard: &Heard,
        card: &CardKey,
        plan: Option<&PlanDigest>,
        emoji: &str,
        given: bool,
    ) -> anyhow::Result<Vec<Reply>> {
        let emoji = plain_emoji(emoji);
        let ask = match (YES.contains(&emoji.as_str()), NO.contains(&emoji.as_str()), given) {
            (true, _, true) => Ask::Approve { plan: plan.cloned() },
            (true, _, false) => Ask::Withdraw,
            (_, true, true) => Ask::Reject { plan: plan.cloned(), reason: None },
            // Any other reaction is conversation.
            _ => return Ok(Vec::new()),
        };
        if let Some(refused) = unfit(heard) {
            return Ok(refused);
        }
        let record = self.engine.store.load(&card.cluster).await?;
        if !Self::is_current(record.as_ref(), card) {
            return Ok(self.outdated(card));
        }
        if given && was_before_review(heard, plan, record.as_ref()) {
            return Ok(one(say::form::too_early()));
        }
        self.ask(heard, &card.cluster.name, Proof::Reaction, ask).await
    }

    /// What could not be done because kaas itself failed: a neutral line with a reference; the chain goes to the log.
    fn failed(&self, heard: &Heard, answer: anyhow::Result<Vec<Reply>>) -> Vec<Reply> {
        answer.unwrap_or_else(|chain| {
            let fault =
                Fault { reference: self.engine.reference(), text: "kaas could not do that just now".to_owned() };
            tracing::error!(
                fault.reference = fault.reference,
                input.id = heard.id.0,
                "an ask could not be taken: {chain:#}"
            );
            one(say::trouble(&fault))
        })
    }
}

#[async_trait]
impl Desk for FrontDesk {
    async fn command(&self, heard: &Heard, line: &str) -> Vec<Reply> {
        let answer = self.answer(heard, line).await;
        self.failed(heard, answer)
    }

    async fn press(
        &self,
        heard: &Heard,
        card: &CardKey,
        plan: Option<&PlanDigest>,
        press: Press,
        reason: Option<&str>,
    ) -> Vec<Reply> {
        let answer = self.pressed(heard, card, plan, press, reason).await;
        self.failed(heard, answer)
    }

    async fn react(
        &self,
        heard: &Heard,
        card: &CardKey,
        plan: Option<&PlanDigest>,
        emoji: &str,
        given: bool,
    ) -> Vec<Reply> {
        let answer = self.reacted(heard, card, plan, emoji, given).await;
        self.failed(heard, answer)
    }

    async fn form(&self, _: &Heard) -> RequestForm {
        forms::form(&self.tenant.catalogue)
    }

    async fn submit(&self, heard: &Heard, filled: &[(Field, String)]) -> Result<Vec<Reply>, Vec<(Field, String)>> {
        if let Some(refused) = unfit(heard) {
            return Ok(refused);
        }
        match forms::request(&self.tenant.catalogue, filled)? {
            Command::Request { form, .. } => Ok(self.failed(heard, self.request(heard, form).await)),
            _ => Ok(Vec::new()),
        }
    }

    async fn home(&self, heard: &Heard) -> Vec<(String, Message)> {
        if let Some(refused) = unfit(heard) {
            return refused.into_iter().map(|reply| ("kaas".to_owned(), reply.message)).collect();
        }
        let [mine, votes, all] = say::form::HOME;
        let mut sections = Vec::new();
        let mut add = |title: &str, replies: Vec<Reply>| {
            sections.extend(replies.into_iter().map(|reply| (title.to_owned(), reply.message)));
        };
        add(mine, self.failed(heard, self.list(heard, Which::Mine, None).await));
        add(votes, self.failed(heard, self.votes_wanted(heard).await));
        add(all, self.failed(heard, self.list(heard, Which::Few, None).await));
        sections
    }

    async fn suggest(&self, heard: &Heard, what: &Suggest, typed: &str) -> Vec<String> {
        self.suggestions(heard, what, typed).await.unwrap_or_else(|chain| {
            tracing::warn!("nothing could be suggested: {chain:#}");
            Vec::new()
        })
    }
}

/// Whether a reaction was given before the review began that is going on now, or on a card that showed no plan, or nobody knows which: then its giver saw
/// another one.
fn was_before_review(heard: &Heard, plan: Option<&PlanDigest>, record: Option<&Record>) -> bool {
    let Some(change) = record.map(|record| &record.cluster.change) else { return false };
    let latest = heard.when.and_then(|when| when.saturating_add(CLOCKS_APART).ok());
    let was_before = latest.is_some_and(|at| at < change.entered);
    matches!(change.state, State::Reviewing(_)) && (plan.is_none() || was_before)
}

/// What is said with a refusal because of which somebody is no approver: of whom nobody knows whether they are.
pub(super) fn besides(tenant: &Tenant, refusal: &Refusal) -> Vec<Line> {
    let unknown: Vec<String> = tenant.rosters.iter().flat_map(|roster| roster.members().unknown).collect();
    match refusal {
        Refusal::NotAnApprover { .. } | Refusal::NobodyCouldApprove { .. } if !unknown.is_empty() => {
            say::form::unknown_groups(&unknown).lines
        }
        _ => Vec::new(),
    }
}

/// What somebody is told who is no full member.
pub(super) fn unfit(heard: &Heard) -> Option<Vec<Reply>> {
    forms::stranger(heard.standing).map(|who| one(say::form::not_a_member(who)))
}

pub(super) fn one(message: Message) -> Vec<Reply> {
    vec![Reply { message, file: None }]
}

fn mistaken(mistakes: &Mistakes) -> Message {
    let pairs: Vec<(&str, &str)> = mistakes.mistakes.iter().map(|m| (m.what.as_str(), m.problem.as_str())).collect();
    say::mistakes(mistakes.verb.map(crate::command::Verb::name), &pairs, mistakes.instead.as_deref())
}

/// The word that is closest, if one is close.
fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let close = |other: &&str| strsim::damerau_levenshtein(word, other);
    known.min_by_key(close).filter(|other| close(other) <= (word.chars().count() / 3).clamp(1, 3))
}

/// Whether a reaction is a yes.
pub(super) fn means_yes(emoji: &str) -> bool {
    YES.contains(&plain_emoji(emoji).as_str())
}

/// `:+1::skin-tone-3:` and `👍🏽` are `+1` and `👍`.
fn plain_emoji(emoji: &str) -> String {
    let name = emoji.trim_matches(':').split("::").next().unwrap_or_default();
    name.chars().filter(|c| !matches!(c, '\u{1F3FB}'..='\u{1F3FF}' | '\u{FE0F}')).collect()
}
