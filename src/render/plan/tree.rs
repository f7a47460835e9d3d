//! A value of a plan as a tree of hashes: it can be compared, kept in a file and hashed, and holds no value in clear.
//!
//! A branch may be pruned to its hash; that changes no hash above it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::json::Json;

/// A sha256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hash([u8; 32]);

impl Hash {
    /// Hashes parts, each with its length, under a name for what they are.
    pub(super) fn of<'a>(what: u8, parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hash = Sha256::new();
        hash.update([what]);
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    /// Its bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::render::hex(&self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Hash> for String {
    fn from(hash: Hash) -> Self {
        hash.to_string()
    }
}

impl TryFrom<String> for Hash {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, &'static str> {
        let wrong = "not a sha256 in hex";
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(wrong);
        }
        let mut bytes = [0; 32];
        for (n, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * n..2 * n + 2], 16).map_err(|_| wrong)?;
        }
        Ok(Self(bytes))
    }
}

/// A value, as hashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Tree {
    /// Not known before the apply.
    Unknown,
    /// A known value, or a pruned branch.
    Known(Hash),
    /// A list.
    List(Vec<Tree>),
    /// An object.
    Map(BTreeMap<String, Tree>),
}

impl Tree {
    /// The tree of a value.
    pub(super) fn of(value: &Json) -> Self {
        let known = |what: u8, text: &str| Self::Known(Hash::of(what, [text.as_bytes()]));
        match value {
            Json::Unknown => Self::Unknown,
            Json::Secret(hash) => Self::Known(*hash),
            Json::Null => known(b'n', ""),
            Json::Bool(flag) => known(b'b', if *flag { "true" } else { "false" }),
            Json::Number(number) => known(b'd', number),
            Json::Text(text) => known(b's', text),
            Json::List(list) => Self::List(list.iter().map(Self::of).collect()),
            Json::Map(map) => Self::Map(map.iter().map(|(k, v)| (k.clone(), Self::of(v))).collect()),
        }
    }

    /// What it hashes to.
    pub(super) fn hash(&self) -> Hash {
        match self {
            Self::Unknown => Hash::of(b'u', []),
            Self::Known(hash) => *hash,
            Self::List(list) => {
                let hashes: Vec<Hash> = list.iter().map(Self::hash).collect();
                Hash::of(b'l', hashes.iter().map(Hash::bytes))
            }
            Self::Map(map) => {
                let hashes: Vec<(&str, Hash)> = map.iter().map(|(k, v)| (k.as_str(), v.hash())).collect();
                Hash::of(b'm', hashes.iter().flat_map(|(k, h)| [k.as_bytes(), h.bytes()]))
            }
        }
    }

    /// Prunes every branch in which all is known.
    pub(super) fn prune(self) -> Self {
        if self.is_known() {
            return Self::Known(self.hash());
        }
        match self {
            Self::List(list) => Self::List(list.into_iter().map(Self::prune).collect()),
            Self::Map(map) => Self::Map(map.into_iter().map(|(k, v)| (k, v.prune())).collect()),
            leaf @ (Self::Unknown | Self::Known(_)) => leaf,
        }
    }

    /// How many nodes it has.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Unknown | Self::Known(_) => 1,
            Self::List(list) => 1 + list.iter().map(Self::size).sum::<usize>(),
            Self::Map(map) => 1 + map.values().map(Self::size).sum::<usize>(),
        }
    }

    /// Whether this is what was approved, or what an unknown of it turned out to be.
    pub(super) fn fits(&self, approved: &Self) -> bool {
        match (self, approved) {
            (_, Self::Unknown) => true,
            (Self::List(now), Self::List(then)) => {
                now.len() == then.len() && now.iter().zip(then).all(|(n, t)| n.fits(t))
            }
            (Self::Map(now), Self::Map(then)) => {
                now.iter().all(|(key, n)| then.get(key).is_some_and(|t| n.fits(t)))
                    && then.iter().all(|(key, t)| now.contains_key(key) || *t == Self::Unknown)
            }
            _ => self.hash() == approved.hash(),
        }
    }

    /// The entry of that name.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(map) => map.get(key),
            Self::Unknown | Self::Known(_) | Self::List(_) => None,
        }
    }

    fn is_known(&self) -> bool {
        match self {
            Self::Unknown => false,
            Self::Known(_) => true,
            Self::List(list) => list.iter().all(Self::is_known),
            Self::Map(map) => map.values().all(Self::is_known),
        }
    }
}
