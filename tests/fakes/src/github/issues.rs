//! Comments and labels: what GitHub keeps at the issue of a pull request.

use serde_json::{Value, json};

use super::answer::{Answer, Handled, created, invalid, no_content, not_found, ok, page};
use super::ask::Ask;
use super::auth::{Actor, Level, Rank};
use super::pulls::found;
use super::views::node;
use super::world::{Comment, Pull, World};

// On a pull request either of the two is enough.
const ISSUES: &[&str] = &["issues", "pull_requests"];

impl World {
    /// The issue behind a pull request.
    pub(super) fn issue(&self, pull: &Pull) -> Value {
        let (url, page) = (self.repo_url(), self.repo_page());
        let (own, html) = (format!("{url}/issues/{}", pull.number), format!("{page}/pull/{}", pull.number));
        json!({
            "url": own, "repository_url": url, "labels_url": format!("{own}/labels{{/name}}"),
            "comments_url": format!("{own}/comments"), "events_url": format!("{own}/events"), "html_url": html,
            "id": pull.id, "node_id": node("PR", pull.id), "number": pull.number, "title": pull.title,
            "user": self.user(&pull.by), "labels": pull.labels.iter().map(|name| self.label(name)).collect::<Vec<_>>(),
            "state": if pull.open { "open" } else { "closed" }, "locked": false, "assignee": null, "assignees": [],
            "milestone": null, "comments": pull.comments.len(), "created_at": pull.created, "updated_at": pull.updated,
            "closed_at": pull.closed, "closed_by": pull.closed_by.as_deref().map(|by| self.user(by)), "author_association": "MEMBER", "active_lock_reason": null, "body": pull.body,
            "pull_request": {
                "url": format!("{url}/pulls/{}", pull.number), "html_url": html, "diff_url": format!("{html}.diff"),
                "patch_url": format!("{html}.patch"),
            },
        })
    }
}

fn reads(world: &World, ask: &Ask) -> Result<(), Answer> {
    world.allow(&ask.actor, ISSUES, Level::Read, Rank::Read)
}

/// `GET issues/{n}`
pub(super) fn get(world: &World, ask: &Ask, number: &str) -> Handled {
    reads(world, ask)?;
    ok(world.issue(found(world, number)?))
}

/// `GET issues/{n}/comments`, oldest first.
pub(super) fn comments(world: &World, ask: &Ask, number: &str) -> Handled {
    reads(world, ask)?;
    let pull = found(world, number)?;
    page(ask, pull.comments.iter().map(|comment| world.comment(pull.number, comment)).collect())
}

/// `POST issues/{n}/comments`
pub(super) fn create_comment(world: &mut World, ask: &Ask, number: &str) -> Handled {
    world.allow(&ask.actor, ISSUES, Level::Write, Rank::Read)?;
    let number = found(world, number)?.number;
    let body = ask.need("IssueComment", "body")?;
    Ask::fits("IssueComment", &body)?;
    let (stamp, by) = (world.clock.stamp(), ask.actor.login().to_owned());
    let comment = Comment { id: world.id(), by: by.clone(), body, created: stamp.clone(), updated: stamp };
    let (shown, id) = (world.comment(number, &comment), comment.id);
    if let Some(pull) = world.pulls.get_mut(&number) {
        pull.comments.push(comment);
    }
    world.tell_comment(&by, number, id, "created", json!({}));
    created(shown)
}

fn place(world: &World, id: &str) -> Result<(u64, Comment), Answer> {
    let id: u64 = id.parse().map_err(|_| not_found())?;
    let held = |pull: &Pull| pull.comments.iter().find(|comment| comment.id == id).cloned();
    world.pulls.values().find_map(|pull| held(pull).map(|comment| (pull.number, comment))).ok_or_else(not_found)
}

// One's own comment may be changed by oneself, another's by those who may push.
fn may_change(world: &World, ask: &Ask, comment: &Comment) -> Result<(), Answer> {
    let own = matches!(&ask.actor, Actor::Person(login) if *login == comment.by);
    world.allow(&ask.actor, ISSUES, Level::Write, if own { Rank::Read } else { Rank::Write })
}

/// `GET issues/comments/{id}`
pub(super) fn get_comment(world: &World, ask: &Ask, id: &str) -> Handled {
    reads(world, ask)?;
    let (number, comment) = place(world, id)?;
    ok(world.comment(number, &comment))
}

