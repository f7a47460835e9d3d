//! JSON as terraform writes it in a plan: numbers kept to the last digit, what is not known yet and what is secret marked as such.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::tree::{Hash, Tree};

/// The deepest nesting that is read.
const DEPTH_MAX: usize = 100;

/// What an absent entry is compared as.
static NULL: Json = Json::Null;

/// A value of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Json {
    /// `null`.
    Null,
    /// A flag.
    Bool(bool),
    /// A number, as it was written.
    Number(String),
    /// A string.
    Text(String),
    /// A list.
    List(Vec<Json>),
    /// An object.
    Map(BTreeMap<String, Json>),
    /// Known after the apply.
    Unknown,
    /// Marked as sensitive: only what it hashes to is left.
    Secret(Hash),
}

impl Json {
    /// Reads a value whose syntax was checked before. `None` for nesting beyond all measure and for halves of surrogate pairs.
    pub(super) fn read(raw: &RawValue) -> Option<Self> {
        let mut reader = Reader { text: raw.get(), at: 0 };
        reader.value(0)
    }

    /// Puts in what is not known yet, as `after_unknown` says.
    pub(super) fn with_unknown(self, unknown: &Json) -> Self {
        match (self, unknown) {
            (_, Self::Bool(true)) => Self::Unknown,
            (Self::Map(mut map), Self::Map(marks)) => {
                for (key, mark) in marks {
                    let old = map.remove(key);
                    let absent = old.is_none();
                    let new = old.unwrap_or(Self::Null).with_unknown(mark);
                    if !(absent && new == Self::Null) {
                        map.insert(key.clone(), new);
                    }
                }
                Self::Map(map)
            }
            (Self::List(mut list), Self::List(marks)) => {
                list.resize(list.len().max(marks.len()), Self::Null);
                let marked = list.into_iter().enumerate().map(|(n, item)| match marks.get(n) {
                    Some(mark) => item.with_unknown(mark),
                    None => item,
                });
                Self::List(marked.collect())
            }
            // What terraform leaves out because parts of it are unknown.
            (Self::Null, Self::Map(marks)) if unknown.any_true() => {
                Self::Map(marks.iter().map(|(k, m)| (k.clone(), Self::Null.with_unknown(m))).collect())
            }
            (Self::Null, Self::List(marks)) if unknown.any_true() => {
                Self::List(marks.iter().map(|m| Self::Null.with_unknown(m)).collect())
            }
            (value, _) if unknown.any_true() => match value {
                Self::Null => Self::Null,
                _ => Self::Unknown,
            },
            (value, _) => value,
        }
    }

    /// Takes out what is sensitive, as `before_sensitive` or `after_sensitive` says.
    pub(super) fn without_secrets(self, sensitive: &Json) -> Self {
        match (self, sensitive) {
            (value @ (Self::Null | Self::Unknown), _) => value,
            (value, Self::Bool(true)) => Self::Secret(Tree::of(&value).hash()),
            (Self::Map(map), Self::Map(marks)) => {
                let masked = map.into_iter().map(|(key, value)| match marks.get(&key) {
                    Some(mark) => (key, value.without_secrets(mark)),
                    None => (key, value),
                });
                Self::Map(masked.collect())
            }
            (Self::List(list), Self::List(marks)) => {
                let masked = list.into_iter().enumerate().map(|(n, item)| match marks.get(n) {
                    Some(mark) => item.without_secrets(mark),
                    None => item,
                });
                Self::List(masked.collect())
            }
            // A mark that does not fit the value hides all of it.
            (value, _) if sensitive.any_true() => Self::Secret(Tree::of(&value).hash()),
            (value, _) => value,
        }
    }

