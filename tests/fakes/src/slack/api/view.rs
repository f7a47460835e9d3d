//! `views.*`: modals that a trigger opens, once and within its three seconds, and the home of a person.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Answer, Args, Refusal};
use crate::slack::blocks::check_view;
use crate::slack::ids::{UserId, ViewId};
use crate::slack::records::View;
use crate::slack::shape;
use crate::slack::world::{Trigger, World};

/// A view's JSON, in bytes.
const VIEW_SIZE: usize = 250_000;
/// Modals of one pile.
const PILE: usize = 3;

pub(super) fn open(world: &mut World, args: &Args) -> Answer {
    let view = checked(args, "modal")?;
    unique(world, &view, None)?;
    let trigger = spend(world, args)?;
    close_all(world, &trigger.user);
    Ok(shown(add(world, trigger.user, view, None)))
}

pub(super) fn push(world: &mut World, args: &Args) -> Answer {
    let view = checked(args, "modal")?;
    unique(world, &view, None)?;
    let trigger = spend(world, args)?;
    let below = trigger.view.ok_or("invalid_trigger_id")?;
    push_on(world, &below, view).map(shown)
}

/// Lays a modal on another one.
pub(crate) fn push_on(world: &mut World, below: &ViewId, view: Value) -> Result<View, Refusal> {
    let under = find(world, below).filter(|view| view.open).ok_or("not_found")?.clone();
    let pile = world.views.iter().filter(|view| view.open && view.root == under.root).count();
    if pile >= PILE {
        return Err("push_limit_reached".into());
    }
    Ok(add(world, under.user.clone(), view, Some(&under)))
}

pub(super) fn update(world: &mut World, args: &Args) -> Answer {
    let view = checked(args, "modal")?;
    let known = match (args.text("view_id"), args.text("external_id")) {
        (Some(id), _) => world.views.iter().find(|view| view.id == *id),
        (None, Some(external)) => {
            world.views.iter().rev().find(|view| view.open && view.view["external_id"].as_str() == Some(&external))
        }
        (None, None) => return Err("invalid_arguments".into()),
    };
    let known = known.filter(|view| view.open && view.view["type"] == "modal").ok_or("not_found")?.clone();
    fresh(&known, args)?;
    unique(world, &view, Some(&known.id))?;
    replace(world, &known.id, view).map(shown)
}

pub(super) fn publish(world: &mut World, args: &Args) -> Answer {
    let user = args.need("user_id")?;
    let view = checked(args, "home")?;
    if !world.users.contains_key(&user) {
        return Err("user_not_found".into());
    }
    if let Some(id) = world.homes.get(&user).cloned() {
        let known = find(world, &id).ok_or("not_found")?;
        fresh(known, args)?;
        return replace(world, &id, view).map(shown);
    }
    let made = add(world, UserId(user.clone()), view, None);
    world.homes.insert(user, made.id.clone());
    Ok(shown(made))
}

/// Replaces what a view shows.
pub(crate) fn replace(world: &mut World, id: &ViewId, view: Value) -> Result<View, Refusal> {
    let hash = new_hash(world);
    let known = world.views.iter_mut().find(|known| known.id == *id).ok_or("not_found")?;
    known.view = with_ids(view);
    known.hash = hash;
    known.errors = BTreeMap::new();
    Ok(known.clone())
}

/// Closes every modal of a person.
pub(crate) fn close_all(world: &mut World, user: &str) {
    for view in world.views.iter_mut().filter(|view| view.user == *user && view.view["type"] == "modal") {
        view.open = false;
    }
}

fn shown(view: View) -> Value {
    json!({ "view": shape::view(&view, json!({})) })
}

fn find<'a>(world: &'a World, id: &ViewId) -> Option<&'a View> {
    world.views.iter().find(|view| view.id == *id)
}

fn new_hash(world: &mut World) -> String {
    let number = world.next();
    format!("{}.{:08x}", world.now_ms() / 1000, number)
}

fn with_ids(mut view: Value) -> Value {
    if let Some(blocks) = view["blocks"].as_array().cloned() {
        view["blocks"] = Value::Array(crate::slack::world::with_block_ids(blocks));
    }
    view
}

fn add(world: &mut World, user: UserId, view: Value, below: Option<&View>) -> View {
    let id = ViewId(format!("V{}", world.next()));
    let made = View {
        id: id.clone(),
        user,
        view: with_ids(view),
        hash: new_hash(world),
        open: true,
        errors: BTreeMap::new(),
        previous: below.map(|view| view.id.clone()),
        root: below.map_or(id, |view| view.root.clone()),
    };
    world.views.push(made.clone());
    made
}

/// A view that holds every limit.
fn checked(args: &Args, kind: &str) -> Result<Value, Refusal> {
    let view = args.json("view")?.ok_or("invalid_arguments")?;
    checked_view(view, kind)
}

/// Holds a view to every limit.
pub(crate) fn checked_view(view: Value, kind: &str) -> Result<Value, Refusal> {
    if view.to_string().len() > VIEW_SIZE {
        return Err("view_too_large".into());
    }
    let mut wrong = check_view(&view);
    if wrong.is_empty() && view["type"] != kind {
        wrong.push(format!("[ERROR] must be a {kind} [json-pointer:/view/type]"));
    }
    if wrong.is_empty() { Ok(view) } else { Err(Refusal::with_messages("invalid_arguments", wrong)) }
}

fn unique(world: &World, view: &Value, but: Option<&ViewId>) -> Result<(), Refusal> {
    let Some(external) = view["external_id"].as_str().filter(|id| !id.is_empty()) else { return Ok(()) };
    let twice = world
        .views
        .iter()
        .any(|view| view.open && Some(&view.id) != but && view.view["external_id"].as_str() == Some(external));
    if twice { Err("duplicate_external_id".into()) } else { Ok(()) }
}

fn fresh(known: &View, args: &Args) -> Result<(), Refusal> {
    match args.text("hash") {
        Some(hash) if hash != known.hash => Err("hash_conflict".into()),
        _ => Ok(()),
    }
}

/// Uses a trigger up.
fn spend(world: &mut World, args: &Args) -> Result<Trigger, Refusal> {
    let id = args.text("trigger_id").ok_or("invalid_trigger_id")?;
    let now_ms = world.now_ms();
    let life_ms = u64::try_from(world.options.trigger_life.as_millis()).unwrap_or(u64::MAX);
    let trigger = world.triggers.get_mut(&id).ok_or("invalid_trigger_id")?;
    if trigger.used {
        return Err("exchanged_trigger_id".into());
    }
    if now_ms.saturating_sub(trigger.born_ms) > life_ms {
        return Err("expired_trigger_id".into());
    }
    trigger.used = true;
    Ok(trigger.clone())
}
