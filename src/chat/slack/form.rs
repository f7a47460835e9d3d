//! Forms as modals, what is wrong at their fields, and a person's own page. Values in, JSON out.

use serde_json::{Value, json};

use super::draw::{self, Drawn, Names, cut, plain};
use super::tag::Tag;
use super::wire::{ASK_FORM, FORM, INPUT, REASON, REJECTION};
use crate::ports::{Field, FormField, Reply, RequestForm, Takes};
use crate::render::message::Message;

/// A modal's title and the texts on its buttons.
const TITLE_MAX: usize = 24;
/// The label and the hint of a field; Slack takes 2,000.
const LABEL_MAX: usize = 300;
/// An option's text.
const OPTION_MAX: usize = 75;
/// An option's value.
const VALUE_MAX: usize = 150;
/// Options of a list.
const OPTIONS_MAX: usize = 100;
/// A line that is filled in to begin with, and what is typed into a field at the most; Slack takes 3,000.
const LINE_MAX: usize = 3_000;
/// A sentence at a field.
const ERROR_MAX: usize = 500;
/// A heading.
const HEADING_MAX: usize = 150;
/// Sections of a person's own page.
const SECTIONS_MAX: usize = 10;

/// The form for a new cluster.
pub(super) fn request(form: &RequestForm) -> Value {
    let blocks: Vec<Value> = form.fields.iter().filter_map(field).collect();
    json!({
        "type": "modal", "callback_id": FORM, "title": plain(&form.title, TITLE_MAX), "submit": plain(&form.submit, TITLE_MAX),
        "close": plain("Close", TITLE_MAX), "blocks": blocks,
    })
}

fn field(field: &FormField) -> Option<Value> {
    let element = match &field.takes {
        Takes::OneOf(choices) => {
            let options: Vec<Value> = choices
                .iter()
                .filter(|(value, _)| (1..=VALUE_MAX).contains(&value.chars().count()))
                .take(OPTIONS_MAX)
                .map(|(value, text)| json!({ "text": plain(text, OPTION_MAX), "value": value }))
                .collect();
            // A list without an option is refused with the whole form.
            let first = options.first()?.clone();
            json!({ "type": "static_select", "action_id": INPUT, "options": options, "initial_option": first })
        }
        Takes::Line(text) if text.is_empty() => json!({ "type": "plain_text_input", "action_id": INPUT }),
        Takes::Line(text) => {
            json!({ "type": "plain_text_input", "action_id": INPUT, "initial_value": cut(text, LINE_MAX) })
        }
        Takes::Lines => json!({ "type": "plain_text_input", "action_id": INPUT, "multiline": true }),
    };
    let mut block = json!({
        "type": "input", "block_id": field.field.name(), "optional": field.optional, "label": plain(&field.label, LABEL_MAX),
        "element": element,
    });
    if let Some(hint) = &field.hint {
        block["hint"] = plain(hint, LABEL_MAX);
    }
    Some(block)
}

/// The form for the reason of a rejection.
pub(super) fn rejection(tag: &Tag) -> Value {
    let about = format!("{}, change {}", tag.cluster, tag.change);
    json!({
        "type": "modal", "callback_id": REJECTION, "private_metadata": tag.value(), "title": plain("Reject", TITLE_MAX),
        "submit": plain("Reject", TITLE_MAX), "close": plain("Back", TITLE_MAX),
        "blocks": [
            { "type": "section", "block_id": "about", "text": plain(&about, LABEL_MAX) },
            {
                "type": "input", "block_id": REASON, "optional": true, "label": plain("Reason", LABEL_MAX),
                "hint": plain("The requester reads it.", LABEL_MAX),
                "element": { "type": "plain_text_input", "action_id": INPUT, "multiline": true },
            },
        ],
    })
}

