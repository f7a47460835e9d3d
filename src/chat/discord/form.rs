//! Forms as modals: the one for a new cluster, the one for the reason of a rejection, and what is said about one that was not right.
//!
//! A modal holds five lines of text and no lists, so the fields that matter most are shown, and what a list would offer stands in a field's label or
//! behind its empty line. A sent form that was not right is closed by Discord: what was filled in travels in the private answer itself, whose button opens
//! the form again with it. Nothing is kept here, so a restart loses nothing.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::draw::{self, Names, Shape};
use super::ids::{self, Meant, Shown};
use super::marks::{self, cut};
use crate::lifecycle::PlanDigest;
use crate::lifecycle::form::{CLUSTER_NAME_MAX, REASON_MAX};
use crate::ports::{CardKey, Field, FormField, RequestForm, Takes};
use crate::render::message::{Line, Message, Span};

/// A modal's title, and the label of a field.
pub(super) const TITLE_MAX: usize = 45;
/// What stands in an empty field.
const HINT_MAX: usize = 100;
/// Fields of a modal.
pub(super) const FIELDS_MAX: usize = 5;
/// What is typed into a field that has no limit of its own.
const TYPED_MAX: usize = 100;
/// The style of a field: a line, or some.
const SHORT: u8 = 1;
const PARAGRAPH: u8 = 2;
/// The field of the form for a reason.
const REASON: &str = "reason";

/// The form for a new cluster, with what was filled in before.
pub(super) fn modal(form: &RequestForm, filled: &[(Field, String)]) -> Value {
    let rows: Vec<Value> = shown(form)
        .into_iter()
        .map(|field| {
            let before = filled.iter().find(|(known, _)| *known == field.field).map(|(_, value)| value.as_str());
            row(input(field, before))
        })
        .collect();
    json!({ "custom_id": ids::FORM, "title": cut(&form.title, TITLE_MAX), "components": rows })
}

/// What each field of a sent form holds.
pub(super) fn filled(data: &Value) -> Vec<(Field, String)> {
    let fields = inputs(data).filter_map(|(id, value)| Some((Field::named(id)?, value.to_owned())));
    let mut known = BTreeSet::new();
    fields.filter(|(field, _)| known.insert(*field)).collect()
}

/// The form for the reason of a rejection.
pub(super) fn reason_modal(card: &CardKey, plan: Option<&PlanDigest>) -> Value {
    let title = cut(&format!("Reject {}", card.cluster.name), TITLE_MAX);
    let input = json!({
        "type": 4, "custom_id": REASON, "style": PARAGRAPH, "label": "Reason", "placeholder": "The requester reads it.",
        "required": false, "max_length": REASON_MAX,
    });
    json!({ "custom_id": ids::reason(card, plan), "title": title, "components": [row(input)] })
}

/// Which card a sent form rejects, which plan that showed, and why. `None` for any other form.
pub(super) fn reason(data: &Value) -> Option<(CardKey, Option<Shown>, Option<String>)> {
    let Meant::Reason { card, plan } = ids::read(data["custom_id"].as_str()?)? else { return None };
    let why = inputs(data).find(|(id, _)| *id == REASON).map(|(_, value)| value.trim().to_owned());
    Some((card, plan, why.filter(|why| !why.is_empty())))
}

/// What is wrong with a form, for its sender alone: what was filled in, and a button that opens it again with that.
pub(super) fn mistakes(form: &RequestForm, wrong: &[(Field, String)], filled: &[(Field, String)]) -> Value {
    let label = |field: &Field| {
        let known = form.fields.iter().find(|known| known.field == *field);
        known.map_or_else(|| field.name().to_owned(), |known| known.label.clone())
    };
    let text = |text: &str| Span::Text(text.to_owned());
    let mut lines = vec![Line { spans: vec![text("I can't request that cluster yet:")] }];
    for (field, problem) in wrong {
        lines.push(Line { spans: vec![Span::Strong(label(field)), text("  "), text(problem)] });
    }
    let message = Message { lines, ..Message::default() };
    let mut body = draw::message(&message, &Names::new(), Shape::Private);
    let kept = filled.iter().filter(|(_, value)| !value.trim().is_empty());
    let kept: Vec<Value> = kept
        .map(|(field, value)| json!({ "name": field.name(), "value": held(&clipped(*field, value)), "inline": false }))
        .collect();
    if !kept.is_empty() {
        body["embeds"] = json!([{ "title": "What you filled in", "fields": kept }]);
    }
    body["components"] = draw::rows(&[("Open the form again".to_owned(), ids::AGAIN.to_owned(), 1)]);
    body
}

