//! The shape of the file: every key is known, stands where it belongs, and holds what it takes. All that is wrong is found in one pass.
//!
//! What is wrong is left out of the table that is handed on, so that the raw types read the rest and the checks behind them can still speak.

use std::collections::BTreeSet;

use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::finding::{Finding, Report, Severity, Spots, did_you_mean, join, sentence};
use super::reference::{Check, Key, Need, SECTIONS, Section, Takes};
use super::values;

/// Reads the text; `None` where it is not TOML at all.
pub(super) fn read(text: &str, report: &mut Report) -> Option<Table> {
    report.spots = Spots::of(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let line = error.span().map(|span| report.spots.line(span.start));
        // Only the parser's own words: the line itself could hold a secret.
        let problem = format!("is not TOML: {}", error.message().lines().next().unwrap_or("unreadable"));
        let hint = "See toml.io for how a file is written.".to_owned();
        report.push(Finding { severity: Severity::Error, path: String::new(), line, problem, hint });
    }
    if errors.is_empty() { Some(Walk { report }.table("", "", table.get_ref())) } else { None }
}

struct Walk<'a> {
    report: &'a mut Report,
}

type Entry<'t, 'i> = (&'t Spanned<std::borrow::Cow<'i, str>>, &'t Spanned<DeValue<'i>>);

