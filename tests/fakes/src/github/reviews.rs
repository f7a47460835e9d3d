//! Reviews and the people who are asked for one.

use std::collections::BTreeMap;

use serde_json::json;

use super::answer::{Answer, Handled, created, invalid, invalid_because, not_found, ok, page};
use super::ask::Ask;
use super::auth::{Level, Rank};
use super::pulls::{found, reads};
use super::world::{Pull, Review, World};

const PULLS: &[&str] = &["pull_requests"];

/// The latest word of each person whose word counts: those who may push.
pub(super) fn latest<'a>(world: &World, pull: &'a Pull) -> BTreeMap<&'a str, &'static str> {
    let mut words = BTreeMap::new();
    for review in &pull.reviews {
        let counts = world.users.get(&review.by).is_some_and(|user| user.rank >= Rank::Write);
        if counts && matches!(review.state, "APPROVED" | "CHANGES_REQUESTED" | "DISMISSED") {
            words.insert(review.by.as_str(), review.state);
        }
    }
    words
}

/// `GET pulls/{n}/reviews`, oldest first.
pub(super) fn list(world: &World, ask: &Ask, number: &str) -> Handled {
    reads(world, ask)?;
    let pull = found(world, number)?;
    let visible = |review: &&Review| review.state != "PENDING" || review.by == ask.actor.login();
    page(ask, pull.reviews.iter().filter(visible).map(|review| world.review(pull.number, review)).collect())
}

/// `POST pulls/{n}/reviews`
pub(super) fn create(world: &mut World, ask: &Ask, number: &str) -> Handled {
    world.allow(&ask.actor, PULLS, Level::Write, Rank::Read)?;
    let pull = found(world, number)?;
    let by = ask.actor.login().to_owned();
    let body = ask.text("body").unwrap_or_default().to_owned();
    Ask::fits("PullRequestReview", &body)?;
    let state = match ask.text("event") {
        None => "PENDING",
        Some("APPROVE") => "APPROVED",
        Some("REQUEST_CHANGES") => "CHANGES_REQUESTED",
        Some("COMMENT") => "COMMENTED",
        Some(_) => return Err(invalid("PullRequestReview", "event", "invalid")),
    };
    if pull.by == by && matches!(state, "APPROVED" | "CHANGES_REQUESTED") {
        let what = if state == "APPROVED" { "approve" } else { "request changes on" };
        return Err(unprocessable(&format!("Review Can not {what} your own pull request")));
    }
    if body.trim().is_empty() && matches!(state, "COMMENTED" | "CHANGES_REQUESTED") {
        return Err(unprocessable("Review Can not be blank"));
    }
    let commit = match ask.text("commit_id") {
        None => pull.head_sha.clone(),
        Some(sha) => {
            let own = world.git.between(&pull.base_sha, &pull.head_sha).unwrap_or_default();
            if !own.iter().any(|commit| commit == sha) {
                return Err(invalid_because(
                    "PullRequestReview",
                    Some("commit_id"),
                    "commit_id is not part of the pull request",
                ));
            }
            sha.to_owned()
        }
    };
    let number = pull.number;
    let at = (state != "PENDING").then(|| world.clock.stamp());
    let review = Review { id: world.id(), by: by.clone(), state, body, commit, at };
    let (shown, id) = (world.review(number, &review), review.id);
    if let Some(pull) = world.pulls.get_mut(&number) {
        pull.reviewers.remove(&by);
        pull.reviews.push(review);
    }
    if state != "PENDING" {
        world.tell_review(&by, number, id, "submitted");
    }
    // GitHub answers 200 here, not 201.
    ok(shown)
}

/// `PUT pulls/{n}/reviews/{id}/dismissals`
pub(super) fn dismiss(world: &mut World, ask: &Ask, number: &str, id: &str) -> Handled {
    world.allow(&ask.actor, PULLS, Level::Write, Rank::Write)?;
    ask.need("PullRequestReview", "message")?;
    let number = found(world, number)?.number;
    let id: u64 = id.parse().map_err(|_| not_found())?;
    let review = world
        .pulls
        .get_mut(&number)
        .and_then(|pull| pull.reviews.iter_mut().find(|review| review.id == id))
        .ok_or_else(not_found)?;
    if !matches!(review.state, "APPROVED" | "CHANGES_REQUESTED") {
        return Err(unprocessable("Can not dismiss a commented pull request review"));
    }
    review.state = "DISMISSED";
    let review = review.clone();
    world.tell_review(ask.actor.login(), number, id, "dismissed");
    ok(world.review(number, &review))
}

/// `GET pulls/{n}/requested_reviewers`
pub(super) fn requested(world: &World, ask: &Ask, number: &str) -> Handled {
    reads(world, ask)?;
    let pull = found(world, number)?;
    let users: Vec<_> = pull.reviewers.iter().map(|login| world.user(login)).collect();
    let teams: Vec<_> = pull.teams.iter().map(|slug| json!({"slug": slug, "name": slug})).collect();
    ok(json!({"users": users, "teams": teams}))
}

/// `POST pulls/{n}/requested_reviewers`: answers the pull request.
pub(super) fn request(world: &mut World, ask: &Ask, number: &str) -> Handled {
    world.allow(&ask.actor, PULLS, Level::Write, Rank::Triage)?;
    let pull = found(world, number)?;
    let number = pull.number;
    let (people, teams) = (ask.texts("reviewers").unwrap_or_default(), ask.texts("team_reviewers").unwrap_or_default());
    if people.contains(&pull.by) {
        return Err(unprocessable("Review cannot be requested from pull request author."));
    }
    let known = |login: &String| world.users.get(login).is_some_and(|user| user.rank >= Rank::Read);
    if !people.iter().all(known) {
        let words = "Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a collaborator of the";
        return Err(unprocessable(&format!("{words} {} repository.", world.full_name())));
    }
    if let Some(pull) = world.pulls.get_mut(&number) {
        pull.reviewers.extend(people.iter().cloned());
        pull.teams.extend(teams);
    }
    for login in people {
        let who = json!({"requested_reviewer": world.user(&login)});
        world.tell_pull(ask.actor.login(), number, "review_requested", who);
    }
    created(world.pull_brief(found(world, &number.to_string())?))
}

/// `DELETE pulls/{n}/requested_reviewers`
pub(super) fn unrequest(world: &mut World, ask: &Ask, number: &str) -> Handled {
    world.allow(&ask.actor, PULLS, Level::Write, Rank::Triage)?;
    let number = found(world, number)?.number;
    if let Some(pull) = world.pulls.get_mut(&number) {
        for login in ask.texts("reviewers").unwrap_or_default() {
            pull.reviewers.remove(&login);
        }
        for slug in ask.texts("team_reviewers").unwrap_or_default() {
            pull.teams.remove(&slug);
        }
    }
    ok(world.pull_brief(found(world, &number.to_string())?))
}

fn unprocessable(words: &str) -> Answer {
    Answer::new(
        422,
        json!({"message": "Unprocessable Entity", "errors": [words], "documentation_url": "https://docs.github.com/rest", "status": "422"}),
    )
}
