//! What people do in modals: fill in, submit, close. What the form itself would not let through is refused here, as Slack's own window does.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};

use super::FakeSlack;
use super::api::{checked_view, close_all, push_on, replace};
use super::deliver::Outcome;
use super::doings::{interaction, person};
use super::ids::ViewId;
use super::records::View;
use super::shape;
use super::world::World;

impl FakeSlack {
    /// Fills in a modal and submits it. `values` names for each field, by its block id or action id, what is entered: a text, a number, the value of
    /// an option, or a list of those; what is not named keeps what it shows at first. If the app answers with errors, the modal stays open and
    /// [`View::errors`] holds them.
    pub async fn submit_view(&self, user: &str, view: &ViewId, values: &Value) -> Result<Outcome> {
        let payload = self.inner.change(|world| {
            let person = person(world, user)?;
            let known = top(world, user, view)?;
            let state = fill(&known.view, values)?;
            let mut payload = interaction("view_submission", &person);
            payload["view"] = shape::view(&known, state);
            payload["trigger_id"] = json!(world.new_trigger(user, Some(view.clone())));
            payload["response_urls"] = json!([]);
            anyhow::Ok(payload)
        })?;
        let outcome = self.inner.deliver("interactive", payload).await;
        self.inner.change(|world| answered(world, user, view, &outcome))?;
        Ok(outcome)
    }

    /// Closes a modal; the app hears of it if it asked to (`notify_on_close`).
    pub async fn close_view(&self, user: &str, view: &ViewId) -> Result<Option<Outcome>> {
        let payload = self.inner.change(|world| {
            let person = person(world, user)?;
            let known = top(world, user, view)?;
            close(world, view);
            let mut payload = interaction("view_closed", &person);
            payload["view"] = shape::view(&known, json!({}));
            payload["is_cleared"] = json!(false);
            anyhow::Ok((known.view["notify_on_close"] == true).then_some(payload))
        })?;
        match payload {
            Some(payload) => Ok(Some(self.inner.deliver("interactive", payload).await)),
            None => Ok(None),
        }
    }
}

/// The modal, if it is the one that this person has in front.
fn top(world: &World, user: &str, view: &ViewId) -> Result<View> {
    let mut open = world.views.iter().rev().filter(|v| v.open && v.user == *user && v.view["type"] == "modal");
    let known = open.next().filter(|known| known.id == *view);
    Ok(known.with_context(|| format!("{user} does not have {view} in front"))?.clone())
}

fn close(world: &mut World, id: &ViewId) {
    for view in world.views.iter_mut().filter(|view| view.id == *id) {
        view.open = false;
    }
}

/// Does with a modal what the app answered.
fn answered(world: &mut World, user: &str, view: &ViewId, outcome: &Outcome) -> Result<()> {
    if !outcome.is_acked() {
        return Ok(());
    }
    let payload = outcome.payload.clone().unwrap_or_default();
    match payload["response_action"].as_str() {
        None => close(world, view),
        Some("clear") => close_all(world, user),
        Some("errors") => {
            let errors: BTreeMap<String, String> =
                serde_json::from_value(payload["errors"].clone()).context("errors name a block and a sentence each")?;
            let known = world.views.iter_mut().find(|known| known.id == *view).context("the modal is gone")?;
            let blocks = known.view["blocks"].as_array().into_iter().flatten();
            let inputs: Vec<&str> = blocks
                .filter(|block| block["type"] == "input")
                .filter_map(|block| block["block_id"].as_str())
                .collect();
            ensure!(!errors.is_empty(), "an answer of errors has none");
            for block in errors.keys() {
                ensure!(inputs.contains(&block.as_str()), "an error at {block}, which is no field of the modal");
            }
            known.errors = errors;
        }
        Some(action @ ("update" | "push")) => {
            let next = checked_view(payload["view"].clone(), "modal")
                .map_err(|refusal| anyhow::anyhow!("{}: {:?}", refusal.error, refusal.more))?;
            let done = if action == "update" { replace(world, view, next) } else { push_on(world, view, next) };
            done.map_err(|refusal| anyhow::anyhow!("{}", refusal.error))?;
        }
        Some(other) => bail!("Slack knows no response_action {other}"),
    }
    Ok(())
}

