//! Which path leads to which handler. The whole REST surface of the fake is this one table.

use super::answer::{Answer, Handled, not_found, refused};
use super::ask::Ask;
use super::world::{REPOSITORY_ID, World};
use super::{apps, checks, issues, pulls, refs, reviews};

/// Answers one call. `header` is its `Authorization`.
pub(super) fn answer(world: &mut World, mut ask: Ask, header: Option<&str>) -> Answer {
    let limited = ask.parts.first().map(String::as_str) != Some("rate_limit");
    let answer = match world.authenticate(header) {
        Err(answer) => answer,
        Ok(actor) => {
            ask.actor = actor;
            match count(world, limited) {
                Err(answer) => answer,
                Ok(()) => route(world, &ask, header).unwrap_or_else(|refusal| refusal),
            }
        }
    };
    let (rate, number) = (world.rate.clone(), world.id());
    answer
        .with("x-github-request-id", format!("FAKE:{number:04X}"))
        .with("x-github-media-type", "github.v3; format=json")
        .with("x-ratelimit-limit", rate.limit)
        .with("x-ratelimit-used", rate.used)
        .with("x-ratelimit-remaining", rate.limit.saturating_sub(rate.used))
        .with("x-ratelimit-reset", rate.reset.as_second())
        .with("x-ratelimit-resource", "core")
}

fn count(world: &mut World, limited: bool) -> Result<(), Answer> {
    let now = world.clock.now();
    if world.rate.reset <= now {
        world.rate.used = 0;
        world.rate.reset = now + super::RATE_WINDOW;
    }
    if !limited {
        return Ok(());
    }
    if world.rate.used >= world.rate.limit {
        let words = format!("API rate limit exceeded for installation ID {}.", world.app.installation);
        return Err(refused(403, &words));
    }
    world.rate.used += 1;
    Ok(())
}

pub(super) fn route(world: &mut World, ask: &Ask, header: Option<&str>) -> Handled {
    let parts: Vec<&str> = ask.parts.iter().map(String::as_str).collect();
    match (ask.method.as_str(), parts.as_slice()) {
        ("GET", ["app"]) => apps::app(world, ask),
        ("GET", ["app", "installations"]) => apps::installations(world, ask),
        ("GET", ["app", "installations", id]) => apps::installation(world, ask, id),
        ("POST", ["app", "installations", id, "access_tokens"]) => apps::create_token(world, ask, id),
        ("DELETE", ["installation", "token"]) => apps::revoke_token(world, ask, header),
        ("GET", ["installation", "repositories"]) => apps::installation_repositories(world, ask),
        ("GET", ["user"]) => apps::user(world, ask),
        ("GET", ["users", login]) => apps::user_by_login(world, login),
        ("GET", ["rate_limit"]) => apps::rate_limit(world),
        (_, ["repos", owner, name, ..])
            if owner.eq_ignore_ascii_case(&world.owner) && name.eq_ignore_ascii_case(&world.name) =>
        {
            in_repository(world, ask, &parts[3..], &ask.parts[3..])
        }
        (_, ["repositories", id, ..]) if *id == REPOSITORY_ID.to_string() => {
            in_repository(world, ask, &parts[2..], &ask.parts[2..])
        }
        _ => Err(not_found()),
    }
}