/// What was filled in, out of the private answer whose button was pressed.
pub(super) fn again(message: &Value) -> Vec<(Field, String)> {
    let embeds = message["embeds"].as_array().into_iter().flatten();
    let fields = embeds.flat_map(|embed| embed["fields"].as_array().into_iter().flatten());
    let kept = fields.filter_map(|field| {
        let name = Field::named(field["name"].as_str()?)?;
        Some((name, released(field["value"].as_str()?)?))
    });
    let mut known = BTreeSet::new();
    kept.filter(|(field, _)| known.insert(*field)).collect()
}

// ---- fields ----

/// The fields that are shown: those without which nothing can be asked for, then those that are chosen most; in the form's own order.
fn shown(form: &RequestForm) -> Vec<&FormField> {
    let mut fields: Vec<&FormField> = form.fields.iter().collect();
    // A list has a first choice, so it is not needed as a line is.
    fields.sort_by_key(|field| (field.optional || matches!(field.takes, Takes::OneOf(_)), rank(field.field)));
    let kept: BTreeSet<Field> = fields.into_iter().take(FIELDS_MAX).map(|field| field.field).collect();
    form.fields.iter().filter(|field| kept.contains(&field.field)).collect()
}

/// How much a field matters, the less the more. What is left out is asked for with the command's own options.
fn rank(field: Field) -> u8 {
    match field {
        Field::Name => 0,
        Field::Size => 1,
        Field::Class => 2,
        Field::Lifetime => 3,
        Field::Reason => 4,
        Field::Workers => 5,
        Field::Ticket => 6,
    }
}

fn input(field: &FormField, before: Option<&str>) -> Value {
    let style = if matches!(field.takes, Takes::Lines) { PARAGRAPH } else { SHORT };
    let (mut label, mut hint, mut value) = (field.label.clone(), field.hint.clone(), before.map(str::to_owned));
    let mut required = !field.optional;
    match &field.takes {
        Takes::OneOf(choices) => {
            required = false;
            let names = choices.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
            let listed = format!("{label}: {names}");
            let first = choices.first().map(|(name, _)| name.clone()).unwrap_or_default();
            if marks::long(&listed) <= TITLE_MAX {
                label = listed;
                value = value.or(Some(first.clone()));
                hint = Some(format!("Left empty: {first}"));
            } else {
                // Seen only while the field is empty, so nothing is filled in.
                hint = Some(format!("Left empty: {first}. One of {names}"));
            }
        }
        Takes::Line(text) => value = value.or_else(|| Some(text.clone())),
        Takes::Lines => {}
    }
    let mut drawn = json!({
        "type": 4, "custom_id": field.field.name(), "style": style, "label": cut(&label, TITLE_MAX), "required": required,
        "max_length": typed_max(field.field),
    });
    if let Some(hint) = hint.filter(|hint| !hint.trim().is_empty()) {
        drawn["placeholder"] = json!(cut(&hint, HINT_MAX));
    }
    if let Some(value) = value.filter(|value| !value.trim().is_empty()) {
        drawn["value"] = json!(clipped(field.field, &value));
    }
    drawn
}

fn typed_max(field: Field) -> usize {
    match field {
        // Room for a slip, so that it is told and not swallowed.
        Field::Name => CLUSTER_NAME_MAX + 20,
        Field::Reason => REASON_MAX,
        Field::Class | Field::Size | Field::Workers | Field::Lifetime | Field::Ticket => TYPED_MAX,
    }
}

/// A value as long as its field takes, and on as many lines as that.
fn clipped(field: Field, value: &str) -> String {
    let plain: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let plain = plain.trim();
    let (mut out, mut left) = (String::new(), typed_max(field));
    for c in plain.chars() {
        match left.checked_sub(c.len_utf16()) {
            Some(rest) => left = rest,
            None => break,
        }
        out.push(c);
    }
    out
}

fn row(input: Value) -> Value {
    json!({ "type": 1, "components": [input] })
}

/// The fields of a sent form: in rows, as they were sent here, or each below its label, as newer clients may have them.
fn inputs(data: &Value) -> impl Iterator<Item = (&str, &str)> {
    let rows = data["components"].as_array().into_iter().flatten();
    let fields = rows.flat_map(|row| {
        row["components"].as_array().into_iter().flatten().chain(Some(&row["component"]).filter(|one| one.is_object()))
    });
    fields.filter_map(|field| Some((field["custom_id"].as_str()?, field["value"].as_str()?)))
}

// ---- what travels in an answer ----

/// A value as a block of code, from which it can be read again. No mark of code in it can end the block.
fn held(value: &str) -> String {
    marks::fence(&marks::row(value))
}

fn released(held: &str) -> Option<String> {
    let inside = held.trim().strip_prefix("```")?.strip_suffix("```")?;
    Some(marks::seen(&inside.trim_matches('\n').replace('\n', "")))
}
