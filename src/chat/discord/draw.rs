//! Messages in Discord's own form: a card as one embed with buttons, everything else as plain content.
//!
//! Nothing fails because a text is long: it is cut, and says so, or makes several messages. Whom a message may call is said in every body: the people
//! whom a post mentions, and nobody else. Nothing here does I/O or reads a clock.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Value, json};

use super::{ids, marks};
use crate::lifecycle::{PersonId, PlanDigest};
use crate::ports::CardKey;
use crate::render::message::{Button, LABEL, Line, Message, Press, Span, Tone};

/// The content of a message.
pub(super) const CONTENT_MAX: usize = 2_000;
/// All texts of a message's embeds together.
pub(super) const EMBEDS_MAX: usize = 6_000;
/// An embed's title.
const TITLE_MAX: usize = 256;
/// An embed's description.
const DESCRIPTION_MAX: usize = 4_096;
/// An embed's fields.
const FIELDS_MAX: usize = 25;
/// A field's value.
const VALUE_MAX: usize = 1_024;
/// What all fields of a card may take, so that its description keeps its place.
const ALL_FIELDS_MAX: usize = 3_000;
/// An embed's footer; Discord takes 2,048.
const FOOTER_MAX: usize = 400;
/// What is on a button.
const LABEL_MAX: usize = 80;
/// Buttons of a row, and rows of a message.
const ROW: usize = 5;
/// People whom a message may call.
const CALLED_MAX: usize = 100;
/// What a cut message ends with.
const CUT: &str = "… the rest is cut off here.";
/// What an empty message says.
const NOTHING: &str = "–";

/// Who is called what in Discord: user ids of the people that a message mentions.
pub(super) type Names = HashMap<PersonId, String>;

/// As what a message is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape<'a> {
    /// The status card of a change: one embed, and buttons that name the card and the plan.
    Card { key: &'a CardKey, plan: Option<&'a PlanDigest> },
    /// What everybody in the channel reads: those whom it mentions are called.
    Post,
    /// What one person reads: nobody is called.
    Private,
}

/// Draws a message as the body of exactly one; what does not fit is cut off, and says so.
pub(super) fn message(message: &Message, names: &Names, shape: Shape<'_>) -> Value {
    match shape {
        Shape::Card { key, plan } => card(message, names, key, plan),
        Shape::Post | Shape::Private => {
            several(message, names, shape, 1).pop().unwrap_or_else(|| plain(NOTHING, &BTreeSet::new()))
        }
    }
}

/// Draws a message as the bodies of as many as it takes, at most `most`; a card is always one.
pub(super) fn several(message: &Message, names: &Names, shape: Shape<'_>, most: usize) -> Vec<Value> {
    if let Shape::Card { key, plan } = shape {
        return vec![card(message, names, key, plan)];
    }
    let mut sheets = sheets(pieces(&message.lines, names), CONTENT_MAX);
    let cut = sheets.len() > most;
    sheets.truncate(most);
    if let (true, Some(last)) = (cut, sheets.last_mut()) {
        last.push(Piece { is_code: false, text: CUT.to_owned() });
    }
    let called = |text: &str| match shape {
        Shape::Post => called(message, names, text),
        Shape::Private | Shape::Card { .. } => BTreeSet::new(),
    };
    let texts = sheets.iter().map(|sheet| bind(sheet));
    texts.map(|text| plain(&text, &called(&text))).collect()
}

/// A body of plain content.
pub(super) fn plain(content: &str, called: &BTreeSet<&str>) -> Value {
    json!({ "content": content, "components": [], "allowed_mentions": allowed(called) })
}

/// Whom a body calls: these, and whatever its text says nobody else.
pub(super) fn allowed(called: &BTreeSet<&str>) -> Value {
    let users: Vec<&str> = called.iter().copied().take(CALLED_MAX).collect();
    json!({ "parse": [], "users": users, "replied_user": false })
}

/// A row of buttons: what is on each, its custom id, and its style.
pub(super) fn rows(buttons: &[(String, String, u8)]) -> Value {
    let mut known = BTreeSet::new();
    let drawn: Vec<Value> = buttons
        .iter()
        .filter(|(_, id, _)| known.insert(id.clone()))
        .take(ROW * ROW)
        .map(|(label, id, style)| {
            json!({ "type": 2, "style": style, "label": marks::cut(label, LABEL_MAX), "custom_id": id })
        })
        .collect();
    let rows = drawn.chunks(ROW).map(|row| json!({ "type": 1, "components": row }));
    Value::Array(rows.collect())
}

/// Drawn lines as one text of at most so many characters.
pub(super) fn text(lines: &[Line], names: &Names, most: usize) -> String {
    let mut sheets = sheets(pieces(lines, names), most);
    let cut = sheets.len() > 1;
    sheets.truncate(1);
    let mut sheet = sheets.pop().unwrap_or_default();
    if cut {
        sheet.push(Piece { is_code: false, text: CUT.to_owned() });
    }
    bind(&sheet)
}