fn in_repository(world: &mut World, ask: &Ask, parts: &[&str], rest: &[String]) -> Handled {
    match (ask.method.as_str(), parts) {
        ("GET", []) => apps::repository(world, ask),
        ("GET", ["installation"]) => apps::repository_installation(world, ask),
        ("GET", ["collaborators", login, "permission"]) => apps::permission(world, ask, login),

        ("GET", ["git", "ref", _, _, ..]) => refs::get_ref(world, ask, &rest[2..]),
        ("GET", ["git", "matching-refs", ..]) => refs::matching_refs(world, ask, &rest[2..]),
        ("POST", ["git", "refs"]) => refs::create_ref(world, ask),
        ("PATCH", ["git", "refs", _, _, ..]) => refs::update_ref(world, ask, &rest[2..]),
        ("DELETE", ["git", "refs", _, _, ..]) => refs::delete_ref(world, ask, &rest[2..]),
        ("POST", ["git", "commits"]) => refs::create_git_commit(world, ask),
        ("GET", ["git", "commits", sha]) => refs::get_git_commit(world, ask, sha),
        ("POST", ["git", "trees"]) => refs::create_tree(world, ask),
        ("GET", ["git", "trees", ..]) if parts.len() > 2 => refs::get_tree(world, ask, &parts[2..].join("/")),
        ("POST", ["git", "blobs"]) => refs::create_blob(world, ask),
        ("GET", ["git", "blobs", sha]) => refs::get_blob(world, ask, sha),
        ("GET", ["contents", ..]) => refs::get_contents(world, ask, &rest[1..]),
        ("GET", ["compare", ..]) => refs::compare(world, ask, &parts[1..].join("/")),

        ("POST", ["statuses", sha]) => checks::create_status(world, ask, sha),
        ("GET", ["commits"]) => refs::list_commits(world, ask),
        ("GET", ["commits", name @ .., "status"]) if !name.is_empty() => checks::combined(world, ask, &name.join("/")),
        ("GET", ["commits", name @ .., "statuses"]) if !name.is_empty() => {
            checks::list_statuses(world, ask, &name.join("/"))
        }
        ("GET", ["commits", name @ .., "check-runs"]) if !name.is_empty() => {
            checks::list_runs(world, ask, &name.join("/"))
        }
        ("GET", ["commits", name @ ..]) => refs::get_commit(world, ask, &name.join("/")),
        ("POST", ["check-runs"]) => checks::create_run(world, ask),
        ("GET", ["check-runs", id]) => checks::get_run(world, ask, id),
        ("PATCH", ["check-runs", id]) => checks::update_run(world, ask, id),
        ("GET", ["branches", name @ .., "protection"]) if !name.is_empty() => {
            checks::protection(world, ask, &name.join("/"))
        }
        ("GET", ["branches", name @ ..]) if !name.is_empty() => refs::get_branch(world, ask, &name.join("/")),
        ("GET", ["rules", "branches", name @ ..]) if !name.is_empty() => checks::rules(world, ask, &name.join("/")),

        ("POST", ["pulls"]) => pulls::create(world, ask),
        ("GET", ["pulls"]) => pulls::list(world, ask),
        ("GET", ["pulls", n]) => pulls::get(world, ask, n),
        ("PATCH", ["pulls", n]) => pulls::update(world, ask, n),
        ("GET", ["pulls", n, "files"]) => pulls::files(world, ask, n),
        ("GET", ["pulls", n, "commits"]) => pulls::commits(world, ask, n),
        ("GET", ["pulls", n, "merge"]) => pulls::is_merged(world, ask, n),
        ("PUT", ["pulls", n, "merge"]) => pulls::merge(world, ask, n),
        ("GET", ["pulls", n, "reviews"]) => reviews::list(world, ask, n),
        ("POST", ["pulls", n, "reviews"]) => reviews::create(world, ask, n),
        ("PUT", ["pulls", n, "reviews", id, "dismissals"]) => reviews::dismiss(world, ask, n, id),
        ("GET", ["pulls", n, "requested_reviewers"]) => reviews::requested(world, ask, n),
        ("POST", ["pulls", n, "requested_reviewers"]) => reviews::request(world, ask, n),
        ("DELETE", ["pulls", n, "requested_reviewers"]) => reviews::unrequest(world, ask, n),

        ("GET", ["issues", "comments", id]) => issues::get_comment(world, ask, id),
        ("PATCH", ["issues", "comments", id]) => issues::update_comment(world, ask, id),
        ("DELETE", ["issues", "comments", id]) => issues::delete_comment(world, ask, id),
        ("GET", ["issues", n]) => issues::get(world, ask, n),
        ("GET", ["issues", n, "comments"]) => issues::comments(world, ask, n),
        ("POST", ["issues", n, "comments"]) => issues::create_comment(world, ask, n),
        ("GET", ["issues", n, "labels"]) => issues::labels_of(world, ask, n),
        ("POST" | "PUT", ["issues", n, "labels"]) => issues::add_labels(world, ask, n),
        ("DELETE", ["issues", n, "labels", name]) => issues::remove_label(world, ask, n, name),
        ("GET", ["labels"]) => issues::labels(world, ask, None),
        ("GET", ["labels", name]) => issues::labels(world, ask, Some(name)),
        ("POST", ["labels"]) => issues::create_label(world, ask),
        _ => Err(not_found()),
    }
}
