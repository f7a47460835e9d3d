//! What is true at the end of every story, whatever it was about.

use kaas::record::{Event, Record, verify};

use crate::process::Telling;
use crate::world::World;

impl World {
    /// What a story must not leave behind.
    pub async fn leftovers(&self) -> Vec<String> {
        let mut wrongs = self.common.wrongs();
        wrongs.extend(self.common.conversation().mentions_are_kind().err());
        let store = &self.inner.store;
        let mut open = Vec::new();
        for key in store.keys().await.unwrap() {
            let record = store.load(&key).await.unwrap().unwrap();
            for row in record.outbox.iter().filter(|row| row.effect.not_before().is_none()) {
                wrongs.push(format!("{key}: {} is still pending: {row:?}", row.effect.name()));
            }
            if record.cluster.open().is_some() {
                open.push(format!("kaas/{}/{}", key.name, record.cluster.change.number));
            } else if record.cluster.live.is_some() != self.rancher.has(&key.name) {
                wrongs.push(format!("{key}: kaas and Rancher do not agree whether it exists"));
            } else if record.cluster.live.is_some() != (self.terraform.made(&key) > 0) {
                wrongs.push(format!("{key}: kaas and terraform do not agree whether it exists"));
            } else if record.cluster.live.is_some()
                != self.forge.main().contains_key(&format!("clusters/{}/main.tf", key.name))
            {
                wrongs.push(format!("{key}: kaas and main do not agree whether it exists"));
            }
            wrongs.extend(self.broken_journal(&record).await);
        }
        for pull in self.forge.pulls().iter().filter(|pull| pull.is_open() && !open.contains(&pull.branch)) {
            wrongs.push(format!("the pull request #{} of {} is left open", pull.number, pull.branch));
        }
        wrongs
    }

    async fn broken_journal(&self, record: &Record) -> Option<String> {
        let entries = self.inner.store.journal(record.key()).await.unwrap();
        if let Err(why) = verify(&entries) {
            return Some(why);
        }
        if self.inner.telling == Telling::EverythingTwice {
            let once = entries
                .iter()
                .find(|entry| matches!(&entry.body.event, Event::Settled { attempt, .. } if *attempt < 2));
            if let Some(entry) = once {
                return Some(format!("an effect was performed only once: {entry:?}"));
            }
        }
        if *self.inner.changed.lock().unwrap() {
            return None;
        }
        let policy = self.inner.policy.lock().unwrap().clone();
        match Record::replay(&policy, &entries) {
            Ok(Some(replayed)) if replayed.is_same_life(record) => None,
            Ok(_) => Some(format!("{}: the journal leads to another record", record.key())),
            Err(number) => Some(format!("{}: the journal cannot be played again from entry {number}", record.key())),
        }
    }
}
