//! Holds the reference, the raw types, the example file and the documentation to each other, so that none of them can rot alone.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use toml::{Table, Value};

use super::reference::{Key, Need, SECTIONS, Section, Takes, markdown};
use super::{Config, raw};

const EXAMPLE: &str = include_str!("../../kaas.example.toml");

/// Every leaf of the raw types, found by letting serde ask for it.
#[derive(Clone)]
struct Trace<'a> {
    path: String,
    seen: &'a RefCell<BTreeSet<String>>,
}

type Fault = serde::de::value::Error;

impl Trace<'_> {
    fn leaf(&self) {
        self.seen.borrow_mut().insert(self.path.clone());
    }

    fn under(&self, part: &str) -> Self {
        Self { path: format!("{}{part}", self.path), seen: self.seen }
    }
}

impl<'de> Deserializer<'de> for Trace<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.leaf();
        visitor.visit_bool(false)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.leaf();
        visitor.visit_bool(false)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.leaf();
        visitor.visit_u64(0)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.leaf();
        visitor.visit_str("")
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_seq(Once(Some(self.under("[]"))))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_map(Fields { trace: self, left: &["*"], current: "" })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_map(Fields { trace: self, left: fields, current: "" })
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u128 f32 f64 char str bytes byte_buf unit unit_struct newtype_struct tuple tuple_struct enum identifier
        ignored_any
    }
}

struct Once<'a>(Option<Trace<'a>>);

impl<'de> SeqAccess<'de> for Once<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        self.0.take().map(|trace| seed.deserialize(trace)).transpose()
    }
}

struct Fields<'a> {
    trace: Trace<'a>,
    left: &'static [&'static str],
    current: &'static str,
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some((first, rest)) = self.left.split_first() else { return Ok(None) };
        (self.current, self.left) = (first, rest);
        let key: StrDeserializer<'_, Fault> = first.into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let dot = if self.trace.path.is_empty() { "" } else { "." };
        seed.deserialize(self.trace.under(&format!("{dot}{}", self.current)))
    }
}

fn all_keys() -> impl Iterator<Item = (&'static Section, &'static Key)> {
    SECTIONS.iter().flat_map(|s| s.keys.iter().map(move |k| (s, k)))
}

#[test]
fn the_reference_names_exactly_the_keys_of_the_raw_types() {
    let seen = RefCell::new(BTreeSet::new());
    let raw: raw::Raw = serde::Deserialize::deserialize(Trace { path: String::new(), seen: &seen })
        .unwrap_or_else(|e: Fault| panic!("{}", Fault::custom(e)));
    assert_eq!(raw.tenants.len(), 1);
    let known: BTreeSet<String> = all_keys()
        .flat_map(|(section, key)| {
            let path = format!("{}.{}", section.path, key.name);
            let ends = match key.takes {
                Takes::Secret => &[".env", ".file"][..],
                Takes::Texts(..) => &["[]"],
                Takes::Lists(..) => &[".*[]"],
                Takes::TextMap(..) | Takes::Values => &[".*"],
                _ => &[""],
            };
            ends.iter().map(move |end| format!("{path}{end}"))
        })
        .collect();
    assert_eq!(seen.into_inner(), known);
}

#[test]
fn the_documentation_is_the_reference() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, markdown()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == markdown(),
        "docs/configuration.md is not what the reference says: UPDATE_DOCS=1 cargo test --lib config"
    );
    for (section, key) in all_keys() {
        assert!(key.about.ends_with('.') && !key.about.contains('|'), "{}.{}: {}", section.path, key.name, key.about);
    }
}

#[test]
fn the_example_comments_on_every_line() {
    let mut above = "";
    for line in EXAMPLE.lines() {
        let statement = !line.is_empty() && !line.starts_with('#');
        assert!(!statement || above.starts_with('#') || line.contains(" # "), "no comment: {line}");
        above = line;
    }
}

