//! Statuses, check runs, and the rules of branches.

use serde_json::{Value, json};

use super::answer::{Answer, Handled, created, invalid, invalid_because, not_found, ok, page, page_in, refused};
use super::ask::Ask;
use super::auth::{Level, Rank};
use super::world::{CheckRun, Status, World};

const STATUSES: &[&str] = &["statuses"];
const CHECKS: &[&str] = &["checks"];

/// The most characters of a status's description.
const DESCRIPTION_MAX: usize = 140;

/// What a commit's status or check of that name says now: `success`, `failure`, `pending`.
pub(super) fn state_of<'a>(world: &'a World, sha: &str, context: &str) -> Option<&'a str> {
    let status = world.statuses.iter().rev().find(|status| status.sha == sha && status.context == context);
    if let Some(status) = status {
        return Some(&status.state);
    }
    let run = world.checks.iter().rev().find(|run| run.sha == sha && run.name == context)?;
    Some(match run.conclusion.as_deref() {
        Some("success" | "neutral" | "skipped") => "success",
        Some(_) => "failure",
        None => "pending",
    })
}

fn commit(world: &World, name: &str) -> Result<String, Answer> {
    world.git.commit_of(name).ok_or_else(|| refused(422, &format!("No commit found for SHA: {name}")))
}

/// `POST statuses/{sha}`
pub(super) fn create_status(world: &mut World, ask: &Ask, sha: &str) -> Handled {
    world.allow(&ask.actor, STATUSES, Level::Write, Rank::Write)?;
    if world.git.kind(sha).as_deref() != Some("commit") {
        return Err(refused(422, &format!("No commit found for SHA: {sha}")));
    }
    let state = ask.need("Status", "state")?;
    if !matches!(state.as_str(), "error" | "failure" | "pending" | "success") {
        return Err(invalid("Status", "state", "invalid"));
    }
    let description = ask.text("description").map(str::to_owned);
    if description.as_ref().is_some_and(|text| text.chars().count() > DESCRIPTION_MAX) {
        let words = format!("description is too long (maximum is {DESCRIPTION_MAX} characters)");
        return Err(invalid_because("Status", Some("description"), &words));
    }
    let target = ask.text("target_url").map(str::to_owned);
    if target.as_ref().is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
        let words = "target_url must use http(s) scheme";
        return Err(invalid_because("Status", Some("target_url"), words));
    }
    let status = Status {
        id: world.id(),
        sha: sha.to_owned(),
        state,
        context: ask.text("context").unwrap_or("default").to_owned(),
        description,
        target,
        by: ask.actor.login().to_owned(),
        at: world.clock.stamp(),
    };
    let shown = world.status(&status);
    world.statuses.push(status);
    created(shown)
}

/// `GET commits/{ref}/statuses`, newest first.
pub(super) fn list_statuses(world: &World, ask: &Ask, name: &str) -> Handled {
    world.allow(&ask.actor, STATUSES, Level::Read, Rank::Read)?;
    let sha = commit(world, name)?;
    page(ask, world.statuses.iter().rev().filter(|s| s.sha == sha).map(|s| world.status(s)).collect())
}

/// `GET commits/{ref}/status`: the latest of each context, and what they say together.
pub(super) fn combined(world: &World, ask: &Ask, name: &str) -> Handled {
    world.allow(&ask.actor, STATUSES, Level::Read, Rank::Read)?;
    let sha = commit(world, name)?;
    let mut latest: Vec<&Status> = Vec::new();
    for status in world.statuses.iter().rev().filter(|status| status.sha == sha) {
        if !latest.iter().any(|newer| newer.context == status.context) {
            latest.push(status);
        }
    }
    let state = if latest.iter().any(|status| matches!(status.state.as_str(), "error" | "failure")) {
        "failure"
    } else if latest.is_empty() || latest.iter().any(|status| status.state == "pending") {
        "pending"
    } else {
        "success"
    };
    let url = format!("{}/commits/{sha}", world.repo_url());
    let around = json!({
        "state": state, "sha": sha, "repository": world.repository(), "commit_url": url, "url": format!("{url}/status"),
    });
    page_in(ask, around, "statuses", latest.into_iter().map(|status| world.status(status)).collect())
}

// Whoever is not an App may only look.
fn only_apps(world: &World, ask: &Ask) -> Result<(), Answer> {
    world.allow(&ask.actor, CHECKS, Level::Write, Rank::Read)?;
    if ask.actor.is_installation() { Ok(()) } else { Err(refused(403, "You must authenticate via a GitHub App.")) }
}

/// `POST check-runs`
pub(super) fn create_run(world: &mut World, ask: &Ask) -> Handled {
    only_apps(world, ask)?;
    let (name, sha) = (ask.need("CheckRun", "name")?, ask.need("CheckRun", "head_sha")?);
    if world.git.kind(&sha).as_deref() != Some("commit") {
        return Err(refused(422, &format!("No commit found for SHA: {sha}")));
    }
    let stamp = world.clock.stamp();
    let mut run = CheckRun {
        id: world.id(),
        sha,
        name,
        status: "queued".to_owned(),
        conclusion: None,
        started: ask.text("started_at").map_or(stamp, str::to_owned),
        completed: None,
        details: None,
        external: None,
        output: Value::Null,
    };
    fill(world, ask, &mut run)?;
    let shown = world.check_run(&run);
    world.checks.push(run);
    tell(world, ask, "created", &shown);
    created(shown)
}