impl Walk<'_> {
    /// A table of the reference, by its pattern. Answers what of it is sound.
    fn table(&mut self, pattern: &str, path: &str, table: &DeTable<'_>) -> Table {
        let keys = SECTIONS.iter().find(|s| s.path == pattern).map_or(&[][..], |s| s.keys);
        let inner: Vec<&Section> = SECTIONS.iter().filter(|s| !s.path.is_empty() && s.place().0 == pattern).collect();
        let kind = table.get("kind").and_then(|k| k.get_ref().as_str()).filter(|kind| is_kind(keys, kind));
        // Without a sound kind, nobody can say which keys belong here: those of all kinds are let pass.
        let belongs = |key: &&Key| kind.is_none() || key.of.is_none() || key.of == kind;
        let mut sound = Table::new();
        for (name, value) in in_order(table) {
            let at = join(path, name.get_ref());
            self.report.spots.note(&at, name.span().start);
            let name = name.get_ref().as_ref();
            if let Some(section) = inner.iter().find(|s| s.place().1 == name) {
                sound.extend(self.section(section, &at, value.get_ref()).map(|v| (name.to_owned(), v)));
            } else if kind.is_none() && keys.iter().filter(|k| k.name == name).count() > 1 {
                // It means something else in each kind.
            } else if let Some(key) = keys.iter().find(|k| k.name == name && belongs(k)) {
                sound.extend(self.value(&key.takes, &at, value.get_ref()).map(|v| (name.to_owned(), v)));
            } else if let Some(of) = keys.iter().find(|k| k.name == name).and_then(|k| k.of) {
                let hint = format!("Leave it out, or write kind = \"{of}\".");
                self.report.error(&at, format!("belongs to kind \"{of}\""), hint);
            } else {
                let here = keys.iter().filter(belongs).map(|k| k.name);
                let known = here.chain(inner.iter().map(|s| s.place().1));
                self.report.error(&at, "there is no such key here", did_you_mean(name, known));
            }
        }
        for key in keys.iter().filter(|k| k.need == Need::Required && (k.of.is_none() || k.of == kind)) {
            if !table.contains_key(key.name) {
                self.report.error(
                    &join(path, key.name),
                    "is missing",
                    sentence(&format!("it takes {}", key.takes.words())),
                );
            }
        }
        for section in inner.iter().filter(|s| s.required && !table.contains_key(s.place().1)) {
            self.missing(section, &join(path, section.place().1));
        }
        sound
    }

    /// A whole section that is not there: what it would need at the least.
    fn missing(&mut self, section: &Section, at: &str) {
        let keys: Vec<&str> =
            section.keys.iter().filter(|k| k.need == Need::Required && k.of.is_none()).map(|k| k.name).collect();
        let needs = if keys.is_empty() { String::new() } else { format!(" It needs {}.", keys.join(", ")) };
        self.report.error(at, "is missing", format!("{}{needs}", section.about));
    }

    fn section(&mut self, section: &Section, at: &str, value: &DeValue<'_>) -> Option<Value> {
        if section.path.ends_with("[]") {
            let items = self.array(at, value, "tables")?;
            self.some(section, at, items.is_empty());
            let mut sound = Vec::new();
            let mut names = ListedNames::default();
            for item in items {
                let name = item.get_ref().get("name").and_then(|n| n.get_ref().as_str());
                let at = join(at, &names.next(name));
                self.report.spots.note(&at, item.span().start);
                if let Some(table) = self.is_table(&at, item.get_ref()) {
                    sound.push(Value::Table(self.table(section.path, &at, table)));
                }
            }
            return Some(Value::Array(sound));
        }
        let table = self.is_table(at, value)?;
        if !section.path.ends_with(".*") {
            return Some(Value::Table(self.table(section.path, at, table)));
        }
        self.some(section, at, table.is_empty());
        let mut sound = Table::new();
        for (name, value) in in_order(table) {
            let at = join(at, name.get_ref());
            self.report.spots.note(&at, name.span().start);
            if let Err(invalid) = (section.names)(name.get_ref()) {
                self.report.invalid(&at, &invalid);
            } else if let Some(table) = self.is_table(&at, value.get_ref()) {
                let table = self.table(section.path, &at, table);
                sound.insert(name.get_ref().to_string(), Value::Table(table));
            }
        }
        Some(Value::Table(sound))
    }

    fn some(&mut self, section: &Section, at: &str, empty: bool) {
        if section.required && empty {
            self.report.error(at, "is empty", section.about);
        }
    }

    /// One value; `None` where it is not sound.
    fn value(&mut self, takes: &Takes, at: &str, value: &DeValue<'_>) -> Option<Value> {
        match takes {
            Takes::Text(_, check) => self.text(takes, at, value, *check),
            Takes::Choice(words) => {
                let word = self.is_text(takes, at, value)?;
                if words.contains(&word) {
                    return Some(Value::String(word.to_owned()));
                }
                self.report.error(at, "is none of the words that it takes", did_you_mean(word, words.iter().copied()));
                None
            }
            Takes::Duration(from, to) => {
                let text = self.is_text(takes, at, value)?;
                match values::duration(text) {
                    Err(invalid) => self.report.invalid(at, &invalid),
                    Ok(length) if values::duration(from).is_ok_and(|from| length < from) => {
                        self.out_of_range(takes, at, "is too short");
                    }
                    Ok(length) if values::duration(to).is_ok_and(|to| length > to) => {
                        self.out_of_range(takes, at, "is too long");
                    }
                    Ok(_) => return Some(Value::String(text.to_owned())),
                }
                None
            }
            Takes::Count(from, to) => {
                let Some(Value::Integer(number)) = plain(value).filter(Value::is_integer) else {
                    return self.wrong(takes, at, value);
                };
                if u64::try_from(number).is_ok_and(|n| (*from..=*to).contains(&n)) {
                    return Some(Value::Integer(number));
                }
                let problem = if i128::from(number) < i128::from(*from) { "is too small" } else { "is too large" };
                self.out_of_range(takes, at, problem);
                None
            }
            Takes::Flag => plain(value).filter(Value::is_bool).or_else(|| self.wrong(takes, at, value)),
            Takes::Dollars => {
                let Some(value) = plain(value) else { return self.wrong(takes, at, value) };
                self.sound(at, values::cents(&value).map(|_| value))
            }
            Takes::Secret => self.secret(at, value),
            Takes::Lists(_, check) => self.map(at, value, |walk, at, item| walk.texts(takes, at, item, *check)),
            Takes::Texts(_, check) => self.texts(takes, at, value, *check),
            Takes::TextMap(_, check) => self.map(at, value, |walk, at, item| walk.text(takes, at, item, *check)),
            Takes::Values => self.map(at, value, |walk, at, item| {
                let Some(value) = plain(item) else { return walk.wrong(takes, at, item) };
                walk.sound(at, values::value(&value).map(|_| value))
            }),
        }
    }

    /// A list of texts. An empty one is sound here: where one has to be there, the checks behind say so.
    fn texts(&mut self, takes: &Takes, at: &str, value: &DeValue<'_>, check: Check) -> Option<Value> {
        let mut sound = Vec::new();
        for (index, item) in self.array(at, value, "texts")?.iter().enumerate() {
            let at = join(at, &index.to_string());
            self.report.spots.note(&at, item.span().start);
            sound.extend(self.text(takes, &at, item.get_ref(), check));
        }
        Some(Value::Array(sound))
    }

    /// A table by terraform's names.
    fn map(
        &mut self,
        at: &str,
        value: &DeValue<'_>,
        each: impl Fn(&mut Self, &str, &DeValue<'_>) -> Option<Value>,
    ) -> Option<Value> {
        let mut sound = Table::new();
        for (name, item) in in_order(self.is_table(at, value)?) {
            let at = join(at, name.get_ref());
            self.report.spots.note(&at, name.span().start);
            if let Err(invalid) = values::identifier(name.get_ref()) {
                self.report.invalid(&at, &invalid);
            } else {
                sound.extend(each(self, &at, item.get_ref()).map(|v| (name.get_ref().to_string(), v)));
            }
        }
        Some(Value::Table(sound))
    }

    /// A reference to a secret. Whatever else stands there may be the secret itself, and is not repeated.
    fn secret(&mut self, at: &str, value: &DeValue<'_>) -> Option<Value> {
        const HOW: &str = "Put it into the environment or into a file of mode 0600, and refer to it: { env = \"NAME\" } or { file = \"path\" }.";
        let DeValue::Table(table) = value else {
            let problem = "holds a secret in clear, or something else that is no reference";
            self.report.error(
                at,
                problem,
                format!("{HOW} A secret that stood here is known to whoever read the file: make a new one."),
            );
            return None;
        };
        let mut entries = in_order(table).into_iter().map(|(k, v)| (k.get_ref().as_ref(), v.get_ref().as_str()));
        let (key, text, checked) = match (entries.next(), entries.next()) {
            (Some(("env", Some(name))), None) => ("env", name, values::environment_name(name)),
            (Some(("file", Some(path))), None) => ("file", path, values::path(path)),
            _ => {
                self.report.error(at, "is not a reference to one secret", HOW);
                return None;
            }
        };
        let secret = Table::from_iter([(key.to_owned(), Value::String(text.to_owned()))]);
        self.sound(&join(at, key), checked.map(|()| Value::Table(secret)))
    }

    fn text(&mut self, takes: &Takes, at: &str, value: &DeValue<'_>, check: Check) -> Option<Value> {
        let text = self.is_text(takes, at, value)?.to_owned();
        self.sound(at, check(&text).map(|()| Value::String(text)))
    }

    fn sound(&mut self, at: &str, checked: Result<Value, crate::lifecycle::form::Invalid>) -> Option<Value> {
        checked.map_err(|invalid| self.report.invalid(at, &invalid)).ok()
    }

    fn is_text<'v>(&mut self, takes: &Takes, at: &str, value: &'v DeValue<'_>) -> Option<&'v str> {
        value.as_str().or_else(|| self.wrong(takes, at, value))
    }

    fn is_table<'v, 'i>(&mut self, at: &str, value: &'v DeValue<'i>) -> Option<&'v DeTable<'i>> {
        value.as_table().or_else(|| {
            self.report.error(at, format!("is {}", kind_of(value)), "It takes a table.");
            None
        })
    }

    fn array<'v, 'i>(&mut self, at: &str, value: &'v DeValue<'i>, of: &str) -> Option<&'v toml::de::DeArray<'i>> {
        value.as_array().or_else(|| {
            self.report.error(at, format!("is {}", kind_of(value)), format!("It takes a list of {of}: [ … ]."));
            None
        })
    }

    fn wrong<T>(&mut self, takes: &Takes, at: &str, value: &DeValue<'_>) -> Option<T> {
        self.report.error(at, format!("is {}", kind_of(value)), format!("It takes {}.", takes.words()));
        None
    }

    fn out_of_range(&mut self, takes: &Takes, at: &str, problem: &str) {
        self.report.error(at, problem, format!("It takes {}.", takes.words()));
    }
}