/// What is wrong, each at its field; what belongs to a field that is not shown stands at the first one.
pub(super) fn errors(wrong: &[(Field, String)], there: &[Field]) -> Value {
    let first = there.first().copied().unwrap_or(Field::Name);
    let mut said: Vec<(Field, String)> = Vec::new();
    for (field, problem) in wrong {
        let at = if there.contains(field) { *field } else { first };
        match said.iter_mut().find(|(known, _)| *known == at) {
            Some((_, before)) => *before = format!("{before} {problem}"),
            None => said.push((at, problem.clone())),
        }
    }
    let errors: serde_json::Map<String, Value> =
        said.into_iter().map(|(field, text)| (field.name().to_owned(), json!(cut(&text, ERROR_MAX)))).collect();
    json!({ "response_action": "errors", "errors": errors })
}

/// A sent form shows the answers in its place; without any it closes.
pub(super) fn shown_instead(replies: &[Reply]) -> Option<Value> {
    if replies.is_empty() {
        return None;
    }
    let lines = replies.iter().flat_map(|reply| reply.message.lines.clone()).collect();
    let Drawn { blocks, .. } = draw::one(&Message { lines, ..Message::default() }, &Names::new(), None, None);
    let view = json!({
        "type": "modal", "callback_id": "kaas_said", "title": plain("kaas", TITLE_MAX), "close": plain("Close", TITLE_MAX),
        "blocks": blocks,
    });
    Some(json!({ "response_action": "update", "view": view }))
}

/// A person's own page: a button to ask for a cluster, and sections.
pub(super) fn home(sections: &[(String, Message)]) -> Value {
    let ask = json!({
        "type": "actions", "block_id": "kaas/home",
        "elements": [{ "type": "button", "action_id": ASK_FORM, "text": plain("Request a cluster", 75), "style": "primary" }],
    });
    let mut blocks = vec![ask];
    for (title, message) in sections.iter().take(SECTIONS_MAX) {
        blocks.push(json!({ "type": "header", "text": plain(title, HEADING_MAX) }));
        blocks.extend(draw::one(message, &Names::new(), None, None).blocks);
    }
    json!({ "type": "home", "blocks": blocks })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_stands_at_its_field_or_at_the_first_one() {
        let wrong = [
            (Field::Size, "no such size".to_owned()),
            (Field::Class, "no such class".to_owned()),
            (Field::Name, "x".repeat(9_000)),
        ];
        let errors = errors(&wrong, &[Field::Name, Field::Size]);
        assert_eq!(errors["response_action"], "errors");
        let said = errors["errors"].as_object().expect("an object");
        assert_eq!(said.keys().collect::<Vec<_>>(), ["name", "size"]);
        assert_eq!(said["size"], "no such size");
        assert!(
            said["name"]
                .as_str()
                .is_some_and(|text| text.starts_with("no such class x") && text.chars().count() <= 500)
        );
    }

    #[test]
    fn a_form_within_slacks_limits_however_long_its_words_are() {
        let long = "é".repeat(5_000);
        let choices = (0..300).map(|n| (n.to_string(), long.clone())).chain([(long.clone(), long.clone())]).collect();
        let of =
            |field, takes| FormField { field, label: long.clone(), hint: Some(long.clone()), optional: true, takes };
        let form = RequestForm {
            title: long.clone(),
            submit: String::new(),
            fields: vec![
                of(Field::Size, Takes::OneOf(choices)),
                of(Field::Class, Takes::OneOf(Vec::new())),
                of(Field::Name, Takes::Line(long.clone())),
                of(Field::Reason, Takes::Lines),
            ],
        };
        let view = request(&form);
        let blocks = view["blocks"].as_array().expect("blocks");
        assert_eq!(blocks.len(), 3, "a list without a choice is left out");
        let select = &blocks[0]["element"];
        assert_eq!(select["options"].as_array().map(Vec::len), Some(100));
        assert_eq!(select["initial_option"], select["options"][0]);
        let length = |value: &Value| value.as_str().map(|text| text.chars().count());
        assert_eq!(length(&view["title"]["text"]), Some(24));
        assert_eq!(length(&view["submit"]["text"]), Some(1), "a button is never empty");
        assert_eq!(length(&select["options"][0]["text"]["text"]), Some(75));
        assert_eq!(length(&blocks[1]["element"]["initial_value"]), Some(3_000));
    }
}