    /// The entry of that name.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(map) => map.get(key),
            _ => None,
        }
    }

    /// The nested block of that name; terraform writes it as a list of one.
    pub(super) fn block(&self, key: &str) -> Option<&Self> {
        match self.get(key)? {
            Self::List(list) => list.first(),
            other => Some(other),
        }
    }

    /// The string, if it is one.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The names of the entries that differ, sorted.
    pub(super) fn changed<'a>(before: Option<&'a Self>, after: Option<&'a Self>) -> Vec<&'a str> {
        let entries = |json: Option<&'a Self>| match json {
            Some(Self::Map(map)) => map.iter().map(|(k, v)| (k.as_str(), v)).collect(),
            _ => BTreeMap::new(),
        };
        let (before, after): (BTreeMap<&str, &Self>, BTreeMap<&str, &Self>) = (entries(before), entries(after));
        let mut names: Vec<&str> = before.keys().chain(after.keys()).copied().collect();
        names.sort_unstable();
        names.dedup();
        names.retain(|name| before.get(name).unwrap_or(&&NULL) != after.get(name).unwrap_or(&&NULL));
        names
    }

    fn any_true(&self) -> bool {
        match self {
            Self::Bool(flag) => *flag,
            Self::List(list) => list.iter().any(Self::any_true),
            Self::Map(map) => map.values().any(Self::any_true),
            Self::Null | Self::Number(_) | Self::Text(_) | Self::Unknown | Self::Secret(_) => false,
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Option<Json> {
        if depth > DEPTH_MAX {
            return None;
        }
        match self.peek()? {
            b'{' => {
                self.at += 1;
                let mut map = BTreeMap::new();
                while self.peek()? != b'}' {
                    let key = self.string()?;
                    self.expect(b':')?;
                    map.insert(key, self.value(depth + 1)?);
                    self.comma()?;
                }
                self.at += 1;
                Some(Json::Map(map))
            }
            b'[' => {
                self.at += 1;
                let mut list = Vec::new();
                while self.peek()? != b']' {
                    list.push(self.value(depth + 1)?);
                    self.comma()?;
                }
                self.at += 1;
                Some(Json::List(list))
            }
            b'"' => self.string().map(Json::Text),
            b't' => self.word("true", Json::Bool(true)),
            b'f' => self.word("false", Json::Bool(false)),
            b'n' => self.word("null", Json::Null),
            _ => self.number(),
        }
    }

    /// The next byte that is not white space.
    fn peek(&mut self) -> Option<u8> {
        let rest = self.text.as_bytes().get(self.at..)?;
        self.at += rest.iter().take_while(|b| b.is_ascii_whitespace()).count();
        self.text.as_bytes().get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// A comma, or the end of a list or an object.
    fn comma(&mut self) -> Option<()> {
        match self.peek()? {
            b',' => self.at += 1,
            b']' | b'}' => {}
            _ => return None,
        }
        Some(())
    }

    fn word(&mut self, word: &str, value: Json) -> Option<Json> {
        self.text[self.at..].starts_with(word).then(|| self.at += word.len())?;
        Some(value)
    }

    fn string(&mut self) -> Option<String> {
        self.expect(b'"')?;
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut escaped = false;
        loop {
            match bytes.get(self.at)? {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    self.at += 2;
                }
                _ => self.at += 1,
            }
        }
        self.at += 1;
        if escaped {
            serde_json::from_str(self.text.get(start - 1..self.at)?).ok()
        } else {
            self.text.get(start..self.at - 1).map(str::to_owned)
        }
    }

    /// A number, without the zeros at its end that say nothing.
    fn number(&mut self) -> Option<Json> {
        let rest = &self.text[self.at..];
        let len = rest.bytes().take_while(|b| b.is_ascii_digit() || b"+-.eE".contains(b)).count();
        if len == 0 {
            return None;
        }
        self.at += len;
        let number = &rest[..len];
        let plain = number.contains('.') && !number.contains(['e', 'E']);
        let number = if plain { number.trim_end_matches('0').trim_end_matches('.') } else { number };
        Some(Json::Number(if number == "-0" { "0" } else { number }.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Option<Json> {
        Json::read(serde_json::from_str::<&RawValue>(text).unwrap())
    }

    #[test]
    fn numbers_keep_every_digit_that_counts() {
        let same = |a: &str, b: &str| read(a) == read(b);
        assert!(same("1.0", "1") && same("-0", "0") && same("2.50", "2.5"));
        assert!(!same("123456789012345678901234567890", "123456789012345678901234567891"));
        assert!(!same("10", "1") && !same("1e2", "1e3"));
    }

    #[test]
    fn what_cannot_be_read_is_nothing_and_no_panic() {
        assert_eq!(read("\"\\ud800\""), None);
        assert_eq!(read(&format!("{}{}", "[".repeat(5000), "]".repeat(5000))), None);
    }

    #[test]
    fn marks_are_put_in() {
        let after = r#"{"a":1,"list":["x",null],"deep":[{"k":"v"}]}"#;
        let unknown = r#"{"id":true,"list":[false,true],"deep":[{"new":true}],"none":{}}"#;
        let merged = read(after).unwrap().with_unknown(&read(unknown).unwrap());
        assert_eq!(merged.get("id"), Some(&Json::Unknown));
        assert_eq!(merged.get("none"), None);
        assert_eq!(merged.block("deep").unwrap().get("new"), Some(&Json::Unknown));
        assert_eq!(merged.get("list"), Some(&Json::List(vec![Json::Text("x".into()), Json::Unknown])));
        let sensitive = r#"{"a":true,"list":{"0":true},"deep":[{"k":true}],"id":true}"#;
        let masked = merged.without_secrets(&read(sensitive).unwrap());
        assert!(matches!(masked.get("a"), Some(Json::Secret(_))));
        assert!(matches!(masked.get("list"), Some(Json::Secret(_))));
        assert!(matches!(masked.block("deep").unwrap().get("k"), Some(Json::Secret(_))));
        assert_eq!(masked.get("id"), Some(&Json::Unknown));
    }

    proptest! {
        #[test]
        fn it_reads_what_serde_json_writes(text in any::<String>(), number in any::<i64>(), flag in any::<bool>()) {
            let value = serde_json::json!({ &text: [number, flag, null_or(&text)], "x": { "y": [] , "z": {} } });
            for written in [serde_json::to_string(&value).unwrap(), serde_json::to_string_pretty(&value).unwrap()] {
                let json = read(&written).unwrap();
                let list = vec![Json::Number(number.to_string()), Json::Bool(flag), Json::Text(text.clone())];
                let mut map = BTreeMap::from([(text.clone(), Json::List(list))]);
                let inner = [("y".to_owned(), Json::List(vec![])), ("z".to_owned(), Json::Map(BTreeMap::new()))];
                map.insert("x".to_owned(), Json::Map(inner.into()));
                prop_assert_eq!(json, Json::Map(map));
            }
        }
    }

    fn null_or(text: &str) -> serde_json::Value {
        serde_json::Value::String(text.to_owned())
    }
}
