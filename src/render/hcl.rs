//! HCL, as far as kaas writes it: literals that cannot break out, the layout of `terraform fmt`, and reading back what was written.
//!
//! Reading back ends in [`Body`], a tree of nothing but literals and references. Whatever HCL can say beyond that (functions, conditions, templates,
//! heredocs) is an [`Unexpected`], so that comparing two bodies compares all that a file means.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hcl_edit::expr::{Expression, ObjectKey, TraversalOperator};
use hcl_edit::structure;
use serde::Serialize;
use unicode_normalization::UnicodeNormalization as _;

/// The longest line that a list or a map is written on; longer ones get a line an entry.
const LINE_MAX: usize = 100;

/// A value that kaas writes: a literal, or a reference to something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Expr {
    /// A string. In Unicode's normal form C, which terraform brings every string into.
    Text(String),
    /// A whole number.
    Number(i64),
    /// `true` or `false`.
    Flag(bool),
    /// A list.
    List(Vec<Expr>),
    /// A map.
    Map(BTreeMap<String, Expr>),
    /// A reference: `module.x.cluster_id`.
    Path(Vec<String>),
}

impl Expr {
    /// A string, brought into normal form.
    pub fn text(text: &str) -> Self {
        Self::Text(text.nfc().collect())
    }

    /// A reference, from its dotted form.
    pub fn path(dotted: &str) -> Self {
        Self::Path(dotted.split('.').map(str::to_owned).collect())
    }
}

/// Whether the text is a name that HCL takes unquoted. ASCII only.
pub fn is_identifier(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// Escapes text for the inside of a quoted HCL string.
///
/// Letters and digits of any script stay; every other character beyond ASCII, and every control character, is written by number, so that a reader sees
/// what is there. `${` and `%{` lose their meaning.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c == '$' || c == '%' {
            let run = rest.len() - rest.trim_start_matches(c).len();
            match (run, rest[run..].starts_with('{')) {
                (1, true) => out.extend([c, c]),
                // `$$${` is read in different ways by different parsers.
                (_, true) => (0..run).for_each(|_| by_number(&mut out, c)),
                (_, false) => out.extend(std::iter::repeat_n(c, run)),
            }
            rest = &rest[run..];
            continue;
        }
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            ' '..='~' => out.push(c),
            c if !c.is_ascii() && c.is_alphanumeric() => out.push(c),
            c => by_number(&mut out, c),
        }
        rest = &rest[c.len_utf8()..];
    }
    out
}

fn by_number(out: &mut String, c: char) {
    let number = u32::from(c);
    let _ = if number <= 0xFFFF { write!(out, "\\u{number:04x}") } else { write!(out, "\\U{number:08x}") };
}

/// Writes a value. Lists and maps that are too long for a line get a line an entry; [`tidy`] indents them.
pub fn literal(value: &Expr) -> String {
    written(value, LINE_MAX)
}

/// Writes a value, a list or a map with a line an entry.
pub fn literal_in_lines(value: &Expr) -> String {
    written(value, 0)
}

fn written(value: &Expr, line_max: usize) -> String {
    match value {
        Expr::Text(text) => format!("\"{}\"", escape(text)),
        Expr::Number(number) => number.to_string(),
        Expr::Flag(flag) => flag.to_string(),
        Expr::Path(parts) => parts.join("."),
        Expr::List(items) => {
            let items: Vec<String> = items.iter().map(literal).collect();
            bracketed(["[", "", "]"], &items, ",", line_max)
        }
        Expr::Map(entries) => {
            let entries: Vec<String> = entries.iter().map(|(k, v)| format!("{} = {}", key(k), literal(v))).collect();
            bracketed(["{", " ", "}"], &entries, "", line_max)
        }
    }
}

/// A map's key, in ASCII so that columns are bytes.
fn key(text: &str) -> String {
    if is_identifier(text) {
        return text.to_owned();
    }
    let mut out = String::from("\"");
    for c in escape(text).chars() {
        if c.is_ascii() { out.push(c) } else { by_number(&mut out, c) }
    }
    out.push('"');
    out
}

fn bracketed([open, pad, close]: [&str; 3], items: &[String], end: &str, line_max: usize) -> String {
    if items.is_empty() {
        return format!("{open}{close}");
    }
    let line = format!("{open}{pad}{}{pad}{close}", items.join(", "));
    if line.len() <= line_max && !line.contains('\n') {
        return line;
    }
    let mut out = format!("{open}\n");
    for item in items {
        let _ = writeln!(out, "{item}{end}");
    }
    out.push_str(close);
    out
}

