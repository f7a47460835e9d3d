//! The reference: every key that `kaas.toml` may hold, with what it takes, its default and what it is for.
//!
//! One table serves three readers: the check of a file's shape ([`super::shape`]), `docs/configuration.md` ([`markdown`]), and the tests that hold the raw
//! types and the example file to it.

use crate::lifecycle::form::Invalid;

mod classes;
mod keys;
mod outside;
pub use keys::SECTIONS;

/// A table of the file.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// Where it stands: `tenants.*.classes.*`, where `.*` is a table a name and `[]` an array of tables.
    pub path: &'static str,
    /// Whether it has to be there.
    pub required: bool,
    /// What it is for.
    pub about: &'static str,
    /// What the names of a `.*` table have to be.
    pub names: Check,
    /// Its keys, in reading order.
    pub keys: &'static [Key],
}

/// A key of a table.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub takes: Takes,
    /// Whether it has to be there, and what stands in where it is not.
    pub need: Need,
    /// The `kind` of its table that it belongs to; `None` is every kind.
    pub of: Option<&'static str>,
    /// What it is for.
    pub about: &'static str,
}

/// Whether a key has to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It has to be there.
    Required,
    /// It may be left out; what that means, in words.
    Optional(&'static str),
    /// It may be left out, and is this TOML value then.
    Default(&'static str),
}

/// A check of one text.
pub type Check = fn(&str) -> Result<(), Invalid>;

/// What a key takes.
#[derive(Debug, Clone, Copy)]
pub enum Takes {
    /// A text; what it has to be, in words, and its check.
    Text(&'static str, Check),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A length of time, from and to.
    Duration(&'static str, &'static str),
    /// A whole number, from and to.
    Count(u64, u64),
    /// `true` or `false`.
    Flag,
    /// US dollars with at most two decimals.
    Dollars,
    /// A reference to a secret.
    Secret,
    /// A list of texts; what each has to be, in words, and its check.
    Texts(&'static str, Check),
    /// A table of texts by terraform's names; what each has to be, in words, and its check.
    TextMap(&'static str, Check),
    /// A table of lists of texts by terraform's names; what each text has to be, in words, and its check.
    Lists(&'static str, Check),
    /// A table of values by terraform's names.
    Values,
}

impl Takes {
    /// What it takes, in words.
    pub fn words(&self) -> String {
        match self {
            Self::Text(what, _) => (*what).to_owned(),
            Self::Choice(words) => words.iter().map(|w| format!("\"{w}\"")).collect::<Vec<_>>().join(" or "),
            Self::Duration(from, to) => format!("a length of time, such as \"30s\" or \"4h\", from {from} to {to}"),
            Self::Count(from, to) => format!("a whole number from {from} to {to}"),
            Self::Flag => "true or false".to_owned(),
            Self::Dollars => "US dollars, such as 103 or 288.75".to_owned(),
            Self::Secret => "a reference to a secret: { env = \"NAME\" } or { file = \"path\" }".to_owned(),
            Self::Texts(what, _) => format!("a list; each is {what}"),
            Self::TextMap(what, _) => format!("a table by terraform's names; each value is {what}"),
            Self::Lists(what, _) => format!("a table of lists by terraform's names; each item is {what}"),
            Self::Values => {
                "a table by terraform's names; text, whole numbers, true or false, lists and tables of text".to_owned()
            }
        }
    }
}

impl Section {
    /// The pattern of the table that it stands in, and its name there.
    pub(super) fn place(&self) -> (&'static str, &'static str) {
        let bare = self.path.strip_suffix(".*").or_else(|| self.path.strip_suffix("[]")).unwrap_or(self.path);
        bare.rsplit_once('.').unwrap_or(("", bare))
    }

    /// How its header is written: `[tenants.<name>.chat]`.
    fn header(&self) -> String {
        let path = self.path.replace("[]", "").replace('*', "<name>");
        if self.path.ends_with("[]") { format!("[[{path}]]") } else { format!("[{path}]") }
    }
}

/// The reference as Markdown: what `docs/configuration.md` holds.
pub fn markdown() -> String {
    let mut out = String::from(include_str!("intro.md"));
    for section in SECTIONS {
        let need = if section.required { "Required." } else { "Optional." };
        out.push_str(&format!("\n## `{}`\n\n{} {need}\n", section.header(), section.about));
        if section.keys.is_empty() {
            continue;
        }
        out.push_str("\n| key | takes | without it | what it is for |\n|---|---|---|---|\n");
        for key in section.keys {
            let of = key.of.map(|kind| format!(" (kind \"{kind}\")")).unwrap_or_default();
            let without = match key.need {
                Need::Required => "required".to_owned(),
                Need::Optional(what) => what.to_owned(),
                Need::Default(value) => format!("`{value}`"),
            };
            let takes = key.takes.words().replace('|', "\\|");
            out.push_str(&format!("| `{}`{of} | {takes} | {without} | {} |\n", key.name, key.about));
        }
    }
    out
}
