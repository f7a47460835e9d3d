//! Where the engine may die: an observer is told of each boundary, so that a test can end the process at exactly that point.
//!
//! Nothing in kaas depends on it, and nothing is observed unless somebody asks.

use std::str::FromStr;

use super::Engine;

/// A point between doing and recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Boundary {
    /// An ask was heard and is not saved yet.
    Heard,
    /// An ask is saved and not answered yet.
    Taken,
    /// An effect was claimed, and is not performed yet.
    Claimed,
    /// An effect was performed, and is not settled yet.
    Performed,
    /// An effect was settled, and what it led to is saved.
    Settled,
}

/// All boundaries with their names.
const NAMES: [(Boundary, &str); 5] = [
    (Boundary::Heard, "heard"),
    (Boundary::Taken, "taken"),
    (Boundary::Claimed, "claimed"),
    (Boundary::Performed, "performed"),
    (Boundary::Settled, "settled"),
];

impl Boundary {
    /// Its name: `performed`.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(boundary, _)| *boundary == self).map_or("", |(_, name)| name)
    }
}

impl FromStr for Boundary {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        NAMES.iter().find(|(_, name)| *name == text).map(|(boundary, _)| *boundary).ok_or_else(|| {
            let names: Vec<&str> = NAMES.iter().map(|(_, name)| *name).collect();
            format!("no boundary `{text}`; there are: {}", names.join(", "))
        })
    }
}

/// Is told of every boundary, with the name of the effect (`apply`) or of the ask (`ask`).
pub type Observer = Box<dyn Fn(Boundary, &str) + Send + Sync>;

impl Engine {
    /// From now on tells `observer` of every boundary. There is one; later ones are not told.
    pub fn observe(&self, observer: Observer) {
        let _ = self.observer.set(observer);
    }

    pub(super) fn reached(&self, boundary: Boundary, what: &str) {
        if let Some(observer) = self.observer.get() {
            observer(boundary, what);
        }
    }
}