/// Lays text out as `terraform fmt` does: two spaces a bracket, `=` in one column within a block of lines, no blank lines at the ends or in pairs.
pub fn tidy(text: &str) -> String {
    let mut lines: Vec<Laid> = Vec::new();
    let mut depth = 0_usize;
    for raw in text.lines() {
        let line = Laid::read(raw.trim());
        let blank_is_kept = lines.last().is_some_and(|last| !last.text.is_empty());
        if line.text.is_empty() && !blank_is_kept {
            continue;
        }
        let indent = depth.saturating_sub(line.closes_first);
        depth = (depth + line.opens).saturating_sub(line.closes);
        lines.push(Laid { indent, ..line });
    }
    let mut out = String::with_capacity(text.len() + 64);
    let mut at = 0;
    while at < lines.len() {
        let chain = lines[at..].iter().take_while(|l| l.assign.is_some()).count();
        let width = lines[at..at + chain].iter().filter_map(|l| l.assign).max().unwrap_or(0);
        for line in &lines[at..at + chain.max(1)] {
            match line.assign {
                Some(column) => {
                    let (name, value) =
                        (&line.text[..column], line.text[column..].trim_start().trim_start_matches('='));
                    let _ = writeln!(out, "{}{name:width$} = {}", "  ".repeat(line.indent), value.trim());
                }
                None if line.text.is_empty() => out.push('\n'),
                None => {
                    let _ = writeln!(out, "{}{}", "  ".repeat(line.indent), line.text);
                }
            }
        }
        at += chain.max(1);
    }
    let ended = out.trim_end().len();
    out.truncate(ended);
    out.push('\n');
    out
}

/// A line, and what its brackets do.
#[derive(Debug, Default)]
struct Laid<'a> {
    text: &'a str,
    indent: usize,
    opens: usize,
    closes: usize,
    /// How many brackets close before anything else.
    closes_first: usize,
    /// The width of the name, where the line is a whole `name = value`.
    assign: Option<usize>,
}

impl<'a> Laid<'a> {
    fn read(text: &'a str) -> Self {
        let mut line = Self { text, ..Self::default() };
        let (mut quoted, mut escaped, mut leading) = (false, false, true);
        let mut equals = None;
        for (at, c) in text.char_indices() {
            if quoted {
                quoted = escaped || c != '"';
                escaped = !escaped && c == '\\';
                continue;
            }
            match c {
                '"' => quoted = true,
                '#' => break,
                '/' if text[at..].starts_with("//") => break,
                '(' | '[' | '{' => line.opens += 1,
                ')' | ']' | '}' => {
                    line.closes += 1;
                    line.closes_first += usize::from(leading);
                }
                '=' if equals.is_none() && at > 0 && line.opens == 0 => equals = Some(at),
                _ => {}
            }
            leading &= matches!(c, ')' | ']' | '}');
        }
        let whole = line.opens == line.closes;
        line.assign = equals.filter(|_| whole).map(|at| text[..at].trim_end().len());
        line
    }
}

/// What a file, or a block of it, holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Body {
    /// Its attributes.
    pub attributes: BTreeMap<String, Expr>,
    /// Its blocks, by kind and labels: `module "x"` is `["module", "x"]`.
    pub blocks: BTreeMap<Vec<String>, Body>,
}

/// Something that kaas did not mean to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unexpected(pub String);

/// Reads HCL that holds nothing but blocks, literals and references.
pub fn parse(text: &str) -> Result<Body, Unexpected> {
    if let Some(c) = text.chars().find(|c| (c.is_control() && *c != '\n') || crate::lifecycle::form::is_invisible(*c)) {
        return Err(Unexpected(format!("a character that cannot be seen, U+{:04X}", u32::from(c))));
    }
    let body = hcl_edit::parser::parse_body(text).map_err(|e| {
        let (line, problem) = (e.location().line(), e.message().replace('\n', ", "));
        Unexpected(format!("text that is not HCL (line {line}: {problem})"))
    })?;
    read_body(&body)
}

fn read_body(from: &structure::Body) -> Result<Body, Unexpected> {
    let mut body = Body::default();
    for structure in from {
        match structure {
            structure::Structure::Attribute(attribute) => {
                let name = attribute.key.as_str().to_owned();
                let value = read_value(&attribute.value).map_err(|e| Unexpected(format!("{name} = {e}")))?;
                if body.attributes.insert(name.clone(), value).is_some() {
                    return Err(Unexpected(format!("{name} twice")));
                }
            }
            structure::Structure::Block(block) => {
                let mut id = vec![block.ident.as_str().to_owned()];
                id.extend(block.labels.iter().map(|l| l.as_str().to_owned()));
                let inner = read_body(&block.body)?;
                if body.blocks.insert(id.clone(), inner).is_some() {
                    return Err(Unexpected(format!("{} twice", id.join(" "))));
                }
            }
        }
    }
    Ok(body)
}

