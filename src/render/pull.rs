//! The pull request: its title, its body, the commit message, and the plan as a comment on it.
//!
//! The words are templates; the hidden copy of the form is not, so that a tenant's own template cannot lose it.

use serde::{Deserialize, Serialize};

use super::markdown;
use super::templates::{TemplateError, Templates};
use crate::lifecycle::cloud::Certificate;
use crate::lifecycle::form::{Form, Ttl};
use crate::lifecycle::{ChangeNumber, Cluster, ClusterKey, Kind, Person, Plan, Risk, Vote};

/// The longest plan comment, in bytes. GitHub takes 65,536 characters.
pub const COMMENT_MAX: usize = 60_000;

/// The longest title, in characters.
const TITLE_MAX: usize = 200;

/// What stands before and after the hidden copy of the form. It starts a line, which text from outside never does: that is in the middle of one.
const HIDDEN: (&str, &str) = ("\n<!-- kaas:form ", " -->");

/// The version of the hidden copy's layout.
const HIDDEN_VERSION: u8 = 1;

/// The words of a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullText {
    /// Its title: one line.
    pub title: String,
    /// Its body, in Markdown, with the hidden copy of the form at its end.
    pub body: String,
    /// The commit message.
    pub commit: String,
}

/// The hidden copy: what a pull request is about, for machines. Anybody who may edit the body may edit it, so it informs and decides nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullForm {
    version: u8,
    /// The cluster.
    pub cluster: ClusterKey,
    /// The change.
    pub change: ChangeNumber,
    /// What the change does.
    pub kind: Kind,
    /// Whether it takes down what an unfinished create left.
    pub undo: bool,
    /// Who asked.
    pub by: Person,
    /// Whose the cluster is.
    pub owner: Person,
    /// The filled-in form.
    pub form: Form,
}

/// Writes the pull request of a cluster's change.
pub fn pull_text(templates: &Templates, cluster: &Cluster) -> Result<PullText, TemplateError> {
    let change = &cluster.change;
    let sheet = sheet(cluster);
    let body = match (change.kind, change.undo) {
        (_, true) => "pull-undo.md.hbs",
        (Kind::Create, false) => "pull-create.md.hbs",
        (Kind::Destroy, false) => "pull-destroy.md.hbs",
    };
    let title = markdown::one_line(templates.fill("pull-title.txt.hbs", &sheet)?.trim());
    let form = PullForm {
        version: HIDDEN_VERSION,
        cluster: cluster.key.clone(),
        change: change.number,
        kind: change.kind,
        undo: change.undo,
        by: change.by.clone(),
        owner: cluster.owner.clone(),
        form: cluster.form.clone(),
    };
    Ok(PullText {
        title: title.chars().take(TITLE_MAX).collect(),
        body: format!("{}\n{}\n", templates.fill(body, &sheet)?.trim(), hidden(&form)),
        commit: format!("{}\n", templates.fill("pull-commit.txt.hbs", &sheet)?.trim()),
    })
}

/// Reads the hidden copy of the form out of a pull request's body. `None` unless there is exactly one, and it holds what kaas wrote.
pub fn read_form(body: &str) -> Option<PullForm> {
    let mut parts = body.split(HIDDEN.0).skip(1);
    let (json, _) = parts.next()?.split_once(HIDDEN.1)?;
    let form: PullForm = serde_json::from_str(json).ok()?;
    (parts.next().is_none() && form.version == HIDDEN_VERSION).then_some(form)
}

/// The plan, as a comment on the pull request: at most [`COMMENT_MAX`] bytes.
pub fn plan_comment(change: ChangeNumber, plan: &Plan, text: &str) -> String {
    let mut head = format!(
        "**Plan {}** for change {change}: {} to add, {} to change, {} to destroy · {}\n",
        markdown::code(plan.digest.short()),
        plan.add,
        plan.change,
        plan.destroy,
        risk_words(plan.risk),
    );
    for highlight in &plan.highlights {
        head.push_str(&format!("\n- {}", markdown::code(highlight)));
    }
    let text = &with_signs_in_front(text);
    let note = "\n… cut here: the rest is in the file that hangs on the card in the chat";
    folded(&head, "The whole plan, with hidden values left out", text, "diff", note)
}

/// What a search found after a teardown, as a comment on its pull request: at most [`COMMENT_MAX`] bytes.
pub fn certificate_comment(change: ChangeNumber, round: u32, found: &Certificate, text: &str) -> String {
    let when = if round == 1 { "Right after" } else { "Half an hour after" };
    let left = found.sure.len() + found.suspect.len() + found.more as usize;
    let unread = match found.unread.len() {
        0 => String::new(),
        some => format!(" · {some} not readable"),
    };
    let head = format!("**{left} left in the cloud** {} change {change}{unread}\n", when.to_lowercase());
    let note = "\n… cut here: all of it is in the ledger (kaas audit)";
    folded(&head, "What was asked, and what was found. kaas removes nothing there.", text, "", note)
}

