//! The world outside, made up: each part is a small state machine that dedupes by natural keys, as the real adapters do, and holds what it would have done
//! twice against the story.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use kaas::clock::SharedClock;
use kaas::lifecycle::EffectKey;
use kaas::ports::{Answer, Call, Trouble};

use crate::conversation::Conversation;

mod chat;
mod cloud;
mod forge;
mod rancher;
mod second;
mod terraform;

pub use chat::FakeChat;
pub use cloud::FakeCloud;
pub use forge::FakeForge;
pub use rancher::{FakeRancher, Takes};
pub use second::SecondChat;
pub use terraform::FakeTerraform;

/// A part of the world that can be down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Chat,
    SecondChat,
    Forge,
    Terraform,
    Rancher,
    Cloud,
}

/// What all parts share.
pub struct Common {
    pub clock: SharedClock,
    conversation: Mutex<Conversation>,
    down: Mutex<BTreeMap<Part, &'static str>>,
    wrongs: Mutex<Vec<String>>,
    attempts: Mutex<BTreeMap<EffectKey, u32>>,
}

impl Common {
    pub fn new(clock: SharedClock) -> Arc<Self> {
        Arc::new(Self {
            clock,
            conversation: Mutex::default(),
            down: Mutex::default(),
            wrongs: Mutex::default(),
            attempts: Mutex::default(),
        })
    }

    pub fn conversation(&self) -> MutexGuard<'_, Conversation> {
        self.conversation.lock().unwrap()
    }

    pub fn set_down(&self, part: Part, line: Option<&'static str>) {
        let mut down = self.down.lock().unwrap();
        match line {
            Some(line) => down.insert(part, line),
            None => down.remove(&part),
        };
    }

    /// Something happened that must not.
    pub fn wrong(&self, what: impl Into<String>) {
        self.wrongs.lock().unwrap().push(what.into());
    }

    pub fn wrongs(&self) -> Vec<String> {
        self.wrongs.lock().unwrap().clone()
    }

    fn up(&self, part: Part) -> Answer<()> {
        match self.down.lock().unwrap().get(&part) {
            Some(line) => Err(Trouble::Passing { line: (*line).to_owned(), wait: None, source: None }),
            None => Ok(()),
        }
    }

    /// An effect reaches a port: it has to say how often it tried before, or no adapter could tell a repetition from news.
    fn begins(&self, part: Part, call: &Call) -> Answer<()> {
        let last = self.attempts.lock().unwrap().insert(call.key.clone(), call.attempt);
        if last.is_some_and(|last| last >= call.attempt) {
            self.wrong(format!("{} is performed again as attempt {}", call.key, call.attempt));
        }
        self.up(part)
    }
}
