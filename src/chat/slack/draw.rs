//! Messages in Slack's own form: blocks, and a plain text that says the same for notifications and screen readers.
//!
//! What came from outside stands in `rich_text`, which takes every character literally, and escaped in the plain text. Lines of code keep their columns.
//! Nothing fails because a text is long: it is cut, or makes several messages. Nothing here does I/O or reads a clock.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::lifecycle::PersonId;
use crate::render::message::{Button, Line, Message, Press, Span};

/// All blocks of a message together, as JSON, in characters. Slack refuses above about 13,200 (`msg_blocks_too_long`).
pub(super) const BLOCKS_MAX: usize = 12_000;
/// The plain text of a message, in characters.
pub(super) const TEXT_MAX: usize = 4_000;
/// One piece of a line, in characters once they are escaped; a longer line is cut into several.
const PIECE_MAX: usize = 2_000;
/// The elements of one piece, as JSON, in characters.
const ELEMENTS_MAX: usize = 5_000;
/// What is kept free for what holds the pieces together, in characters of JSON.
const FRAME: usize = 600;
/// The text of a button.
const LABEL_MAX: usize = 75;
/// Buttons of one block.
const BUTTONS_MAX: usize = 25;
/// The block that holds the buttons.
const BUTTONS: &str = "kaas/buttons";
/// What a cut message ends with.
const CUT: &str = "… the rest is cut off here.";

/// Who is called what in Slack: user ids of the people that a message mentions.
pub(super) type Names = BTreeMap<PersonId, String>;

/// A message as Slack takes it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Drawn {
    /// The plain text.
    pub text: String,
    /// The blocks.
    pub blocks: Vec<Value>,
}

impl Drawn {
    /// Sets the text and the blocks of a call's body.
    pub fn put_into(self, mut body: Value) -> Value {
        body["text"] = json!(self.text);
        body["blocks"] = json!(self.blocks);
        body
    }

    /// What only one person sees, as an acknowledgement or on a `response_url`.
    pub fn private(self) -> Value {
        self.put_into(json!({ "response_type": "ephemeral", "replace_original": false }))
    }
}

/// Draws a message as exactly one; what does not fit is cut off, and says so. `id` becomes the first block's id, `value` that of every button.
pub(super) fn one(message: &Message, names: &Names, id: Option<&str>, value: Option<&str>) -> Drawn {
    let buttons = value.and_then(|value| buttons(&message.buttons, value));
    let taken = buttons.as_ref().map_or(0, length);
    let mut sheets = sheets(pieces(message, names), BLOCKS_MAX.saturating_sub(FRAME + taken));
    let cut = sheets.len() > 1;
    sheets.truncate(1);
    let mut sheet = sheets.pop().unwrap_or_default();
    if cut {
        sheet.push(Piece::plain(CUT));
    }
    let mut drawn = bind(&sheet, id);
    drawn.blocks.extend(buttons);
    drawn
}

/// Draws a message as as many as it takes, at most `most`; buttons left out.
pub(super) fn several(message: &Message, most: usize) -> Vec<Drawn> {
    let mut sheets = sheets(pieces(message, &Names::new()), BLOCKS_MAX - FRAME);
    let cut = sheets.len() > most;
    sheets.truncate(most);
    if let (true, Some(last)) = (cut, sheets.last_mut()) {
        last.push(Piece::plain(CUT));
    }
    sheets.iter().map(|sheet| bind(sheet, None)).collect()
}

/// The plain text of a message, cut to what Slack takes: for a comment that goes with a file.
pub(super) fn comment(message: &Message, names: &Names) -> String {
    one(message, names, None, None).text
}

/// A plain text object, cut to that many characters.
pub(super) fn plain(text: &str, most: usize) -> Value {
    json!({ "type": "plain_text", "text": cut(text, most), "emoji": false })
}

/// A text of at most so many characters, and of at least one.
pub(super) fn cut(text: &str, most: usize) -> String {
    let text = if text.trim().is_empty() { "–" } else { text };
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// The three characters that mean something in Slack's texts.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// What a button does, as its action id says it.
pub(super) fn action(press: Press) -> &'static str {
    match press {
        Press::Approve => "kaas/approve",
        Press::Reject => "kaas/reject",
        Press::Plan => "kaas/plan",
        Press::Cancel => "kaas/cancel",
        Press::Retry => "kaas/retry",
    }
}

