//! terraform's values (cty) in memory, and their msgpack and JSON forms.
//!
//! A value carries no type: the schema does. Only whole numbers occur in the schemas here, so numbers are `f64`, which
//! holds whole numbers exactly up to 2^53.

use std::collections::BTreeMap;

use rmpv::Value as Packed;
use serde_json::Value as Json;

/// One value of a configuration, a plan or a state.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// Absent.
    #[default]
    Null,
    /// Known only after apply.
    Unknown,
    /// True or false.
    Bool(bool),
    /// A number.
    Number(f64),
    /// Text.
    String(String),
    /// A list, or the instances of a nested block.
    List(Vec<Value>),
    /// A map or an object.
    Map(BTreeMap<String, Value>),
}

/// The null that stands for an attribute that is not there.
pub static NULL: Value = Value::Null;

impl Value {
    /// Text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::String(text.into())
    }

    /// The attribute of an object; null when there is none.
    pub fn get(&self, name: &str) -> &Value {
        match self {
            Self::Map(map) => map.get(name).unwrap_or(&NULL),
            _ => &NULL,
        }
    }

    /// Sets an attribute of an object.
    pub fn set(&mut self, name: &str, value: Value) {
        if let Self::Map(map) = self {
            map.insert(name.to_owned(), value);
        }
    }

    /// The text, when it is text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The text, or the empty text.
    pub fn str(&self) -> &str {
        self.as_str().unwrap_or_default()
    }

    /// The instances of a list; none for anything else.
    pub fn items(&self) -> &[Value] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Whether it, or anything in it, is unknown.
    pub fn has_unknown(&self) -> bool {
        match self {
            Self::Unknown => true,
            Self::List(items) => items.iter().any(Self::has_unknown),
            Self::Map(map) => map.values().any(Self::has_unknown),
            _ => false,
        }
    }

    /// Whether it is null or what the old plugin SDK takes for unset: empty text, zero, false, an empty list or map.
    pub fn is_unset(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Unknown => false,
            Self::Bool(flag) => !flag,
            Self::Number(number) => *number == 0.0,
            Self::String(text) => text.is_empty(),
            Self::List(items) => items.is_empty(),
            Self::Map(map) => map.is_empty(),
        }
    }

    /// Reads cty's msgpack.
    ///
    /// # Errors
    /// Bytes that are no msgpack.
    pub fn from_msgpack(mut bytes: &[u8]) -> anyhow::Result<Self> {
        if bytes.is_empty() {
            return Ok(Self::Null);
        }
        let packed = rmpv::decode::read_value(&mut bytes)?;
        anyhow::ensure!(bytes.is_empty(), "{} bytes too many", bytes.len());
        Ok(Self::from_packed(packed))
    }

    fn from_packed(packed: Packed) -> Self {
        match packed {
            Packed::Nil => Self::Null,
            Packed::Boolean(flag) => Self::Bool(flag),
            Packed::Integer(number) => number.as_f64().map_or(Self::Null, Self::Number),
            Packed::F32(number) => Self::Number(f64::from(number)),
            Packed::F64(number) => Self::Number(number),
            Packed::String(text) => Self::String(text.into_str().unwrap_or_default()),
            Packed::Binary(bytes) => Self::String(String::from_utf8_lossy(&bytes).into_owned()),
            Packed::Array(items) => Self::List(items.into_iter().map(Self::from_packed).collect()),
            Packed::Map(pairs) => Self::Map(
                pairs
                    .into_iter()
                    .filter_map(|(key, value)| Some((key.as_str()?.to_owned(), Self::from_packed(value))))
                    .collect(),
            ),
            // Type 0 is unknown, 12 is unknown with hints; there are no others.
            Packed::Ext(..) => Self::Unknown,
        }
    }

    /// Writes cty's msgpack.
    pub fn to_msgpack(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(512);
        rmpv::encode::write_value(&mut bytes, &self.to_packed()).expect("writing to memory does not fail");
        bytes
    }

    fn to_packed(&self) -> Packed {
        match self {
            Self::Null => Packed::Nil,
            Self::Unknown => Packed::Ext(0, vec![0]),
            Self::Bool(flag) => Packed::Boolean(*flag),
            Self::Number(number) => match whole(*number) {
                Some(whole) => Packed::Integer(whole.into()),
                None => Packed::F64(*number),
            },
            Self::String(text) => Packed::String(text.as_str().into()),
            Self::List(items) => Packed::Array(items.iter().map(Self::to_packed).collect()),
            Self::Map(map) => {
                Packed::Map(map.iter().map(|(key, value)| (key.as_str().into(), value.to_packed())).collect())
            }
        }
    }

    /// Reads JSON, as in a state file or in an answer of Rancher.
    pub fn from_json(json: &Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(flag) => Self::Bool(*flag),
            Json::Number(number) => Self::Number(number.as_f64().unwrap_or_default()),
            Json::String(text) => Self::String(text.clone()),
            Json::Array(items) => Self::List(items.iter().map(Self::from_json).collect()),
            Json::Object(map) => {
                Self::Map(map.iter().map(|(key, value)| (key.clone(), Self::from_json(value))).collect())
            }
        }
    }

    /// Writes JSON; what is unknown becomes null.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Null | Self::Unknown => Json::Null,
            Self::Bool(flag) => Json::Bool(*flag),
            Self::Number(number) => match whole(*number) {
                Some(whole) => Json::from(whole),
                None => Json::from(*number),
            },
            Self::String(text) => Json::String(text.clone()),
            Self::List(items) => Json::Array(items.iter().map(Self::to_json).collect()),
            Self::Map(map) => Json::Object(map.iter().map(|(key, value)| (key.clone(), value.to_json())).collect()),
        }
    }
}

/// The number as a whole number, when it is one that `f64` holds exactly.
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0).then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn msgpack_round_trip_keeps_every_kind() {
        let value = Value::Map(BTreeMap::from([
            ("null".to_owned(), Value::Null),
            ("later".to_owned(), Value::Unknown),
            ("yes".to_owned(), Value::Bool(true)),
            ("count".to_owned(), Value::Number(-3.0)),
            ("half".to_owned(), Value::Number(0.5)),
            ("text".to_owned(), Value::text("käse")),
            ("list".to_owned(), Value::List(vec![Value::text(""), Value::Unknown])),
        ]));
        assert_eq!(Value::from_msgpack(&value.to_msgpack()).unwrap(), value);
    }

    #[test]
    fn unknown_is_written_as_terraform_writes_it() {
        assert_eq!(Value::Unknown.to_msgpack(), [0xd4, 0, 0]);
        // An unknown with refinements, as terraform 1.6 and later send it: extension type 12.
        assert_eq!(Value::from_msgpack(&[0xc7, 3, 12, 0x81, 1, 0xc2]).unwrap(), Value::Unknown);
    }

    #[test]
    fn bytes_that_are_no_value_are_an_error() {
        assert!(Value::from_msgpack(&[0xc0, 0xc0]).is_err());
        assert!(Value::from_msgpack(&[0x92, 1]).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            if let Ok(value) = Value::from_msgpack(&bytes) {
                let again = Value::from_msgpack(&value.to_msgpack()).unwrap();
                // NaN is unequal to itself; nothing else is.
                let same = again == value || format!("{value:?}").contains("NaN");
                proptest::prop_assert!(same);
            }
        }
    }
}
