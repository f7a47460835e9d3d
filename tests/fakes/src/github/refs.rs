//! Git data over REST: references, commits, trees, blobs; contents and comparisons.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::answer::{Answer, Handled, created, invalid, no_content, not_found, ok, page, refused};
use super::ask::Ask;
use super::auth::{Level, Rank};
use super::git::Signature;
use super::views::node;
use super::world::World;

const CONTENTS: &[&str] = &["contents"];

/// A fault of the fake itself: git did not do what it should.
pub(super) fn broken(error: anyhow::Error) -> Answer {
    refused(500, &format!("Server Error: {error:#}"))
}

fn reads(world: &World, ask: &Ask) -> Result<(), Answer> {
    world.allow(&ask.actor, CONTENTS, Level::Read, Rank::Read)
}

fn writes(world: &World, ask: &Ask) -> Result<(), Answer> {
    world.allow(&ask.actor, CONTENTS, Level::Write, Rank::Write)
}

fn shown_ref(world: &World, name: &str, sha: &str) -> Value {
    let url = world.repo_url();
    json!({
        "ref": name, "node_id": node("REF", name), "url": format!("{url}/git/{name}"),
        "object": {"type": "commit", "sha": sha, "url": format!("{url}/git/commits/{sha}")},
    })
}

/// `GET git/ref/heads/x`
pub(super) fn get_ref(world: &World, ask: &Ask, name: &[String]) -> Handled {
    reads(world, ask)?;
    let name = format!("refs/{}", name.join("/"));
    ok(shown_ref(world, &name, world.refs.get(&name).ok_or_else(not_found)?))
}

/// `GET git/matching-refs/heads/x`
pub(super) fn matching_refs(world: &World, ask: &Ask, prefix: &[String]) -> Handled {
    reads(world, ask)?;
    let prefix = format!("refs/{}", prefix.join("/"));
    let fits = world.refs.iter().filter(|(name, _)| name.starts_with(&prefix));
    page(ask, fits.map(|(name, sha)| shown_ref(world, name, sha)).collect())
}

/// `POST git/refs`
pub(super) fn create_ref(world: &mut World, ask: &Ask) -> Handled {
    writes(world, ask)?;
    let (name, sha) = (ask.need("Reference", "ref")?, ask.need("Reference", "sha")?);
    if !world.git.is_name(&name) || name.matches('/').count() < 2 {
        return Err(refused(422, &format!("{name} is not a valid ref name.")));
    }
    if world.git.kind(&sha).as_deref() != Some("commit") {
        return Err(refused(422, "Object does not exist"));
    }
    if world.refs.contains_key(&name) {
        return Err(refused(422, "Reference already exists"));
    }
    // A name below, or above, one that is there.
    if world.git.set_ref(&name, &sha, "").is_err() {
        return Err(refused(422, "Reference update failed"));
    }
    world.observe(ask.actor.login());
    created(shown_ref(world, &name, &sha))
}

/// `PATCH git/refs/heads/x`
pub(super) fn update_ref(world: &mut World, ask: &Ask, name: &[String]) -> Handled {
    writes(world, ask)?;
    let name = format!("refs/{}", name.join("/"));
    let sha = ask.need("Reference", "sha")?;
    let force = ask.body.get("force").and_then(Value::as_bool).unwrap_or(false);
    let Some(old) = world.refs.get(&name).cloned() else { return Err(refused(422, "Reference does not exist")) };
    if world.git.kind(&sha).as_deref() != Some("commit") {
        return Err(refused(422, "Object does not exist"));
    }
    if !force && !world.git.is_ancestor(&old, &sha) {
        return Err(refused(422, "Update is not a fast forward"));
    }
    refuse_protected(world, ask, &name)?;
    world.git.set_ref(&name, &sha, &old).map_err(broken)?;
    world.observe(ask.actor.login());
    ok(shown_ref(world, &name, &sha))
}

/// `DELETE git/refs/heads/x`
pub(super) fn delete_ref(world: &mut World, ask: &Ask, name: &[String]) -> Handled {
    writes(world, ask)?;
    let name = format!("refs/{}", name.join("/"));
    if !world.refs.contains_key(&name) {
        return Err(refused(422, "Reference does not exist"));
    }
    if name == "refs/heads/main" {
        return Err(refused(422, "Cannot delete the default branch"));
    }
    if name.strip_prefix("refs/heads/").is_some_and(|branch| world.protections.contains_key(branch)) {
        return Err(refused(422, "Cannot delete a protected branch"));
    }
    world.git.delete_ref(&name).map_err(broken)?;
    world.observe(ask.actor.login());
    no_content()
}

