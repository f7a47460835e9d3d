//! Who one is: the App, its installation and tokens, the person behind a token, the rate limit.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::answer::{Answer, Handled, created, no_content, not_found, ok, page_in, refused};
use super::ask::Ask;
use super::auth::{Actor, Level, Rank, Token};
use super::world::{REPOSITORY_ID, World};

fn only_app(ask: &Ask) -> Result<(), Answer> {
    match ask.actor {
        Actor::App => Ok(()),
        Actor::Nobody => Err(refused(401, "Requires authentication")),
        _ => Err(refused(401, "A JSON web token could not be decoded")),
    }
}

fn only_installation(world: &World, ask: &Ask, id: &str) -> Result<(), Answer> {
    only_app(ask)?;
    if id == world.app.installation.to_string() { Ok(()) } else { Err(not_found()) }
}

/// `GET /app`
pub(super) fn app(world: &World, ask: &Ask) -> Handled {
    only_app(ask)?;
    ok(world.app_shown())
}

/// `GET /app/installations`
pub(super) fn installations(world: &World, ask: &Ask) -> Handled {
    only_app(ask)?;
    super::answer::page(ask, vec![world.installation()])
}

/// `GET /app/installations/{id}`
pub(super) fn installation(world: &World, ask: &Ask, id: &str) -> Handled {
    only_installation(world, ask, id)?;
    ok(world.installation())
}

/// `GET /repos/{o}/{r}/installation`
pub(super) fn repository_installation(world: &World, ask: &Ask) -> Handled {
    only_app(ask)?;
    ok(world.installation())
}

/// `POST /app/installations/{id}/access_tokens`: may ask for fewer repositories and permissions, never for more.
pub(super) fn create_token(world: &mut World, ask: &Ask, id: &str) -> Handled {
    only_installation(world, ask, id)?;
    if world.app.suspended {
        return Err(refused(403, "This installation has been suspended"));
    }
    let by_name = ask.texts("repositories").unwrap_or_default();
    let by_id = ask.body.get("repository_ids").and_then(Value::as_array).cloned().unwrap_or_default();
    if by_name.iter().any(|name| *name != world.name) || by_id.iter().any(|id| *id != json!(REPOSITORY_ID)) {
        return Err(refused(
            422,
            "There is at least one repository that does not exist or is not accessible to the parent installation.",
        ));
    }
    let mut permissions = world.app.permissions.clone();
    if let Some(asked) = ask.body.get("permissions").and_then(Value::as_object).filter(|asked| !asked.is_empty()) {
        permissions.clear();
        for (name, level) in asked {
            let has = world.app.permissions.get(name).map(String::as_str);
            let level = level.as_str().unwrap_or_default();
            let enough = matches!((has, level), (Some("write"), "read" | "write") | (Some("read"), "read"));
            if !enough {
                return Err(refused(422, "The permissions requested are not granted to this installation."));
            }
            permissions.insert(name.clone(), level.to_owned());
        }
        permissions.insert("metadata".to_owned(), "read".to_owned());
    }
    let secret = format!("ghs_{}", (0..36).map(|_| fastrand::alphanumeric()).collect::<String>());
    let expires = world.clock.now() + world.app.token_life;
    let actor = Actor::Installation { login: world.bot(), permissions: permissions.clone(), covers: true };
    world.tokens.insert(secret.clone(), Token { actor, expires: Some(expires) });
    let mut shown = json!({
        "token": secret, "expires_at": super::clock::stamp(expires), "permissions": permissions,
        "repository_selection": "selected",
    });
    if !by_name.is_empty() || !by_id.is_empty() {
        shown["repositories"] = json!([world.repository()]);
    }
    created(shown)
}

/// `DELETE /installation/token`
pub(super) fn revoke_token(world: &mut World, ask: &Ask, secret: Option<&str>) -> Handled {
    if !ask.actor.is_installation() {
        return Err(refused(401, "Bad credentials"));
    }
    if let Some((_, secret)) = secret.and_then(|header| header.split_once(' ')) {
        world.tokens.remove(secret);
    }
    no_content()
}

/// `GET /installation/repositories`
pub(super) fn installation_repositories(world: &World, ask: &Ask) -> Handled {
    if !ask.actor.is_installation() {
        return Err(refused(
            403,
            "You must authenticate with an installation access token in order to list repositories for an installation.",
        ));
    }
    page_in(ask, json!({"repository_selection": "selected"}), "repositories", vec![world.repository()])
}

/// `GET /user`
pub(super) fn user(world: &World, ask: &Ask) -> Handled {
    match &ask.actor {
        Actor::Person(login) => ok(world.user(login)),
        Actor::Nobody => Err(refused(401, "Requires authentication")),
        _ => Err(refused(403, "Resource not accessible by integration")),
    }
}

/// `GET /users/{login}`
pub(super) fn user_by_login(world: &World, login: &str) -> Handled {
    if world.users.contains_key(login) || login == world.owner { ok(world.user(login)) } else { Err(not_found()) }
}

/// `GET /repos/{o}/{r}`
pub(super) fn repository(world: &World, ask: &Ask) -> Handled {
    world.allow(&ask.actor, &["metadata"], Level::Read, Rank::Read)?;
    let mut shown = world.repository();
    let rank = match &ask.actor {
        Actor::Person(login) => world.users.get(login).map_or(Rank::Read, |user| user.rank),
        Actor::Installation { permissions, .. } if permissions.get("contents").is_some_and(|has| has == "write") => {
            Rank::Write
        }
        _ => Rank::Read,
    };
    shown["permissions"] = World::permissions_of(rank);
    shown["allow_merge_commit"] = json!(world.ways[0]);
    shown["allow_squash_merge"] = json!(world.ways[1]);
    shown["allow_rebase_merge"] = json!(world.ways[2]);
    shown["delete_branch_on_merge"] = json!(false);
    ok(shown)
}

/// `GET collaborators/{login}/permission`
pub(super) fn permission(world: &World, ask: &Ask, login: &str) -> Handled {
    world.allow(&ask.actor, &["metadata"], Level::Read, Rank::Read)?;
    let user = world.users.get(login).ok_or_else(|| refused(404, "Not Found"))?;
    // The short form knows four words only.
    let short = match user.rank {
        Rank::Triage => "read",
        Rank::Maintain => "write",
        other => other.name(),
    };
    ok(json!({"permission": short, "role_name": user.rank.name(), "user": world.user(login)}))
}

/// `GET /rate_limit`
pub(super) fn rate_limit(world: &World) -> Handled {
    let rate = &world.rate;
    let core = json!({
        "limit": rate.limit, "used": rate.used, "remaining": rate.limit.saturating_sub(rate.used),
        "reset": rate.reset.as_second(),
    });
    ok(json!({"resources": {"core": core}, "rate": core}))
}

/// What an App that does all of kaas' work has been granted.
pub(super) fn usual_permissions() -> BTreeMap<String, String> {
    let names = ["contents", "pull_requests", "issues", "statuses", "checks"];
    let mut granted: BTreeMap<String, String> =
        names.iter().map(|name| ((*name).to_owned(), "write".to_owned())).collect();
    for name in ["metadata", "administration"] {
        granted.insert(name.to_owned(), "read".to_owned());
    }
    granted
}
