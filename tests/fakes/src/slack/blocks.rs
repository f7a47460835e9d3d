//! The limits of Block Kit: how many, how long, and which ids twice. Pure: values in, sentences out, as Slack words them.

use std::collections::BTreeSet;

use serde_json::Value;

/// All blocks of a message together, in characters; undocumented, and beyond it `msg_blocks_too_long`.
pub const BLOCKS_TOTAL: usize = 13_200;
/// Blocks of a message.
pub const MESSAGE_BLOCKS: usize = 50;
/// Blocks of a modal or a home.
pub const VIEW_BLOCKS: usize = 100;
/// The text of a message, in characters.
pub const TEXT: usize = 40_000;
const SECTION_TEXT: usize = 3000;
const SECTION_FIELDS: usize = 10;
const FIELD_TEXT: usize = 2000;
const HEADER_TEXT: usize = 150;
const CONTEXT_ELEMENTS: usize = 10;
const ACTION_ELEMENTS: usize = 25;
const BUTTON_TEXT: usize = 75;
const BUTTON_VALUE: usize = 2000;
const BUTTON_URL: usize = 3000;
const ID: usize = 255;
const OPTION_TEXT: usize = 75;
const OPTION_VALUE: usize = 150;
const SELECT_OPTIONS: usize = 100;
const OVERFLOW_OPTIONS: usize = 5;
const CHOICES: usize = 10;
const CONFIRM_TITLE: usize = 100;
const CONFIRM_TEXT: usize = 300;
const CONFIRM_BUTTON: usize = 30;
const LABEL: usize = 2000;
const PLACEHOLDER: usize = 150;
const MODAL_TITLE: usize = 24;
const PRIVATE_METADATA: usize = 3000;
const MARKDOWN: usize = 12_000;

/// Where blocks are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// A message.
    Message,
    /// A modal.
    Modal,
    /// The app's home.
    Home,
}

/// What is wrong with these blocks, each with where; empty if nothing is.
pub fn check_blocks(blocks: &[Value], surface: Surface) -> Vec<String> {
    let mut check = Check { wrong: Vec::new(), ids: BTreeSet::new() };
    let most = if surface == Surface::Message { MESSAGE_BLOCKS } else { VIEW_BLOCKS };
    if blocks.len() > most {
        check.say(&format!("no more than {most} items allowed"), "/blocks");
    }
    for (index, block) in blocks.iter().enumerate() {
        check.block(block, &format!("/blocks/{index}"));
    }
    check.wrong
}

/// What is wrong with this modal or home.
pub fn check_view(view: &Value) -> Vec<String> {
    let surface = match view["type"].as_str() {
        Some("modal") => Surface::Modal,
        Some("home") => Surface::Home,
        _ => return vec!["[ERROR] unsupported type [json-pointer:/view/type]".to_string()],
    };
    let mut check = Check { wrong: Vec::new(), ids: BTreeSet::new() };
    let empty = Vec::new();
    match view["blocks"].as_array() {
        None => check.say("missing required field: blocks", "/view"),
        Some(blocks) => check.wrong.extend(check_blocks(blocks, surface)),
    }
    if surface == Surface::Modal {
        check.text(&view["title"], "/view/title", MODAL_TITLE, &["plain_text"]);
        for key in ["submit", "close"] {
            if !view[key].is_null() {
                check.text(&view[key], &format!("/view/{key}"), MODAL_TITLE, &["plain_text"]);
            }
        }
        let has_input =
            view["blocks"].as_array().unwrap_or(&empty).iter().any(|block| block["type"].as_str() == Some("input"));
        if has_input && view["submit"].is_null() {
            check.say("missing required field: submit", "/view");
        }
    }
    check.length(&view["private_metadata"], "/view/private_metadata", PRIVATE_METADATA);
    check.length(&view["callback_id"], "/view/callback_id", ID);
    check.length(&view["external_id"], "/view/external_id", ID);
    check.wrong
}

/// The characters of all texts and values of these blocks, as the undocumented limit counts them.
pub fn size_of(blocks: &[Value]) -> usize {
    fn size(value: &Value) -> usize {
        match value {
            Value::String(text) => text.chars().count(),
            Value::Array(items) => items.iter().map(size).sum(),
            Value::Object(fields) => {
                fields.iter().filter(|(key, _)| *key != "type").map(|(_, field)| size(field)).sum()
            }
            _ => 0,
        }
    }
    blocks.iter().map(size).sum()
}

