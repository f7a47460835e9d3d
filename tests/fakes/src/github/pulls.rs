//! Pull requests over REST: create, read, list, change, and merge with the head that was meant.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::answer::{Answer, Handled, created, invalid, invalid_because, not_found, ok, page, refused};
use super::ask::Ask;
use super::auth::{Level, Rank};
use super::refs::broken;
use super::world::{Pull, World};

const PULLS: &[&str] = &["pull_requests"];

pub(super) fn reads(world: &World, ask: &Ask) -> Result<(), Answer> {
    world.allow(&ask.actor, PULLS, Level::Read, Rank::Read)
}

pub(super) fn found<'a>(world: &'a World, number: &str) -> Result<&'a Pull, Answer> {
    number.parse().ok().and_then(|number: u64| world.pulls.get(&number)).ok_or_else(not_found)
}

/// `POST pulls`
pub(super) fn create(world: &mut World, ask: &Ask) -> Handled {
    world.allow(&ask.actor, PULLS, Level::Write, Rank::Read)?;
    let title = ask.need("PullRequest", "title")?;
    let (head, base) = (ask.need("PullRequest", "head")?, ask.need("PullRequest", "base")?);
    let body = ask.text("body").map(str::to_owned);
    Ask::fits("PullRequest", body.as_deref().unwrap_or_default())?;
    let head = match head.split_once(':') {
        Some((owner, branch)) if owner == world.owner => branch.to_owned(),
        Some(_) => return Err(invalid("PullRequest", "head", "invalid")),
        None => head,
    };
    let Some(base_sha) = world.branch(&base) else { return Err(invalid("PullRequest", "base", "invalid")) };
    let Some(head_sha) = world.branch(&head) else { return Err(invalid("PullRequest", "head", "invalid")) };
    if world.pulls.values().any(|pull| pull.open && pull.head == head && pull.base == base) {
        let words = format!("A pull request already exists for {}:{head}.", world.owner);
        return Err(invalid_because("PullRequest", None, &words));
    }
    if world.git.is_ancestor(&head_sha, &base_sha) {
        let words = format!("No commits between {base} and {head}");
        return Err(invalid_because("PullRequest", None, &words));
    }
    let number = world.pulls.keys().next_back().copied().unwrap_or(0) + 1;
    let stamp = world.clock.stamp();
    let pull = Pull {
        id: world.id(),
        number,
        title,
        body,
        open: true,
        draft: ask.body.get("draft").and_then(Value::as_bool).unwrap_or(false),
        merged: None,
        head,
        head_sha,
        base,
        base_sha,
        by: ask.actor.login().to_owned(),
        created: stamp.clone(),
        updated: stamp,
        closed: None,
        closed_by: None,
        labels: BTreeSet::new(),
        reviewers: BTreeSet::new(),
        teams: BTreeSet::new(),
        reviews: Vec::new(),
        comments: Vec::new(),
        looked_at: false,
    };
    let shown = world.pull_full(&pull);
    world.pulls.insert(number, pull);
    world.tell_pull(ask.actor.login(), number, "opened", json!({}));
    created(shown)
}

/// `GET pulls/{n}`: whether it can be merged is not known at the first look.
pub(super) fn get(world: &mut World, ask: &Ask, number: &str) -> Handled {
    reads(world, ask)?;
    let pull = found(world, number)?;
    let (shown, number) = (world.pull_full(pull), pull.number);
    if let Some(pull) = world.pulls.get_mut(&number) {
        pull.looked_at = true;
    }
    ok(shown)
}

/// `GET pulls`
pub(super) fn list(world: &World, ask: &Ask) -> Handled {
    reads(world, ask)?;
    let state = ask.query("state").unwrap_or("open");
    if !matches!(state, "open" | "closed" | "all") {
        return Err(invalid("PullRequest", "state", "invalid"));
    }
    // A head that does not name its owner filters nothing out.
    let head = ask.query("head").and_then(|head| head.split_once(':'));
    let fits = |pull: &&Pull| {
        (state == "all" || pull.open == (state == "open"))
            && head.is_none_or(|(owner, branch)| owner == world.owner && pull.head == branch)
            && ask.query("base").is_none_or(|base| pull.base == base)
    };
    let mut fitting: Vec<&Pull> = world.pulls.values().filter(fits).collect();
    match ask.query("sort") {
        Some("updated") => fitting.sort_by_key(|pull| (pull.updated.clone(), pull.number)),
        _ => fitting.sort_by_key(|pull| pull.number),
    }
    let rising = ask.query("direction").map_or(ask.query("sort").is_some_and(|sort| sort != "created"), |d| d == "asc");
    if !rising {
        fitting.reverse();
    }
    page(ask, fitting.into_iter().map(|pull| world.pull_brief(pull)).collect())
}