// ---- the card ----

fn card(message: &Message, names: &Names, key: &CardKey, plan: Option<&PlanDigest>) -> Value {
    let mut lines = message.lines.clone();
    let head = if lines.is_empty() { Line::default() } else { lines.remove(0) };
    let (head, aside) = aside(head);
    let title = title(&head);
    let mut described = Vec::new();
    // Too long for a title: its first words are that, and the line stands whole below.
    if title.is_none() {
        described.push(head.clone());
    }
    let title = title.unwrap_or_else(|| first_words(&head));
    let mut fields: Vec<(String, Vec<Line>)> = Vec::new();
    for line in lines {
        match (labelled(&line), fields.last_mut()) {
            (Some((label, rest)), Some((_, values))) if label.is_empty() => values.push(rest),
            (Some((label, rest)), _) if !label.is_empty() => fields.push((label, vec![rest])),
            _ => described.push(line),
        }
    }
    let footer = [aside, Some(ids::mark(key, plan))].into_iter().flatten().collect::<Vec<_>>().join(" · ");
    let footer = marks::cut(&footer, FOOTER_MAX);
    let (mut drawn, mut left, mut lost) = (Vec::new(), ALL_FIELDS_MAX, false);
    for (label, values) in &fields {
        let (name, value) = (field_name(label), text(values, names, VALUE_MAX));
        let taken = marks::long(&name) + marks::long(&value);
        if taken > left || drawn.len() == FIELDS_MAX {
            lost = true;
            break;
        }
        left -= taken;
        drawn.push(json!({ "name": name, "value": value, "inline": false }));
    }
    let taken = marks::long(&title) + marks::long(&footer) + ALL_FIELDS_MAX - left;
    let room = DESCRIPTION_MAX.min(EMBEDS_MAX.saturating_sub(taken)) - marks::long(CUT) - 1;
    let mut embed = json!({ "title": title, "footer": { "text": footer } });
    if !described.is_empty() {
        embed["description"] = json!(text(&described, names, room));
    }
    if lost {
        let said = embed["description"].as_str().map(|said| format!("{said}\n")).unwrap_or_default();
        embed["description"] = json!(format!("{said}{CUT}"));
    }
    if !drawn.is_empty() {
        embed["fields"] = json!(drawn);
    }
    if let Some(colour) = colour(message.tone) {
        embed["color"] = json!(colour);
    }
    let buttons: Vec<(String, String, u8)> =
        message.buttons.iter().map(|button| drawn_button(button, key, plan)).collect();
    // An embed calls nobody, whomever it names.
    json!({ "embeds": [embed], "components": rows(&buttons), "allowed_mentions": allowed(&BTreeSet::new()) })
}

fn drawn_button(Button { label, press }: &Button, key: &CardKey, plan: Option<&PlanDigest>) -> (String, String, u8) {
    let style = match press {
        Press::Retry => 1,
        Press::Plan | Press::Cancel => 2,
        Press::Approve => 3,
        Press::Reject => 4,
    };
    (label.clone(), ids::button(key, plan, *press), style)
}

/// The colour at the card's edge. It says nothing that the words do not say.
fn colour(tone: Tone) -> Option<u32> {
    match tone {
        Tone::Plain => None,
        Tone::Waiting => Some(0x00F0_B232),
        Tone::Working => Some(0x0058_65F2),
        Tone::Good => Some(0x0023_A55A),
        Tone::Over => Some(0x0080_848E),
        Tone::Bad => Some(0x00F2_3F43),
    }
}

/// A first line without what stands at its far end: a last text after a gap.
fn aside(mut head: Line) -> (Line, Option<String>) {
    match head.spans.last() {
        Some(Span::Text(text)) if text.starts_with("   ") => {
            let aside = marks::seen(text.trim());
            head.spans.pop();
            (head, Some(aside))
        }
        _ => (head, None),
    }
}

/// A first line as a title, where it fits: a title is bold as it is, and calls and links nothing.
fn title(head: &Line) -> Option<String> {
    let text: String = marks::literal(&head.plain()).concat();
    let text = marks::guarded(text.trim());
    (!text.is_empty() && marks::long(&text) <= TITLE_MAX).then_some(text)
}

fn first_words(head: &Line) -> String {
    let first = head.spans.first().map(Span::plain).unwrap_or_default();
    // Every character may take two.
    let text: String = marks::literal(&marks::cut(&first, TITLE_MAX / 3)).concat();
    marks::guarded(&text)
}

fn field_name(label: &str) -> String {
    marks::guarded(&marks::literal(&marks::cut(label, LABEL_MAX)).concat())
}

/// The label of a line in two columns, and the rest of it. The label of a line that goes on is empty.
fn labelled(line: &Line) -> Option<(String, Line)> {
    let (first, rest) = line.spans.split_first()?;
    match first {
        Span::Text(text) if text.chars().count() == LABEL && text.ends_with(' ') && !rest.is_empty() => {
            Some((text.trim().to_owned(), Line { spans: rest.to_vec() }))
        }
        _ => None,
    }
}