struct Check {
    wrong: Vec<String>,
    ids: BTreeSet<String>,
}

impl Check {
    fn say(&mut self, what: &str, at: &str) {
        self.wrong.push(format!("[ERROR] {what} [json-pointer:{at}]"));
    }

    fn length(&mut self, value: &Value, at: &str, most: usize) {
        match value {
            Value::Null => {}
            Value::String(text) if text.chars().count() > most => {
                self.say(&format!("must be less than {} characters", most + 1), at);
            }
            Value::String(_) => {}
            _ => self.say("should be a string", at),
        }
    }

    fn required(&mut self, value: &Value, at: &str, most: usize) {
        match value.as_str() {
            None => self.say("missing required field", at),
            Some("") => self.say("must be more than 0 characters", at),
            Some(_) => self.length(value, at, most),
        }
    }

    /// A text object.
    fn text(&mut self, text: &Value, at: &str, most: usize, types: &[&str]) {
        if !text.is_object() {
            self.say("missing required field", at);
            return;
        }
        if !text["type"].as_str().is_some_and(|kind| types.contains(&kind)) {
            self.say(&format!("must be one of the types: {}", types.join(", ")), &format!("{at}/type"));
        }
        self.required(&text["text"], &format!("{at}/text"), most);
    }

    fn block(&mut self, block: &Value, at: &str) {
        self.length(&block["block_id"], &format!("{at}/block_id"), ID);
        if let Some(id) = block["block_id"].as_str()
            && !self.ids.insert(id.to_string())
        {
            self.say(&format!("block_id {id} already exists"), &format!("{at}/block_id"));
        }
        let both: &[&str] = &["mrkdwn", "plain_text"];
        match block["type"].as_str() {
            Some("section") => {
                let fields = block["fields"].as_array();
                if block["text"].is_null() && fields.is_none() {
                    self.say("missing required field: text", at);
                }
                if !block["text"].is_null() {
                    self.text(&block["text"], &format!("{at}/text"), SECTION_TEXT, both);
                }
                for (index, field) in fields.into_iter().flatten().enumerate() {
                    self.text(field, &format!("{at}/fields/{index}"), FIELD_TEXT, both);
                }
                self.count(&block["fields"], &format!("{at}/fields"), SECTION_FIELDS);
                if !block["accessory"].is_null() {
                    self.element(&block["accessory"], &format!("{at}/accessory"));
                }
            }
            Some("header") => self.text(&block["text"], &format!("{at}/text"), HEADER_TEXT, &["plain_text"]),
            Some("context") => {
                self.count(&block["elements"], &format!("{at}/elements"), CONTEXT_ELEMENTS);
                self.some(&block["elements"], &format!("{at}/elements"));
                for (index, element) in block["elements"].as_array().into_iter().flatten().enumerate() {
                    let at = format!("{at}/elements/{index}");
                    if element["type"].as_str() != Some("image") {
                        self.text(element, &at, SECTION_TEXT, both);
                    }
                }
            }
            Some("actions") => {
                self.count(&block["elements"], &format!("{at}/elements"), ACTION_ELEMENTS);
                self.some(&block["elements"], &format!("{at}/elements"));
                let mut actions = BTreeSet::new();
                for (index, element) in block["elements"].as_array().into_iter().flatten().enumerate() {
                    let at = format!("{at}/elements/{index}");
                    self.element(element, &at);
                    if let Some(id) = element["action_id"].as_str()
                        && !actions.insert(id)
                    {
                        self.say(&format!("action_id {id} already exists"), &format!("{at}/action_id"));
                    }
                }
            }
            Some("input") => {
                self.text(&block["label"], &format!("{at}/label"), LABEL, &["plain_text"]);
                if !block["hint"].is_null() {
                    self.text(&block["hint"], &format!("{at}/hint"), LABEL, &["plain_text"]);
                }
                self.element(&block["element"], &format!("{at}/element"));
            }
            Some("markdown") => self.required(&block["text"], &format!("{at}/text"), MARKDOWN),
            Some("rich_text") => self.some(&block["elements"], &format!("{at}/elements")),
            Some("divider" | "image" | "file" | "video" | "table") => {}
            Some(other) => self.say(&format!("unsupported type: {other}"), &format!("{at}/type")),
            None => self.say("missing required field: type", at),
        }
    }

