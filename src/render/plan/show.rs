//! A change of a resource as people read it: terraform's own style, without the values that nobody may see.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::Action;
use super::allow::{AllowList, Allowed};
use super::json::Json;
use crate::render::hcl;
use crate::render::redact::Redactor;

/// The longest text of one resource, in bytes.
const RESOURCE_MAX: usize = 64 * 1024;

/// The longest value that is shown, in characters.
const VALUE_MAX: usize = 200;

/// How much of a value is looked at for secrets before it is cut, in bytes.
const LOOK_MAX: usize = 4096;

/// The longest name that is shown, in characters.
const NAME_MAX: usize = 200;

/// What an absent entry is compared as.
static NULL: Json = Json::Null;

/// Who may see what.
#[derive(Debug, Clone)]
pub struct Eyes {
    /// The attributes that are shown.
    pub allow: AllowList,
    /// Takes secrets out of what is shown all the same.
    pub redactor: Redactor,
}

/// A resource, for its heading.
pub(super) struct Heading<'a> {
    pub(super) address: &'a str,
    pub(super) kind: &'a str,
    pub(super) name: &'a str,
    pub(super) deposed: Option<&'a str>,
}

/// Writes the block of a resource.
pub(super) fn resource(eyes: &Eyes, of: &Heading<'_>, action: &Action, before: &Json, after: &Json) -> String {
    let (sign, words) = match action {
        Action::Create => ('+', "will be created"),
        Action::Update => ('~', "will be changed in place"),
        Action::Delete => ('-', "will be destroyed"),
        Action::Replace => ('±', "will be destroyed and made anew"),
        Action::Forget => ('.', "will be forgotten, and not destroyed"),
        Action::Import => ('=', "exists and will be taken over"),
        Action::Move => ('=', "is moved here"),
        Action::Read | Action::NoOp => (' ', "is read"),
        Action::Other(_) => ('?', "will be changed in a way that kaas does not know"),
    };
    let mut page = Page { eyes, kind: of.kind, out: String::new(), full: false };
    let deposed = of.deposed.map(|d| format!(" (deposed object {})", shown_name(d))).unwrap_or_default();
    let _ = writeln!(page.out, "  # {}{deposed} {words}", shown_name(of.address));
    let _ = writeln!(page.out, "  {sign} resource \"{}\" \"{}\" {{", shown_name(of.kind), shown_name(of.name));
    page.entries(before, after, &mut Vec::new(), 3);
    page.out.push_str("    }\n");
    page.out
}

/// Writes the line of an output.
pub(super) fn output(eyes: &Eyes, name: &str, before: &Json, after: &Json) -> String {
    let mut page = Page { eyes, kind: "output", out: String::new(), full: false };
    page.entry(&format!("{} = ", label(name)), before, after, &mut vec![name], 1);
    page.out
}

/// A name from outside on one line, without characters that cannot be seen.
pub(super) fn shown_name(name: &str) -> String {
    let clean = |c: char| if c.is_control() || crate::lifecycle::form::is_invisible(c) { '?' } else { c };
    let mut out: String = name.chars().take(NAME_MAX).map(clean).collect();
    if name.chars().nth(NAME_MAX).is_some() {
        out.push('…');
    }
    out
}

struct Page<'a> {
    eyes: &'a Eyes,
    kind: &'a str,
    out: String,
    full: bool,
}