/// `PATCH pulls/{n}`
pub(super) fn update(world: &mut World, ask: &Ask, number: &str) -> Handled {
    world.allow(&ask.actor, PULLS, Level::Write, Rank::Read)?;
    let pull = found(world, number)?.clone();
    if let super::auth::Actor::Person(login) = &ask.actor
        && *login != pull.by
    {
        world.allow(&ask.actor, PULLS, Level::Write, Rank::Triage)?;
    }
    let number = pull.number;
    if let Some(body) = ask.text("body") {
        Ask::fits("PullRequest", body)?;
    }
    if ask.body.get("title").is_some() {
        ask.need("PullRequest", "title")?;
    }
    let state = ask.text("state");
    if state.is_some_and(|state| !matches!(state, "open" | "closed")) {
        return Err(invalid("PullRequest", "state", "invalid"));
    }
    let reopens = state == Some("open") && !pull.open;
    if reopens {
        refuse_reopening(world, &pull)?;
    }
    let (stamp, by) = (world.clock.stamp(), ask.actor.login());
    let mut changes = json!({});
    if let Some(pull) = world.pulls.get_mut(&number) {
        if let Some(title) = ask.text("title").filter(|title| *title != pull.title) {
            changes["title"] = json!({"from": std::mem::replace(&mut pull.title, title.to_owned())});
        }
        if let Some(body) = ask.text("body").filter(|body| Some(*body) != pull.body.as_deref()) {
            changes["body"] = json!({"from": pull.body.replace(body.to_owned())});
        }
        pull.updated = stamp;
    }
    if changes.as_object().is_some_and(|changes| !changes.is_empty()) {
        world.tell_pull(by, number, "edited", json!({"changes": changes}));
    }
    if state == Some("closed") {
        world.close(by, number);
    }
    if reopens {
        let head_sha = world.branch(&pull.head);
        if let Some(pull) = world.pulls.get_mut(&number) {
            pull.open = true;
            pull.closed = None;
            pull.closed_by = None;
            pull.looked_at = false;
            pull.head_sha = head_sha.unwrap_or_else(|| pull.head_sha.clone());
        }
        world.tell_pull(by, number, "reopened", json!({}));
    }
    ok(world.pull_full(found(world, &number.to_string())?))
}

fn refuse_reopening(world: &World, pull: &Pull) -> Result<(), Answer> {
    if pull.merged.is_some() {
        return Err(invalid_because("PullRequest", Some("state"), "The pull request cannot be reopened."));
    }
    if world.branch(&pull.head).is_none() {
        let words = format!("state cannot be changed. The {} branch was deleted.", pull.head);
        return Err(invalid_because("PullRequest", Some("state"), &words));
    }
    let other = |other: &Pull| other.open && other.head == pull.head && other.base == pull.base;
    if world.pulls.values().any(other) {
        let words = "state cannot be changed. There is already an open pull request.";
        return Err(invalid_because("PullRequest", Some("state"), words));
    }
    Ok(())
}

/// `GET pulls/{n}/files`
pub(super) fn files(world: &World, ask: &Ask, number: &str) -> Handled {
    reads(world, ask)?;
    let pull = found(world, number)?;
    let files = world.pull_files(pull).unwrap_or_default();
    page(ask, files.iter().map(|file| world.file(file, &pull.head_sha)).collect())
}

/// `GET pulls/{n}/commits`, oldest first.
pub(super) fn commits(world: &World, ask: &Ask, number: &str) -> Handled {
    reads(world, ask)?;
    let pull = found(world, number)?;
    let mut shown = Vec::new();
    for sha in world.git.between(&pull.base_sha, &pull.head_sha).map_err(broken)?.iter().rev() {
        shown.push(world.commit(&world.git.commit(sha).map_err(broken)?));
    }
    page(ask, shown)
}