/// Refuses a push to a branch whose rules ask for a pull request.
pub(super) fn refuse_protected(world: &World, ask: &Ask, name: &str) -> Result<(), Answer> {
    let branch = name.strip_prefix("refs/heads/").unwrap_or_default();
    if world.closed_to(ask.actor.login()).iter().any(|closed| closed == branch) {
        let words = "Repository rule violations found\n\nChanges must be made through a pull request.\n\n";
        return Err(refused(422, words));
    }
    Ok(())
}

/// `GET git/commits/{sha}`
pub(super) fn get_git_commit(world: &World, ask: &Ask, sha: &str) -> Handled {
    reads(world, ask)?;
    if world.git.kind(sha).as_deref() != Some("commit") {
        return Err(not_found());
    }
    ok(world.git_commit(&world.git.commit(sha).map_err(broken)?))
}

/// `POST git/commits`
pub(super) fn create_git_commit(world: &mut World, ask: &Ask) -> Handled {
    writes(world, ask)?;
    let (message, tree) = (ask.need("Commit", "message")?, ask.need("Commit", "tree")?);
    if world.git.kind(&tree).as_deref() != Some("tree") {
        return Err(refused(422, "Tree SHA does not exist"));
    }
    let parents = ask.texts("parents").unwrap_or_default();
    if parents.iter().any(|sha| world.git.kind(sha).as_deref() != Some("commit")) {
        return Err(refused(422, "Parent SHA does not exist or is not a commit object"));
    }
    let own = world.signature(ask.actor.login());
    let author = named(ask, "author", &own)?;
    let committer = match ask.body.get("committer") {
        Some(_) => named(ask, "committer", &own)?,
        None => author.clone(),
    };
    let sha = world.git.write_commit(&tree, &parents, &message, &author, &committer).map_err(broken)?;
    created(world.git_commit(&world.git.commit(&sha).map_err(broken)?))
}

fn named(ask: &Ask, role: &str, own: &Signature) -> Result<Signature, Answer> {
    let Some(given) = ask.body.get(role).filter(|given| !given.is_null()) else { return Ok(own.clone()) };
    let text = |key: &str| given.get(key).and_then(Value::as_str);
    let (Some(name), Some(email)) = (text("name"), text("email")) else {
        return Err(invalid("Commit", role, "missing_field"));
    };
    let at = match text("date") {
        Some(date) => date.parse::<Timestamp>().map_err(|_| invalid("Commit", role, "invalid"))?,
        None => own.at,
    };
    Ok(Signature { name: name.to_owned(), email: email.to_owned(), at })
}

/// `GET git/trees/{sha or branch}?recursive=1`
pub(super) fn get_tree(world: &World, ask: &Ask, name: &str) -> Handled {
    reads(world, ask)?;
    let tree = match world.git.kind(name).as_deref() {
        Some("tree") => name.to_owned(),
        _ => {
            let commit = world.git.commit_of(name).ok_or_else(not_found)?;
            world.git.commit(&commit).map_err(broken)?.tree
        }
    };
    let entries = world.git.entries(&tree, ask.query("recursive").is_some()).map_err(broken)?;
    ok(tree_shown(world, &tree, &entries))
}

fn tree_shown(world: &World, tree: &str, entries: &[super::git::Entry]) -> Value {
    let url = format!("{}/git", world.repo_url());
    let shown: Vec<Value> = entries
        .iter()
        .map(|entry| {
            let kind = if entry.kind == "tree" { "trees" } else { "blobs" };
            let mut shown = json!({
                "path": entry.path, "mode": entry.mode, "type": entry.kind, "sha": entry.sha,
                "url": format!("{url}/{kind}/{}", entry.sha),
            });
            if let Some(size) = entry.size {
                shown["size"] = json!(size);
            }
            shown
        })
        .collect();
    json!({"sha": tree, "url": format!("{url}/trees/{tree}"), "tree": shown, "truncated": false})
}