/// All tables of a file that a section's pattern meets.
fn tables<'t>(root: &'t mut Table, pattern: &str) -> Vec<&'t mut Table> {
    let mut met = vec![root];
    for part in pattern.split('.') {
        met = met
            .into_iter()
            .flat_map(|table| -> Vec<&mut Table> {
                if part == "*" {
                    table.iter_mut().filter_map(|(_, v)| v.as_table_mut()).collect()
                } else if let Some(list) = part.strip_suffix("[]") {
                    let items = table.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten();
                    items.filter_map(Value::as_table_mut).collect()
                } else {
                    table.get_mut(part).and_then(Value::as_table_mut).into_iter().collect()
                }
            })
            .collect();
    }
    met
}

fn parse(table: &Table) -> Result<Config, super::Findings> {
    Config::parse(&table.to_string(), Path::new("/etc/kaas"))
}

fn example() -> Table {
    EXAMPLE.parse().unwrap()
}

#[test]
fn the_example_holds_every_key() {
    for (section, key) in all_keys() {
        let mut example = example();
        let held = tables(&mut example, section.path).iter().any(|t| t.contains_key(key.name));
        assert!(held, "{}.{} stands nowhere in kaas.example.toml", section.path, key.name);
    }
}

/// What a value could be instead.
fn others(key: &Key, value: &Value) -> Vec<Option<Value>> {
    let text = |text: String| Some(Value::String(text));
    let mut out = vec![None];
    match (&key.takes, value) {
        (Takes::Duration(from, to), _) => out.extend([from, to].map(|t| text((*t).to_owned()))),
        (Takes::Choice(words), _) => out.extend(words.iter().map(|w| text((*w).to_owned()))),
        (Takes::Secret, _) => out.push(Some(Value::Table(Table::from_iter([("env".to_owned(), "OTHER".into())])))),
        (_, Value::String(value)) => out.extend([text(format!("{value}1")), text("1d".to_owned())]),
        (_, Value::Integer(n)) => out.extend([n - 1, n + 1, n + 2].map(|n| Some(Value::Integer(n)))),
        (_, Value::Boolean(flag)) => out.push(Some(Value::Boolean(!flag))),
        (_, Value::Array(items)) => {
            out.push(Some(Value::Array(items[..items.len() - 1].to_vec())));
            // A list of one may not become empty, so it becomes another one.
            if let [Value::String(only)] = items.as_slice() {
                out.push(Some(Value::Array(vec![Value::String(format!("{only}1"))])));
            }
        }
        (_, _) => {}
    }
    out
}

#[test]
fn every_key_makes_a_difference() {
    let whole = parse(&example()).unwrap();
    for (section, key) in all_keys() {
        let mut file = example();
        let mut met = tables(&mut file, section.path);
        let value = met.iter_mut().find_map(|t| t.get(key.name)).unwrap().clone();
        if matches!(key.takes, Takes::Choice(words) if words.len() == 1) || key.name == "kind" {
            continue;
        }
        let differs = others(key, &value).into_iter().any(|other| {
            let mut file = example();
            let table = tables(&mut file, section.path).into_iter().find(|t| t.contains_key(key.name)).unwrap();
            match other {
                Some(other) => table.insert(key.name.to_owned(), other),
                None => table.remove(key.name),
            };
            parse(&file).is_ok_and(|config| config != whole)
        });
        assert!(differs, "{}.{} changes nothing", section.path, key.name);
    }
}

#[test]
fn the_documented_defaults_are_the_real_ones() {
    for (section, key) in all_keys() {
        let Need::Default(default) = key.need else { continue };
        let default = format!("x = {default}").parse::<Table>().unwrap().remove("x").unwrap();
        let mut without = example();
        let mut with = example();
        let of_kind = |t: &&mut Table| key.of.is_none_or(|of| t.get("kind").and_then(Value::as_str) == Some(of));
        tables(&mut without, section.path).into_iter().find(of_kind).unwrap().remove(key.name);
        tables(&mut with, section.path).into_iter().find(of_kind).unwrap().insert(key.name.to_owned(), default);
        assert_ne!(without, with, "{}.{} was not tried", section.path, key.name);
        let (without, with) = (parse(&without), parse(&with));
        assert_eq!(without, with, "{}.{}", section.path, key.name);
        assert!(with.is_ok(), "{}.{}: {with:?}", section.path, key.name);
    }
}