/// A comment with a text that opens on a click, cut where it would be too long.
fn folded(head: &str, title: &str, text: &str, language: &str, note: &str) -> String {
    let summary = format!("\n\n<details><summary>{title}</summary>\n\n");
    let tail = "\n\n</details>\n";
    let whole = format!("{head}{summary}{}{tail}", markdown::fenced(text, language));
    if whole.len() <= COMMENT_MAX {
        return whole;
    }
    // The fence costs two lines of at most 32 bytes.
    let room = COMMENT_MAX.saturating_sub(head.len() + summary.len() + tail.len() + note.len() + 64);
    let room = (0..=room.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let kept = text[..room].rsplit_once('\n').map_or(&text[..room], |(lines, _)| lines);
    format!("{head}{summary}{}{tail}", markdown::fenced(&format!("{kept}{note}"), language))
}

/// The status of the head that tells of the plan.
pub const PLAN_STATUS: &str = "kaas/plan";

/// The status of the head that tells of the approval.
pub const APPROVAL_STATUS: &str = "kaas/approval";

/// The plan in a status: `7 to add, 0 to change, 0 to destroy · touches nothing that exists`.
pub fn plan_status(plan: &Plan) -> String {
    let Plan { add, change, destroy, .. } = plan;
    format!("{add} to add, {change} to change, {destroy} to destroy · {}", risk_words(plan.risk))
}

/// An approval that is waited for.
pub fn approval_awaited(quorum: u32) -> String {
    if quorum == 1 { "waits for one approval".to_owned() } else { format!("waits for {quorum} approvals") }
}

/// An approval that was given.
pub fn approval_given(votes: &[Vote]) -> String {
    let names: Vec<String> = votes.iter().map(|vote| markdown::one_line(&vote.by.name)).collect();
    format!("approved by {}", names.join(" and "))
}

/// Moves the signs of a plan to the front of their lines, where a forge looks for them to colour a diff.
fn with_signs_in_front(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let rest = line.trim_start_matches(' ');
        let sign = match rest.as_bytes() {
            [b'+', b' ', ..] => Some(('+', 1)),
            [b'-', b' ', ..] if rest.len() < line.len() => Some(('-', 1)),
            [b'~', b' ', ..] => Some(('!', 1)),
            _ if rest.starts_with("± ") => Some(('!', '±'.len_utf8())),
            _ => None,
        };
        match sign {
            Some((sign, len)) => {
                out.push(sign);
                out.push_str(&line[..line.len() - rest.len()]);
                out.push_str(&rest[len..]);
            }
            None => out.push_str(line),
        }
        out.push('\n');
    }
    out
}

/// How dangerous a plan is, in words.
pub fn risk_words(risk: Risk) -> &'static str {
    match risk {
        Risk::Green => "green: touches nothing that exists",
        Risk::Yellow => "yellow: changes something in place",
        Risk::Red => "red: destroys or replaces something",
    }
}

/// The values that the templates are filled in with.
fn sheet(cluster: &Cluster) -> serde_json::Value {
    let (form, change) = (&cluster.form, &cluster.change);
    serde_json::json!({
        "tenant": cluster.key.tenant,
        "cluster": cluster.key.name,
        "change": change.number,
        "create": change.kind == Kind::Create && !change.undo,
        "destroy": change.kind == Kind::Destroy || change.undo,
        "undo": change.undo,
        "by": change.by.name,
        "by_id": change.by.id,
        "owner": cluster.owner.name,
        "reason": change.reason,
        "ticket": change.ticket,
        "class": form.class,
        "size": form.size,
        "workers": form.workers,
        "control_planes": form.control_planes,
        "instance_type": form.instance_type,
        "region": form.region,
        "kubernetes": form.kubernetes.spoken(),
        "ttl": form.ttl.as_ref().map(Ttl::to_string),
        "price": form.dollars_a_month,
    })
}

/// The form as an HTML comment. Characters that could end it, or mean something to a forge, are written by number.
fn hidden(form: &PullForm) -> String {
    let json = serde_json::to_string(form).expect("a form is plain strings and numbers");
    let mut out = String::from(HIDDEN.0);
    for c in json.chars() {
        // None of these stands outside a string in JSON without negative numbers.
        if matches!(c, '<' | '>' | '&' | '-' | '@' | '#' | '`') || crate::lifecycle::form::is_invisible(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out.push_str(HIDDEN.1);
    out
}

#[cfg(test)]
#[path = "pull_tests.rs"]
mod tests;