/// The state of a modal with these values in its fields.
fn fill(view: &Value, values: &Value) -> Result<Value> {
    let mut state = Map::new();
    let mut known = Vec::new();
    for block in view["blocks"].as_array().into_iter().flatten().filter(|block| block["type"] == "input") {
        let block_id = block["block_id"].as_str().unwrap_or_default();
        let element = &block["element"];
        let action_id = element["action_id"].as_str().unwrap_or(block_id);
        known.extend([block_id.to_string(), action_id.to_string()]);
        let given = values.get(block_id).or_else(|| values.get(action_id));
        let label = block["label"]["text"].as_str().unwrap_or(block_id);
        let field = entered(element, given).with_context(|| format!("the field {label}"))?;
        let is_empty = field.as_object().is_none_or(|field| {
            field
                .iter()
                .filter(|(key, _)| *key != "type")
                .all(|(_, value)| value.is_null() || value.as_array().is_some_and(Vec::is_empty))
        });
        ensure!(!is_empty || block["optional"] == true, "the field {label} has to be filled in");
        state.insert(block_id.to_string(), json!({ action_id: field }));
    }
    for name in values.as_object().into_iter().flatten().map(|(name, _)| name) {
        ensure!(known.contains(name), "the modal has no field {name}: it has {}", known.join(", "));
    }
    Ok(Value::Object(state))
}

/// What one field holds.
fn entered(element: &Value, given: Option<&Value>) -> Result<Value> {
    let kind = element["type"].as_str().unwrap_or_default();
    let mut field = json!({ "type": kind });
    match kind {
        "plain_text_input" | "email_text_input" | "url_text_input" | "number_input" => {
            let text = match given {
                None => element["initial_value"].as_str().map(ToString::to_string),
                Some(Value::Null) => None,
                Some(Value::String(text)) => Some(text.clone()),
                Some(other) => Some(other.to_string()),
            };
            let text = text.filter(|text| !text.is_empty());
            if let Some(text) = &text {
                within(element, kind, text)?;
            }
            field["value"] = json!(text);
        }
        "static_select" | "radio_buttons" => {
            field["selected_option"] = match given {
                None => element["initial_option"].clone(),
                Some(Value::Null) => Value::Null,
                Some(wanted) => option(element, wanted)?,
            };
        }
        "checkboxes" | "multi_static_select" => {
            field["selected_options"] = match given {
                None if element["initial_options"].is_null() => json!([]),
                None => element["initial_options"].clone(),
                Some(wanted) => {
                    let wanted = wanted.as_array().context("takes a list of options")?;
                    Value::Array(wanted.iter().map(|wanted| option(element, wanted)).collect::<Result<_>>()?)
                }
            };
        }
        "datepicker" => field["selected_date"] = given.unwrap_or(&element["initial_date"]).clone(),
        "timepicker" => field["selected_time"] = given.unwrap_or(&element["initial_time"]).clone(),
        "users_select" => field["selected_user"] = given.unwrap_or(&element["initial_user"]).clone(),
        "channels_select" => field["selected_channel"] = given.unwrap_or(&element["initial_channel"]).clone(),
        "conversations_select" => {
            field["selected_conversation"] = given.unwrap_or(&element["initial_conversation"]).clone();
        }
        "multi_users_select" => field["selected_users"] = given.cloned().unwrap_or_else(|| json!([])),
        other => bail!("people here cannot fill in a {other}"),
    }
    Ok(field)
}

/// Holds a text to what its field lets through.
fn within(element: &Value, kind: &str, text: &str) -> Result<()> {
    let length = text.chars().count() as u64;
    if let Some(most) = element["max_length"].as_u64() {
        ensure!(length <= most, "takes at most {most} characters");
    }
    if let Some(least) = element["min_length"].as_u64() {
        ensure!(length >= least, "takes at least {least} characters");
    }
    if kind == "number_input" {
        let number: f64 = text.parse().context("takes a number")?;
        ensure!(number.fract() == 0.0 || element["is_decimal_allowed"] == true, "takes a whole number");
        let bound = |key: &str| element[key].as_str().and_then(|text| text.parse::<f64>().ok());
        ensure!(bound("min_value").is_none_or(|least| number >= least), "is below the least value");
        ensure!(bound("max_value").is_none_or(|most| number <= most), "is above the greatest value");
    }
    Ok(())
}

/// The option of this value.
fn option(element: &Value, wanted: &Value) -> Result<Value> {
    let plain = element["options"].as_array().into_iter().flatten();
    let groups = element["option_groups"].as_array().into_iter().flatten();
    let grouped = groups.flat_map(|group| group["options"].as_array().into_iter().flatten());
    let all: Vec<&Value> = plain.chain(grouped).collect();
    let found = all.iter().find(|option| option["value"] == *wanted);
    let names = || all.iter().filter_map(|option| option["value"].as_str()).collect::<Vec<_>>().join(", ");
    found.map(|option| (*option).clone()).with_context(|| format!("has no option {wanted}: it has {}", names()))
}