// ---- pieces, and sheets of them ----

/// A line, or a part of one that is too long.
#[derive(Debug, Clone)]
struct Piece {
    is_code: bool,
    text: String,
}

/// The longest piece.
const PIECE_MAX: usize = 950;

fn pieces(lines: &[Line], names: &Names) -> Vec<Piece> {
    lines.iter().flat_map(|line| line_pieces(line, names)).collect()
}

fn line_pieces(line: &Line, names: &Names) -> Vec<Piece> {
    let is_code = !line.spans.is_empty() && line.spans.iter().all(|span| matches!(span, Span::Code(_)));
    if is_code {
        return marks::row(&line.plain()).into_iter().map(|text| Piece { is_code, text }).collect();
    }
    let mut out = Vec::new();
    let mut open = String::new();
    for part in merged(&line.spans, names).iter().flat_map(|span| parts(span, names)) {
        if !open.is_empty() && marks::long(&open) + marks::long(&part) > PIECE_MAX {
            out.push(std::mem::take(&mut open));
        }
        open.push_str(&part);
    }
    out.push(open);
    out.into_iter().map(|text| Piece { is_code, text: marks::guarded(&text) }).collect()
}

/// The spans of a line, neighbours of one kind joined: what is read as one is escaped as one, and no two marks stand side by side.
fn merged(spans: &[Span], names: &Names) -> Vec<Span> {
    let mut out: Vec<Span> = Vec::new();
    for span in spans {
        let span = match span {
            // Who is not in Discord is called by name.
            Span::Mention(person) if id_of(&person.id, names).is_none() => Span::Text(span.plain()),
            Span::Link { text, url } if marks::link(text, url).is_none() => Span::Text(span.plain()),
            Span::Text(_) | Span::Strong(_) | Span::Code(_) | Span::Mention(_) | Span::Link { .. } => span.clone(),
        };
        // Nothing between two marks would make one of them.
        if marks::seen(&span.plain()).is_empty() {
            continue;
        }
        match (out.last_mut(), &span) {
            (Some(Span::Text(before)), Span::Text(text))
            | (Some(Span::Strong(before)), Span::Strong(text))
            | (Some(Span::Code(before)), Span::Code(text)) => before.push_str(text),
            _ => out.push(span),
        }
    }
    out
}

fn parts(span: &Span, names: &Names) -> Vec<String> {
    match span {
        Span::Text(text) => marks::literal(text),
        Span::Strong(text) => marks::strong(text),
        Span::Code(text) => marks::code(text),
        Span::Mention(person) => match id_of(&person.id, names) {
            Some(id) => vec![format!("<@{id}>")],
            None => marks::literal(&span.plain()),
        },
        Span::Link { text, url } => marks::link(text, url).into_iter().collect(),
    }
}

/// What somebody is called in Discord; an id is a number there, and nothing else is one.
fn id_of<'a>(person: &PersonId, names: &'a Names) -> Option<&'a str> {
    let id = names.get(person)?;
    (!id.is_empty() && id.len() <= 20 && id.bytes().all(|byte| byte.is_ascii_digit())).then_some(id.as_str())
}

/// Whom a text calls, of those whom the message mentions.
fn called<'a>(message: &Message, names: &'a Names, text: &str) -> BTreeSet<&'a str> {
    let ids = message.mentions().filter_map(|person| id_of(person, names));
    ids.filter(|id| text.contains(&format!("<@{id}>"))).collect()
}

/// The pieces on as many sheets as they need, each of at most so many characters with the sentence that the rest is cut off.
fn sheets(pieces: Vec<Piece>, most: usize) -> Vec<Vec<Piece>> {
    let most = most.saturating_sub(marks::long(CUT) + 1);
    let (mut sheets, mut sheet, mut taken) = (Vec::new(), Vec::<Piece>::new(), 0);
    for piece in pieces {
        let goes_on = sheet.last().is_some_and(|last| last.is_code);
        let more =
            |goes_on: bool| marks::long(&piece.text) + 1 + if piece.is_code && !goes_on { marks::FENCE } else { 0 };
        if !sheet.is_empty() && taken + more(goes_on) > most {
            sheets.push(std::mem::take(&mut sheet));
            taken = more(false);
        } else {
            taken += more(goes_on);
        }
        sheet.push(piece);
    }
    sheets.push(sheet);
    sheets
}

/// One sheet as a text: runs of code become blocks.
fn bind(sheet: &[Piece]) -> String {
    if sheet.iter().all(|piece| piece.text.trim().is_empty()) {
        return NOTHING.to_owned();
    }
    let mut parts: Vec<String> = Vec::new();
    for run in sheet.chunk_by(|a, b| a.is_code == b.is_code) {
        let rows: Vec<String> = run.iter().map(|piece| piece.text.clone()).collect();
        if run.iter().all(|piece| piece.is_code) {
            parts.push(marks::fence(&rows));
        } else {
            parts.extend(rows);
        }
    }
    parts.join("\n")
}