/// Names the tables of a list, one after the other: by their own name, or by their place where that is missing or taken.
#[derive(Debug, Default)]
pub(super) struct ListedNames {
    taken: BTreeSet<String>,
    index: usize,
}

impl ListedNames {
    /// The name of the next one.
    pub(super) fn next(&mut self, name: Option<&str>) -> String {
        let place = self.index.to_string();
        self.index += 1;
        name.filter(|name| self.taken.insert((*name).to_owned())).map_or(place, str::to_owned)
    }
}

/// Whether a word is one of the kinds that a table may be.
fn is_kind(keys: &[Key], word: &str) -> bool {
    keys.iter().any(|k| k.name == "kind" && matches!(k.takes, Takes::Choice(words) if words.contains(&word)))
}

/// The entries in the order of the file.
fn in_order<'t, 'i>(table: &'t DeTable<'i>) -> Vec<Entry<'t, 'i>> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    entries
}

fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// The value without its places; `None` for a number that is too large.
fn plain(value: &DeValue<'_>) -> Option<Value> {
    Some(match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => Value::Integer(i64::from_str_radix(number.as_str(), number.radix()).ok()?),
        DeValue::Float(number) => Value::Float(number.as_str().parse().ok()?),
        DeValue::Boolean(flag) => Value::Boolean(*flag),
        DeValue::Datetime(when) => Value::Datetime(*when),
        DeValue::Array(items) => Value::Array(items.iter().map(|i| plain(i.get_ref())).collect::<Option<_>>()?),
        DeValue::Table(table) => Value::Table(
            table.iter().map(|(k, v)| Some((k.get_ref().to_string(), plain(v.get_ref())?))).collect::<Option<_>>()?,
        ),
    })
}