/// What the button of that action id does.
pub(super) fn press(action_id: &str) -> Option<Press> {
    let all = [Press::Approve, Press::Reject, Press::Plan, Press::Cancel, Press::Retry];
    all.into_iter().find(|press| action(*press) == action_id)
}

fn buttons(buttons: &[Button], value: &str) -> Option<Value> {
    let drawn = buttons.iter().take(BUTTONS_MAX).map(|button| {
        let mut drawn = json!({
            "type": "button", "action_id": action(button.press), "text": plain(&button.label, LABEL_MAX), "value": value,
        });
        if button.press == Press::Approve {
            drawn["style"] = json!("primary");
        }
        drawn
    });
    let drawn: Vec<Value> = drawn.collect();
    (!drawn.is_empty()).then(|| json!({ "type": "actions", "block_id": BUTTONS, "elements": drawn }))
}

// ---- pieces, and sheets of them ----

/// A line, or a part of one that is too long.
#[derive(Debug, Clone)]
struct Piece {
    is_code: bool,
    /// Elements of a `rich_text_section`; of code, its one text.
    elements: Vec<Value>,
    /// The same, plain and escaped.
    text: String,
}

impl Piece {
    fn plain(text: &str) -> Self {
        Self { is_code: false, elements: vec![literal(text, None)], text: escaped(text) }
    }

    fn cost(&self) -> usize {
        self.elements.iter().map(length).sum::<usize>() + FRAME_OF_A_PIECE
    }
}

/// What a line costs besides what it says: its break, and at the worst a section of its own. In characters of JSON.
const FRAME_OF_A_PIECE: usize = 80;

fn pieces(message: &Message, names: &Names) -> Vec<Piece> {
    message.lines.iter().flat_map(|line| line_pieces(line, names)).collect()
}

fn line_pieces(line: &Line, names: &Names) -> Vec<Piece> {
    let is_code = !line.spans.is_empty() && line.spans.iter().all(|span| matches!(span, Span::Code(_)));
    if is_code {
        let parts = chunks(&line.plain(), PIECE_MAX);
        let piece = |part: String| Piece { is_code, elements: vec![literal(&part, None)], text: escaped(&part) };
        return parts.into_iter().map(piece).collect();
    }
    let mut out: Vec<Piece> = Vec::new();
    let mut open = Piece { is_code, elements: Vec::new(), text: String::new() };
    let (mut long, mut costly) = (0, 0);
    for (element, text) in line.spans.iter().flat_map(|span| span_parts(span, names)) {
        let (longer, more) = (text.chars().count(), length(&element));
        if !open.elements.is_empty() && (long + longer > PIECE_MAX || costly + more > ELEMENTS_MAX) {
            out.push(std::mem::replace(&mut open, Piece { is_code, elements: Vec::new(), text: String::new() }));
            (long, costly) = (0, 0);
        }
        (long, costly) = (long + longer, costly + more);
        open.elements.push(element);
        open.text.push_str(&text);
    }
    out.push(open);
    out
}

fn span_parts(span: &Span, names: &Names) -> Vec<(Value, String)> {
    let cut = |text: &str, style: Option<&str>| -> Vec<(Value, String)> {
        chunks(text, PIECE_MAX).into_iter().map(|part| (literal(&part, style), escaped(&part))).collect()
    };
    match span {
        Span::Text(text) => cut(text, None),
        Span::Strong(text) => cut(text, Some("bold")),
        Span::Code(text) => cut(text, Some("code")),
        Span::Mention(person) => match names.get(&person.id) {
            Some(id) => vec![(json!({ "type": "user", "user_id": id }), format!("<@{id}>"))],
            None => cut(&format!("@{}", person.name), None),
        },
        Span::Link { text, url } => match link(text, url) {
            Some(link) => vec![link],
            None => cut(&span.plain(), None),
        },
    }
}

/// A link, where it is one that Slack takes and that fits.
fn link(text: &str, url: &str) -> Option<(Value, String)> {
    let shown = chunks(text, PIECE_MAX).pop()?;
    let plain = if text == url { format!("<{}>", bare(url)) } else { format!("<{}|{}>", bare(url), escaped(&shown)) };
    let element = json!({ "type": "link", "url": url, "text": shown });
    let fits = plain.chars().count() <= PIECE_MAX && length(&element) <= ELEMENTS_MAX;
    (is_address(url) && fits).then_some((element, plain))
}