fn read_value(from: &Expression) -> Result<Expr, Unexpected> {
    let other = |what: &str| Err(Unexpected(format!("{what}, where a plain value belongs")));
    match from {
        Expression::Bool(flag) => Ok(Expr::Flag(**flag)),
        Expression::Number(number) => match number.as_i64() {
            Some(number) => Ok(Expr::Number(number)),
            None => other("a number that is not whole"),
        },
        Expression::String(text) => Ok(Expr::Text(text.as_str().to_owned())),
        Expression::Array(items) => items.iter().map(read_value).collect::<Result<_, _>>().map(Expr::List),
        Expression::Object(object) => {
            let mut map = BTreeMap::new();
            for (key, value) in object {
                let key = match key {
                    ObjectKey::Ident(ident) => ident.as_str().to_owned(),
                    ObjectKey::Expression(Expression::String(text)) => text.as_str().to_owned(),
                    ObjectKey::Expression(_) => return other("a computed key"),
                };
                if map.insert(key.clone(), read_value(value.expr())?).is_some() {
                    return Err(Unexpected(format!("the key {key} twice")));
                }
            }
            Ok(Expr::Map(map))
        }
        Expression::Traversal(traversal) => {
            let Expression::Variable(root) = &traversal.expr else { return other("a computed reference") };
            let mut parts = vec![root.as_str().to_owned()];
            for operator in &traversal.operators {
                match &**operator {
                    TraversalOperator::GetAttr(name) => parts.push(name.as_str().to_owned()),
                    TraversalOperator::AttrSplat(_)
                    | TraversalOperator::FullSplat(_)
                    | TraversalOperator::Index(_)
                    | TraversalOperator::LegacyIndex(_) => return other("an index"),
                }
            }
            Ok(Expr::Path(parts))
        }
        Expression::Null(_) => other("null"),
        Expression::Variable(_) => other("a bare name"),
        Expression::StringTemplate(_) | Expression::HeredocTemplate(_) => other("a template"),
        Expression::Parenthesis(_)
        | Expression::Conditional(_)
        | Expression::FuncCall(_)
        | Expression::UnaryOp(_)
        | Expression::BinaryOp(_)
        | Expression::ForExpr(_) => other("a computation"),
    }
}

impl Body {
    /// Says the first difference from what was expected, if there is one.
    pub fn difference(&self, expected: &Self) -> Option<String> {
        let missing = expected.attributes.keys().find(|k| !self.attributes.contains_key(*k));
        if let Some(name) = missing {
            return Some(format!("{name} is missing"));
        }
        for (name, value) in &self.attributes {
            match expected.attributes.get(name) {
                None => return Some(format!("{name} does not belong there")),
                Some(wanted) if wanted != value => return Some(format!("{name} has another value")),
                Some(_) => {}
            }
        }
        if let Some(id) = expected.blocks.keys().find(|id| !self.blocks.contains_key(*id)) {
            return Some(format!("the block {} is missing", id.join(" ")));
        }
        for (id, block) in &self.blocks {
            let Some(wanted) = expected.blocks.get(id) else {
                return Some(format!("the block {} does not belong there", id.join(" ")));
            };
            if let Some(difference) = block.difference(wanted) {
                return Some(format!("in {}: {difference}", id.join(" ")));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_has_a_meaning_in_hcl_loses_it() {
        for (text, written) in [
            ("plain m6i.large", "plain m6i.large"),
            ("${x}", "$${x}"),
            ("%{if}", "%%{if}"),
            ("$${x}", "\\u0024\\u0024{x}"),
            ("$$ %% $", "$$ %% $"),
            ("a\"b\\c", "a\\\"b\\\\c"),
            ("a\nb\r\t\u{0}", "a\\nb\\r\\t\\u0000"),
            ("José 東京", "José 東京"),
            ("\u{202e}\u{200b}🦀", "\\u202e\\u200b\\U0001f980"),
        ] {
            assert_eq!(escape(text), written);
        }
    }

    #[test]
    fn only_literals_and_references_are_read() {
        for bad in [
            "a = \"${b}\"",
            "a = f(1)",
            "a = b ? 1 : 2",
            "a = <<E\nx\nE\n",
            "a = null",
            "a = b",
            "a = b[0]",
            "a = b.*.c",
            "a = -x.y",
            "a = 1.5",
            "a = 1\na = 2",
            "b {}\nb {}",
            "a = { (b.c) = 1 }",
            "a = \"\u{200b}\"",
            "a = 1\r\n",
            "a = ",
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn every_value_reads_back_as_itself(value in any_value()) {
            let text = tidy(&format!("v = {}\n", literal(&value)));
            let body = parse(&text).unwrap();
            prop_assert_eq!(&body.attributes["v"], &value, "{}", text);
            prop_assert_eq!(tidy(&text), text);
        }
    }

    fn any_value() -> impl Strategy<Value = Expr> {
        let text = prop_oneof![
            any::<String>(),
            "[a-z\"\\\\$%{}\n\r\u{85}\u{2028}\u{200b}#/*<>~ é\u{301}]{0,24}".prop_map(|s| s)
        ]
        .prop_map(|s| Expr::text(&s));
        let leaf = prop_oneof![text, any::<i64>().prop_map(Expr::Number), any::<bool>().prop_map(Expr::Flag)];
        leaf.prop_recursive(3, 24, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Expr::List),
                proptest::collection::btree_map(any::<String>().prop_map(|s| s.nfc().collect()), inner, 0..5)
                    .prop_map(Expr::Map),
            ]
        })
    }
}