/// `PATCH check-runs/{id}`
pub(super) fn update_run(world: &mut World, ask: &Ask, id: &str) -> Handled {
    only_apps(world, ask)?;
    let at = world.checks.iter().position(|run| run.id.to_string() == id).ok_or_else(not_found)?;
    let mut run = world.checks[at].clone();
    if let Some(name) = ask.text("name") {
        run.name = name.to_owned();
    }
    fill(world, ask, &mut run)?;
    let shown = world.check_run(&run);
    world.checks[at] = run;
    if shown["status"] == "completed" {
        tell(world, ask, "completed", &shown);
    }
    ok(shown)
}

fn fill(world: &World, ask: &Ask, run: &mut CheckRun) -> Result<(), Answer> {
    if let Some(status) = ask.text("status") {
        if !matches!(status, "queued" | "in_progress" | "completed") {
            return Err(invalid("CheckRun", "status", "invalid"));
        }
        run.status = status.to_owned();
        if status != "completed" {
            run.conclusion = None;
            run.completed = None;
        }
    }
    if let Some(conclusion) = ask.text("conclusion") {
        let known = ["action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out"];
        if !known.contains(&conclusion) {
            return Err(invalid("CheckRun", "conclusion", "invalid"));
        }
        run.status = "completed".to_owned();
        run.conclusion = Some(conclusion.to_owned());
        run.completed = Some(ask.text("completed_at").map_or_else(|| world.clock.stamp(), str::to_owned));
    }
    if run.status == "completed" && run.conclusion.is_none() {
        return Err(invalid("CheckRun", "conclusion", "missing_field"));
    }
    if let Some(output) = ask.body.get("output") {
        if output.get("summary").is_none_or(|summary| !summary.is_string()) {
            return Err(invalid("CheckRun", "output", "missing_field"));
        }
        for key in ["summary", "text"] {
            Ask::fits("CheckRun", output.get(key).and_then(Value::as_str).unwrap_or_default())?;
        }
        run.output = output.clone();
    }
    run.details = ask.text("details_url").map(str::to_owned).or(run.details.take());
    run.external = ask.text("external_id").map(str::to_owned).or(run.external.take());
    Ok(())
}

fn tell(world: &mut World, ask: &Ask, action: &str, shown: &Value) {
    world.tell("check_run", ask.actor.login(), json!({"action": action, "check_run": shown}));
}

/// `GET check-runs/{id}`
pub(super) fn get_run(world: &World, ask: &Ask, id: &str) -> Handled {
    world.allow(&ask.actor, CHECKS, Level::Read, Rank::Read)?;
    let run = world.checks.iter().find(|run| run.id.to_string() == id).ok_or_else(not_found)?;
    ok(world.check_run(run))
}

/// `GET commits/{ref}/check-runs`
pub(super) fn list_runs(world: &World, ask: &Ask, name: &str) -> Handled {
    world.allow(&ask.actor, CHECKS, Level::Read, Rank::Read)?;
    let sha = commit(world, name)?;
    let fits = |run: &&CheckRun| run.sha == sha && ask.query("check_name").is_none_or(|wanted| run.name == wanted);
    page_in(ask, json!({}), "check_runs", world.checks.iter().filter(fits).map(|run| world.check_run(run)).collect())
}

/// `GET branches/{b}/protection`: classic protection, for those who administer.
pub(super) fn protection(world: &World, ask: &Ask, branch: &str) -> Handled {
    world.allow(&ask.actor, &["administration"], Level::Read, Rank::Admin)?;
    if world.branch(branch).is_none() {
        return Err(refused(404, "Branch not found"));
    }
    let Some(rules) = world.protections.get(branch).filter(|rules| !rules.ruleset) else {
        return Err(refused(404, "Branch not protected"));
    };
    let url = format!("{}/branches/{branch}/protection", world.repo_url());
    let mut shown = json!({
        "url": url, "enforce_admins": {"url": format!("{url}/enforce_admins"), "enabled": rules.for_admins},
        "allow_force_pushes": {"enabled": false}, "allow_deletions": {"enabled": false},
    });
    if rules.reviews > 0 {
        shown["required_pull_request_reviews"] = json!({
            "url": format!("{url}/required_pull_request_reviews"), "dismiss_stale_reviews": rules.dismiss_stale,
            "require_code_owner_reviews": false, "required_approving_review_count": rules.reviews,
        });
    }
    if !rules.checks.is_empty() {
        let checks: Vec<Value> = rules.checks.iter().map(|name| json!({"context": name, "app_id": null})).collect();
        shown["required_status_checks"] = json!({
            "url": format!("{url}/required_status_checks"), "strict": false, "contexts": rules.checks, "checks": checks,
        });
    }
    ok(shown)
}

/// `GET rules/branches/{b}`: rulesets only, for everybody who may read.
pub(super) fn rules(world: &World, ask: &Ask, branch: &str) -> Handled {
    world.allow(&ask.actor, &["metadata"], Level::Read, Rank::Read)?;
    let mut shown = Vec::new();
    let source = |kind: &str, parameters: Value| {
        json!({
            "type": kind, "ruleset_source_type": "Repository", "ruleset_source": world.full_name(), "ruleset_id": 42,
            "parameters": parameters,
        })
    };
    if let Some(rules) = world.protections.get(branch).filter(|rules| rules.ruleset) {
        if rules.reviews > 0 {
            let parameters = json!({
                "required_approving_review_count": rules.reviews, "dismiss_stale_reviews_on_push": rules.dismiss_stale,
                "require_code_owner_review": false, "require_last_push_approval": false,
                "required_review_thread_resolution": false,
            });
            shown.push(source("pull_request", parameters));
        }
        if !rules.checks.is_empty() {
            let checks: Vec<Value> = rules.checks.iter().map(|name| json!({"context": name})).collect();
            let parameters = json!({"required_status_checks": checks, "strict_required_status_checks_policy": false});
            shown.push(source("required_status_checks", parameters));
        }
    }
    page(ask, shown)
}