    fn count(&mut self, items: &Value, at: &str, most: usize) {
        if items.as_array().is_some_and(|items| items.len() > most) {
            self.say(&format!("no more than {most} items allowed"), at);
        }
    }

    fn some(&mut self, items: &Value, at: &str) {
        if items.as_array().is_none_or(Vec::is_empty) {
            self.say("must provide at least 1 item", at);
        }
    }

    fn element(&mut self, element: &Value, at: &str) {
        self.length(&element["action_id"], &format!("{at}/action_id"), ID);
        if !element["placeholder"].is_null() {
            self.text(&element["placeholder"], &format!("{at}/placeholder"), PLACEHOLDER, &["plain_text"]);
        }
        if !element["confirm"].is_null() {
            self.confirm(&element["confirm"], &format!("{at}/confirm"));
        }
        match element["type"].as_str() {
            Some("button") => {
                self.text(&element["text"], &format!("{at}/text"), BUTTON_TEXT, &["plain_text"]);
                self.length(&element["value"], &format!("{at}/value"), BUTTON_VALUE);
                self.length(&element["url"], &format!("{at}/url"), BUTTON_URL);
                if !matches!(element["style"].as_str(), None | Some("primary" | "danger")) {
                    self.say("must be one of the values: primary, danger", &format!("{at}/style"));
                }
            }
            Some("static_select" | "multi_static_select") => {
                if element["option_groups"].is_null() {
                    self.options(&element["options"], at, SELECT_OPTIONS);
                } else {
                    self.count(&element["option_groups"], &format!("{at}/option_groups"), SELECT_OPTIONS);
                }
                self.initial(element, at);
            }
            Some("overflow") => self.options(&element["options"], at, OVERFLOW_OPTIONS),
            Some("radio_buttons" | "checkboxes") => {
                self.options(&element["options"], at, CHOICES);
                self.initial(element, at);
            }
            Some(
                "plain_text_input"
                | "number_input"
                | "email_text_input"
                | "url_text_input"
                | "datepicker"
                | "timepicker"
                | "datetimepicker"
                | "users_select"
                | "conversations_select"
                | "channels_select"
                | "external_select"
                | "multi_users_select"
                | "multi_conversations_select"
                | "multi_channels_select"
                | "multi_external_select"
                | "image"
                | "rich_text_input"
                | "file_input",
            ) => {}
            Some(other) => self.say(&format!("unsupported type: {other}"), &format!("{at}/type")),
            None => self.say("missing required field", at),
        }
    }

    fn options(&mut self, options: &Value, at: &str, most: usize) {
        self.some(options, &format!("{at}/options"));
        self.count(options, &format!("{at}/options"), most);
        for (index, option) in options.as_array().into_iter().flatten().enumerate() {
            let at = format!("{at}/options/{index}");
            self.text(&option["text"], &format!("{at}/text"), OPTION_TEXT, &["plain_text", "mrkdwn"]);
            self.required(&option["value"], &format!("{at}/value"), OPTION_VALUE);
            if !option["description"].is_null() {
                self.text(&option["description"], &format!("{at}/description"), OPTION_TEXT, &["plain_text", "mrkdwn"]);
            }
        }
    }

    /// What is chosen at first must be one of the options, to the letter.
    fn initial(&mut self, element: &Value, at: &str) {
        let initial = &element["initial_option"];
        if initial.is_null() {
            return;
        }
        let all = element["options"].as_array().into_iter().flatten();
        let grouped = element["option_groups"].as_array().into_iter().flatten();
        let grouped = grouped.flat_map(|group| group["options"].as_array().into_iter().flatten());
        if !all.chain(grouped).any(|option| option == initial) {
            self.say("must be one of the options", &format!("{at}/initial_option"));
        }
    }

    fn confirm(&mut self, confirm: &Value, at: &str) {
        self.text(&confirm["title"], &format!("{at}/title"), CONFIRM_TITLE, &["plain_text"]);
        self.text(&confirm["text"], &format!("{at}/text"), CONFIRM_TEXT, &["plain_text", "mrkdwn"]);
        for key in ["confirm", "deny"] {
            if !confirm[key].is_null() {
                self.text(&confirm[key], &format!("{at}/{key}"), CONFIRM_BUTTON, &["plain_text"]);
            }
        }
    }
}