/// `PATCH issues/comments/{id}`
pub(super) fn update_comment(world: &mut World, ask: &Ask, id: &str) -> Handled {
    reads(world, ask)?;
    let (number, old) = place(world, id)?;
    may_change(world, ask, &old)?;
    let body = ask.need("IssueComment", "body")?;
    Ask::fits("IssueComment", &body)?;
    let new = Comment { body, updated: world.clock.stamp(), ..old.clone() };
    let slot = world.pulls.get_mut(&number).and_then(|pull| pull.comments.iter_mut().find(|one| one.id == old.id));
    if let Some(slot) = slot {
        *slot = new.clone();
    }
    let changes = json!({"changes": {"body": {"from": old.body}}});
    world.tell_comment(ask.actor.login(), number, old.id, "edited", changes);
    ok(world.comment(number, &new))
}

/// `DELETE issues/comments/{id}`
pub(super) fn delete_comment(world: &mut World, ask: &Ask, id: &str) -> Handled {
    reads(world, ask)?;
    let (number, old) = place(world, id)?;
    may_change(world, ask, &old)?;
    world.tell_comment(ask.actor.login(), number, old.id, "deleted", json!({}));
    if let Some(pull) = world.pulls.get_mut(&number) {
        pull.comments.retain(|comment| comment.id != old.id);
    }
    no_content()
}

/// `POST labels`
pub(super) fn create_label(world: &mut World, ask: &Ask) -> Handled {
    world.allow(&ask.actor, ISSUES, Level::Write, Rank::Write)?;
    let name = ask.need("Label", "name")?;
    if world.labels.keys().any(|label| label.eq_ignore_ascii_case(&name)) {
        return Err(invalid("Label", "name", "already_exists"));
    }
    let color = ask.text("color").unwrap_or("ededed").to_owned();
    if color.len() != 6 || !color.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(invalid("Label", "color", "invalid"));
    }
    if ask.text("description").is_some_and(|text| text.chars().count() > 100) {
        return Err(invalid("Label", "description", "too_long"));
    }
    world.labels.insert(name.clone(), color);
    created(world.label(&name))
}

/// `GET labels` and `GET labels/{name}`
pub(super) fn labels(world: &World, ask: &Ask, name: Option<&str>) -> Handled {
    reads(world, ask)?;
    match name {
        None => page(ask, world.labels.keys().map(|name| world.label(name)).collect()),
        Some(name) if world.labels.contains_key(name) => ok(world.label(name)),
        Some(_) => Err(not_found()),
    }
}

/// `GET issues/{n}/labels`
pub(super) fn labels_of(world: &World, ask: &Ask, number: &str) -> Handled {
    reads(world, ask)?;
    page(ask, found(world, number)?.labels.iter().map(|name| world.label(name)).collect())
}

/// `POST` (adds) and `PUT issues/{n}/labels` (sets): a label that there is not is made.
pub(super) fn add_labels(world: &mut World, ask: &Ask, number: &str) -> Handled {
    world.allow(&ask.actor, ISSUES, Level::Write, Rank::Triage)?;
    let number = found(world, number)?.number;
    let given = ask.body.get("labels").unwrap_or(&ask.body).as_array().cloned();
    let names: Vec<String> = given
        .ok_or_else(|| invalid("Label", "labels", "missing_field"))?
        .iter()
        .filter_map(|label| label.as_str().or_else(|| label.get("name").and_then(Value::as_str)))
        .map(str::to_owned)
        .collect();
    for name in &names {
        world.labels.entry(name.clone()).or_insert_with(|| "ededed".to_owned());
    }
    if let Some(pull) = world.pulls.get_mut(&number) {
        if ask.method == "PUT" {
            pull.labels.clear();
        }
        pull.labels.extend(names.iter().cloned());
    }
    for name in names {
        let label = json!({"label": world.label(&name)});
        world.tell_pull(ask.actor.login(), number, "labeled", label);
    }
    ok(found(world, &number.to_string())?.labels.iter().map(|name| world.label(name)).collect())
}

/// `DELETE issues/{n}/labels/{name}`
pub(super) fn remove_label(world: &mut World, ask: &Ask, number: &str, name: &str) -> Handled {
    world.allow(&ask.actor, ISSUES, Level::Write, Rank::Triage)?;
    let number = found(world, number)?.number;
    let removed = world.pulls.get_mut(&number).is_some_and(|pull| pull.labels.remove(name));
    if !removed {
        return Err(super::answer::refused(404, "Label does not exist"));
    }
    let label = json!({"label": world.label(name)});
    world.tell_pull(ask.actor.login(), number, "unlabeled", label);
    ok(found(world, &number.to_string())?.labels.iter().map(|name| world.label(name)).collect())
}