/// `POST git/trees`
pub(super) fn create_tree(world: &mut World, ask: &Ask) -> Handled {
    writes(world, ask)?;
    let Some(list) = ask.body.get("tree").and_then(Value::as_array) else {
        return Err(refused(422, "Invalid request.\n\n\"tree\" wasn't supplied."));
    };
    let base = match ask.text("base_tree") {
        None => None,
        Some(sha) => match world.git.kind(sha).as_deref() {
            Some("tree") => Some(sha.to_owned()),
            Some("commit") => Some(world.git.commit(sha).map_err(broken)?.tree),
            _ => return Err(refused(404, "Not Found")),
        },
    };
    let mut entries = Vec::new();
    for entry in list {
        entries.push(tree_entry(world, entry)?);
    }
    let tree = world.git.write_tree(base.as_deref(), &entries).map_err(broken)?;
    let entries = world.git.entries(&tree, false).map_err(broken)?;
    created(tree_shown(world, &tree, &entries))
}

fn tree_entry(world: &World, entry: &Value) -> Result<(String, Option<String>, String), Answer> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str);
    let path = text("path").unwrap_or_default();
    let strange = path.split('/').any(|part| matches!(part, "" | "." | ".." | ".git"));
    if strange {
        return Err(refused(422, "tree.path contains a malformed path component"));
    }
    let mode = text("mode").unwrap_or_default();
    if !matches!(mode, "100644" | "100755" | "040000" | "160000" | "120000") {
        return Err(refused(422, "tree.mode contains an invalid value"));
    }
    let sha = match (entry.get("sha"), text("content")) {
        (Some(_), Some(_)) => return Err(refused(422, "Must supply either tree.sha or tree.content, not both")),
        (Some(Value::Null), None) => None,
        (Some(Value::String(sha)), None) => {
            let kind = world.git.kind(sha);
            let wanted = if mode == "040000" { "tree" } else { "blob" };
            if kind.as_deref() != Some(wanted) {
                return Err(refused(422, &format!("tree.sha {sha} is not a valid {wanted}")));
            }
            Some(sha.clone())
        }
        (None, Some(content)) => Some(world.git.write_blob(content.as_bytes()).map_err(broken)?),
        _ => return Err(refused(422, "Must supply either tree.sha or tree.content")),
    };
    Ok((mode.to_owned(), sha, path.to_owned()))
}

/// `POST git/blobs`
pub(super) fn create_blob(world: &mut World, ask: &Ask) -> Handled {
    writes(world, ask)?;
    let content = ask.text("content").ok_or_else(|| invalid("Blob", "content", "missing_field"))?;
    let bytes = match ask.text("encoding").unwrap_or("utf-8") {
        "utf-8" => content.as_bytes().to_vec(),
        "base64" => {
            let plain: String = content.split_whitespace().collect();
            STANDARD.decode(plain).map_err(|_| refused(422, "content is not valid Base64"))?
        }
        _ => return Err(invalid("Blob", "encoding", "invalid")),
    };
    let sha = world.git.write_blob(&bytes).map_err(broken)?;
    created(json!({"sha": sha, "url": format!("{}/git/blobs/{sha}", world.repo_url())}))
}

/// `GET git/blobs/{sha}`
pub(super) fn get_blob(world: &World, ask: &Ask, sha: &str) -> Handled {
    reads(world, ask)?;
    if world.git.kind(sha).as_deref() != Some("blob") {
        return Err(not_found());
    }
    let bytes = world.git.read_blob(sha).map_err(broken)?;
    ok(json!({
        "sha": sha, "node_id": node("B", sha), "size": bytes.len(), "url": format!("{}/git/blobs/{sha}", world.repo_url()),
        "content": folded(&bytes), "encoding": "base64",
    }))
}

/// `GET contents/{path}?ref=`
pub(super) fn get_contents(world: &World, ask: &Ask, path: &[String]) -> Handled {
    reads(world, ask)?;
    let at = ask.query("ref").unwrap_or("main");
    let Some(commit) = world.git.commit_of(at) else {
        return Err(refused(404, &format!("No commit found for the ref {at}")));
    };
    let path = path.join("/");
    let tree = world.git.commit(&commit).map_err(broken)?.tree;
    let all = world.git.entries(&tree, true).map_err(broken)?;
    let url = world.repo_url();
    let shown = |entry: &super::git::Entry| {
        let kind = if entry.kind == "tree" { "dir" } else { "file" };
        json!({
            "name": entry.path.rsplit('/').next(), "path": entry.path, "sha": entry.sha, "size": entry.size.unwrap_or(0),
            "url": format!("{url}/contents/{}?ref={at}", entry.path), "type": kind,
            "html_url": format!("{}/blob/{at}/{}", world.repo_page(), entry.path),
            "git_url": format!("{url}/git/{}/{}", if kind == "dir" { "trees" } else { "blobs" }, entry.sha),
            "download_url": null, "_links": {},
        })
    };
    if let Some(file) = all.iter().find(|entry| entry.path == path && entry.kind == "blob") {
        let mut answer = shown(file);
        answer["content"] = json!(folded(&world.git.read_blob(&file.sha).map_err(broken)?));
        answer["encoding"] = json!("base64");
        return ok(answer);
    }
    if !path.is_empty() && !all.iter().any(|entry| entry.path == path) {
        return Err(not_found());
    }
    let inside = if path.is_empty() { String::new() } else { format!("{path}/") };
    let direct = |entry: &&super::git::Entry| {
        entry.path.strip_prefix(&inside).is_some_and(|rest| !rest.is_empty() && !rest.contains('/'))
    };
    ok(all.iter().filter(direct).map(shown).collect())
}