/// `GET pulls/{n}/merge`
pub(super) fn is_merged(world: &World, ask: &Ask, number: &str) -> Handled {
    reads(world, ask)?;
    match found(world, number)?.merged {
        Some(_) => super::answer::no_content(),
        None => Err(not_found()),
    }
}

/// `PUT pulls/{n}/merge`
pub(super) fn merge(world: &mut World, ask: &Ask, number: &str) -> Handled {
    world.allow(&ask.actor, &["contents"], Level::Write, Rank::Write)?;
    let pull = found(world, number)?.clone();
    let by = ask.actor.login().to_owned();
    if !pull.open {
        return Err(refused(405, "Pull Request is not mergeable"));
    }
    if pull.draft {
        return Err(refused(405, "Pull Request is still a draft"));
    }
    if ask.text("sha").is_some_and(|sha| sha != pull.head_sha) {
        return Err(refused(409, "Head branch was modified. Review and try the merge again."));
    }
    let base = world
        .branch(&pull.base)
        .ok_or_else(|| refused(405, "Base branch was modified. Review and try the merge again."))?;
    refuse_by_rules(world, &pull, &by)?;
    let Some(tree) = world.git.merge(&base, &pull.head_sha) else {
        return Err(refused(405, "Pull Request is not mergeable"));
    };
    let default_title = format!("Merge pull request #{} from {}/{}", pull.number, world.owner, pull.head);
    let squash = match ask.text("merge_method").unwrap_or("merge") {
        "merge" if !world.ways[0] => return Err(refused(405, "Merge commits are not allowed on this repository.")),
        "squash" if !world.ways[1] => return Err(refused(405, "Squash merges are not allowed on this repository.")),
        "rebase" if !world.ways[2] => return Err(refused(405, "Rebase merges are not allowed on this repository.")),
        "merge" => false,
        // One commit upon the base is what rebasing a branch of one commit comes to.
        "squash" | "rebase" => true,
        _ => return Err(invalid("PullRequest", "merge_method", "invalid")),
    };
    let title = match ask.text("commit_title") {
        Some(title) => title.to_owned(),
        None if squash => format!("{} (#{})", pull.title, pull.number),
        None => default_title,
    };
    let message = match ask.text("commit_message").unwrap_or(&pull.title) {
        "" => title,
        more => format!("{title}\n\n{more}"),
    };
    let parents = if squash { vec![base.clone()] } else { vec![base.clone(), pull.head_sha.clone()] };
    let who = world.signature(&by);
    let sha = world.git.write_commit(&tree, &parents, &message, &who, &who).map_err(broken)?;
    let base_ref = format!("refs/heads/{}", pull.base);
    if world.git.set_ref(&base_ref, &sha, &base).is_err() {
        return Err(refused(409, "Base branch was modified. Review and try the merge again."));
    }
    world.note_merge(&by, pull.number, &sha);
    world.observe(&by);
    ok(json!({"sha": sha, "merged": true, "message": "Pull Request successfully merged"}))
}

fn refuse_by_rules(world: &World, pull: &Pull, by: &str) -> Result<(), Answer> {
    let Some(rules) = world.rules_for(&pull.base, by) else { return Ok(()) };
    if rules.reviews > 0 {
        let words = super::reviews::latest(world, pull);
        if words.values().any(|state| *state == "CHANGES_REQUESTED") {
            return Err(refused(405, "Changes have been requested by reviewers with write access."));
        }
        let yes = words.values().filter(|state| **state == "APPROVED").count();
        if yes < rules.reviews as usize {
            let noun = if rules.reviews == 1 { "review is" } else { "reviews are" };
            let words = format!("At least {} approving {noun} required by reviewers with write access.", rules.reviews);
            return Err(refused(405, &words));
        }
    }
    for context in &rules.checks {
        match super::checks::state_of(world, &pull.head_sha, context) {
            Some("success") => {}
            Some(_) => return Err(refused(405, &format!("Required status check \"{context}\" is failing."))),
            None => return Err(refused(405, &format!("Required status check \"{context}\" is expected."))),
        }
    }
    Ok(())
}