/// An address that Slack makes a link of and that breaks out of nothing.
fn is_address(url: &str) -> bool {
    let web = url.starts_with("https://") || url.starts_with("http://");
    web && !url.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// An address within `<…|…>`.
fn bare(url: &str) -> String {
    url.replace('&', "&amp;").replace('<', "%3C").replace('>', "%3E").replace('|', "%7C")
}

fn literal(text: &str, style: Option<&str>) -> Value {
    match style {
        Some(style) => json!({ "type": "text", "text": text, "style": { style: true } }),
        None => json!({ "type": "text", "text": text }),
    }
}

/// The text in parts of at most so many characters once they are escaped; none of an empty one. What cannot be seen becomes a space.
fn chunks(text: &str, most: usize) -> Vec<String> {
    let (mut parts, mut part, mut long) = (Vec::new(), String::new(), 0);
    for c in text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }) {
        let longer = match c {
            '&' => 5,
            '<' | '>' => 4,
            '"' | '\\' | '\n' => 2,
            _ => 1,
        };
        if long + longer > most {
            parts.push(std::mem::take(&mut part));
            long = 0;
        }
        long += longer;
        part.push(c);
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

/// The pieces on as many sheets as they need, each within Slack's limits.
fn sheets(pieces: Vec<Piece>, budget: usize) -> Vec<Vec<Piece>> {
    // Room for the sentence that the rest is cut off.
    let text_max = TEXT_MAX - CUT.len() - 10;
    let (mut sheets, mut sheet, mut cost, mut text) = (Vec::new(), Vec::new(), 0, 0);
    for piece in pieces {
        let (more, longer) = (piece.cost(), piece.text.chars().count() + 1);
        if !sheet.is_empty() && (cost + more > budget || text + longer > text_max) {
            sheets.push(std::mem::take(&mut sheet));
            (cost, text) = (0, 0);
        }
        (cost, text) = (cost + more, text + longer);
        sheet.push(piece);
    }
    sheets.push(sheet);
    sheets
}

/// One sheet as a message: runs of code become preformatted, everything else sections.
fn bind(sheet: &[Piece], id: Option<&str>) -> Drawn {
    let mut parts: Vec<(bool, Vec<Value>)> = Vec::new();
    for piece in sheet {
        match parts.last_mut() {
            Some((is_code, elements)) if *is_code == piece.is_code => {
                add(elements, literal("\n", None));
                piece.elements.iter().for_each(|element| add(elements, element.clone()));
            }
            _ => {
                let mut elements = Vec::new();
                piece.elements.iter().for_each(|element| add(&mut elements, element.clone()));
                parts.push((piece.is_code, elements));
            }
        }
    }
    let mut text = sheet.iter().map(|piece| piece.text.as_str()).collect::<Vec<_>>().join("\n");
    if text.trim().is_empty() {
        text = "–".to_owned();
        parts = vec![(false, vec![literal("–", None)])];
    }
    let kind = |is_code| if is_code { "rich_text_preformatted" } else { "rich_text_section" };
    let elements: Vec<Value> = parts
        .into_iter()
        .filter(|(_, elements)| !elements.is_empty())
        .map(|(is_code, elements)| json!({ "type": kind(is_code), "elements": elements }))
        .collect();
    let mut block = json!({ "type": "rich_text", "elements": elements });
    if let Some(id) = id {
        block["block_id"] = json!(block_id(id));
    }
    Drawn { text: cut(&text, TEXT_MAX), blocks: vec![block] }
}

/// The longest id of a block.
const ID_MAX: usize = 255;

/// A key as a block's id.
pub(super) fn block_id(key: &str) -> String {
    key.chars().take(ID_MAX).collect()
}

/// Adds an element; plain text joins the plain text before it.
fn add(elements: &mut Vec<Value>, element: Value) {
    let is_plain = |element: &Value| element["type"] == "text" && element["style"].is_null();
    if let Some(last) = elements.last_mut().filter(|last| is_plain(last) && is_plain(&element))
        && let (Some(before), Some(behind)) = (last["text"].as_str(), element["text"].as_str())
    {
        let joined = format!("{before}{behind}");
        last["text"] = json!(joined);
        return;
    }
    elements.push(element);
}

/// How long it is as JSON, in characters.
fn length(value: &Value) -> usize {
    value.to_string().chars().count()
}