impl Page<'_> {
    fn line(&mut self, sign: char, depth: usize, text: &str) {
        if self.full {
            return;
        }
        if self.out.len() + text.len() > RESOURCE_MAX {
            self.full = true;
            self.out.push_str("      … cut here: the change is too long to show\n");
            return;
        }
        let _ = writeln!(self.out, "{}{sign} {text}", "  ".repeat(depth));
    }

    /// The entries of two objects that differ, their names in one column.
    fn entries<'k>(&mut self, before: &'k Json, after: &'k Json, path: &mut Vec<&'k str>, depth: usize) {
        let names: BTreeSet<&str> = [before, after].into_iter().flat_map(keys).collect();
        let pair = |name: &str| (before.get(name).unwrap_or(&NULL), after.get(name).unwrap_or(&NULL));
        let differs = |name: &&str| {
            let (old, new) = pair(name);
            old != new && !(is_empty(old) && is_empty(new))
        };
        let names: Vec<&str> = names.into_iter().filter(differs).collect();
        let width = names.iter().map(|name| label(name).chars().count()).max().unwrap_or(0);
        for name in names {
            let (old, new) = pair(name);
            path.push(name);
            self.entry(&format!("{:width$} = ", label(name)), old, new, path, depth);
            path.pop();
        }
    }

    fn entry<'k>(&mut self, label: &str, old: &'k Json, new: &'k Json, path: &mut Vec<&'k str>, depth: usize) {
        let sign = sign(old, new);
        match (self.eyes.allow.allows(self.kind, path), nested(old), nested(new)) {
            (Allowed::Hidden, ..) => self.line(sign, depth, &format!("{label}{}", hidden(old, new))),
            (_, false, false) => {
                let text = self.pair(old, new, path);
                self.line(sign, depth, &format!("{label}{text}"));
            }
            _ => self.nest(sign, label, old, new, path, depth),
        }
    }

    fn nest<'k>(
        &mut self,
        sign: char,
        label: &str,
        old: &'k Json,
        new: &'k Json,
        path: &mut Vec<&'k str>,
        depth: usize,
    ) {
        // A value that turns from a plain one into a nested one is shown as what it becomes.
        match (old, new) {
            (_, Json::Unknown | Json::Secret(_)) => {
                let text = self.plain(new, path);
                self.line(sign, depth, &format!("{label}{text}"));
            }
            (Json::List(_), _) | (_, Json::List(_)) => {
                let (then, now) = (items(old), items(new));
                self.line(sign, depth, &format!("{label}["));
                for n in 0..then.len().max(now.len()) {
                    let pair = (then.get(n).unwrap_or(&NULL), now.get(n).unwrap_or(&NULL));
                    self.item(pair.0, pair.1, path, depth + 2);
                }
                self.line(' ', depth, "]");
            }
            _ => {
                self.line(sign, depth, &format!("{label}{{"));
                self.entries(old, new, path, depth + 2);
                self.line(' ', depth, "}");
            }
        }
    }

    fn item<'k>(&mut self, old: &'k Json, new: &'k Json, path: &mut Vec<&'k str>, depth: usize) {
        if old == new {
            return;
        }
        if nested(old) || nested(new) {
            self.nest(sign(old, new), "", old, new, path, depth);
        } else {
            let text = self.pair(old, new, path);
            self.line(sign(old, new), depth, &format!("{text},"));
        }
    }

    /// A value that is not nested, before and after.
    fn pair(&self, old: &Json, new: &Json, path: &[&str]) -> String {
        match (old, new) {
            (Json::Null, new) => self.plain(new, path),
            (old, Json::Null) => format!("{} -> null", self.plain(old, path)),
            (old, new) => format!("{} -> {}", self.plain(old, path), self.plain(new, path)),
        }
    }

    fn plain(&self, value: &Json, path: &[&str]) -> String {
        match value {
            Json::Unknown => return "(known after apply)".to_owned(),
            Json::Secret(_) => return "(hidden)".to_owned(),
            Json::Null => return "null".to_owned(),
            Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::List(_) | Json::Map(_) => {}
        }
        if self.eyes.allow.allows(self.kind, path) != Allowed::Shown {
            return "(hidden)".to_owned();
        }
        match value {
            Json::Bool(flag) => flag.to_string(),
            Json::Number(number) => number.chars().take(VALUE_MAX).collect(),
            Json::Text(text) => self.quoted(text),
            Json::List(list) => {
                let items: Vec<String> = list.iter().map(|i| self.plain(i, path)).collect();
                format!("[{}]", items.join(", "))
            }
            Json::Map(map) => if map.is_empty() { "{}" } else { "(hidden)" }.to_owned(),
            Json::Unknown | Json::Secret(_) | Json::Null => "(hidden)".to_owned(),
        }
    }

    fn quoted(&self, text: &str) -> String {
        let look = (0..=LOOK_MAX.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let clean = self.eyes.redactor.redact(&text[..look]);
        let characters = text.chars().count();
        if look == text.len() && clean.chars().count() <= VALUE_MAX {
            return format!("\"{}\"", hcl::escape(&clean));
        }
        let start: String = clean.chars().take(VALUE_MAX).collect();
        format!("\"{}…\" ({characters} characters)", hcl::escape(&start))
    }
}

/// A name as HCL would have it.
fn label(name: &str) -> String {
    if hcl::is_identifier(name) { shown_name(name) } else { format!("\"{}\"", hcl::escape(&shown_name(name))) }
}

fn keys(json: &Json) -> Vec<&str> {
    match json {
        Json::Map(map) => map.keys().map(String::as_str).collect(),
        _ => vec![],
    }
}

fn items(json: &Json) -> &[Json] {
    match json {
        Json::List(list) => list,
        _ => &[],
    }
}

/// Whether a value is shown over several lines: an object, or a list that holds one.
fn nested(json: &Json) -> bool {
    match json {
        Json::Map(map) => !map.is_empty(),
        Json::List(list) => list.iter().any(|i| matches!(i, Json::Map(_) | Json::List(_))),
        _ => false,
    }
}

fn is_empty(json: &Json) -> bool {
    match json {
        Json::Null => true,
        Json::List(list) => list.is_empty(),
        Json::Map(map) => map.is_empty(),
        _ => false,
    }
}

fn sign(old: &Json, new: &Json) -> char {
    match (old, new) {
        (Json::Null, _) => '+',
        (_, Json::Null) => '-',
        _ => '~',
    }
}

fn hidden(old: &Json, new: &Json) -> &'static str {
    match (old, new) {
        (Json::Null, Json::Unknown) => "(known after apply)",
        (Json::Null, _) => "(hidden)",
        (_, Json::Null) => "(hidden) -> null",
        (_, Json::Unknown) => "(hidden) -> (known after apply)",
        _ => "(hidden) -> (hidden)",
    }
}