/// `GET compare/{base}...{head}`
pub(super) fn compare(world: &World, ask: &Ask, range: &str) -> Handled {
    reads(world, ask)?;
    let (base, head) = range.split_once("...").ok_or_else(not_found)?;
    let find = |name: &str| {
        let name = name.strip_prefix(&format!("{}:", world.owner)).unwrap_or(name);
        world.git.commit_of(name).ok_or_else(not_found)
    };
    let (from, to) = (find(base)?, find(head)?);
    let Some(fork) = world.git.merge_base(&from, &to) else {
        return Err(refused(404, &format!("No common ancestor between {base} and {head}.")));
    };
    let ahead = world.git.between(&from, &to).map_err(broken)?;
    let behind = world.git.between(&to, &from).map_err(broken)?;
    let status = match (ahead.is_empty(), behind.is_empty()) {
        (true, true) => "identical",
        (false, true) => "ahead",
        (true, false) => "behind",
        (false, false) => "diverged",
    };
    let commit = |sha: &String| world.git.commit(sha).map(|commit| world.commit(&commit)).map_err(broken);
    let files = world.git.diff(&fork, &to).map_err(broken)?;
    ok(json!({
        "url": format!("{}/compare/{range}", world.repo_url()), "html_url": format!("{}/compare/{range}", world.repo_page()),
        "base_commit": commit(&from)?, "merge_base_commit": commit(&fork)?, "status": status, "ahead_by": ahead.len(),
        "behind_by": behind.len(), "total_commits": ahead.len(),
        "commits": ahead.iter().rev().map(commit).collect::<Result<Vec<_>, _>>()?,
        "files": files.iter().map(|file| world.file(file, &to)).collect::<Vec<_>>(),
    }))
}

/// `GET commits?sha=&path=`
pub(super) fn list_commits(world: &World, ask: &Ask) -> Handled {
    reads(world, ask)?;
    let from = world.git.commit_of(ask.query("sha").unwrap_or("main")).ok_or_else(not_found)?;
    let mut shown = Vec::new();
    for sha in world.git.log(&from, ask.query("path")).map_err(broken)? {
        shown.push(world.commit(&world.git.commit(&sha).map_err(broken)?));
    }
    page(ask, shown)
}

/// `GET commits/{ref}`
pub(super) fn get_commit(world: &World, ask: &Ask, name: &str) -> Handled {
    reads(world, ask)?;
    let sha = world.git.commit_of(name).ok_or_else(|| refused(422, &format!("No commit found for SHA: {name}")))?;
    let commit = world.git.commit(&sha).map_err(broken)?;
    let mut shown = world.commit(&commit);
    if let Some(parent) = commit.parents.first() {
        let files = world.git.diff(parent, &sha).map_err(broken)?;
        shown["files"] = files.iter().map(|file| world.file(file, &sha)).collect();
    }
    ok(shown)
}

/// `GET branches/{name}`
pub(super) fn get_branch(world: &World, ask: &Ask, name: &str) -> Handled {
    reads(world, ask)?;
    let sha = world.branch(name).ok_or_else(|| refused(404, "Branch not found"))?;
    let commit = world.git.commit(&sha).map_err(broken)?;
    ok(json!({
        "name": name, "commit": world.commit(&commit), "protected": world.protections.contains_key(name),
        "protection_url": format!("{}/branches/{name}/protection", world.repo_url()),
    }))
}

// GitHub breaks Base64 into lines of 60 characters.
fn folded(bytes: &[u8]) -> String {
    let plain = STANDARD.encode(bytes);
    plain.as_bytes().chunks(60).map(|line| format!("{}\n", String::from_utf8_lossy(line))).collect()
}
