//! What somebody may mean who is typing a value: names that the tenant knows, the best first.
//!
//! It decides nothing and writes nothing. It is asked at every keystroke, so it reads what the store keeps in memory and no record.

use std::collections::BTreeSet;

use crate::lifecycle::catalogue::Class;
use crate::ports::{Heard, SUGGESTIONS_MAX, Suggest};
use crate::store::Filter;

use super::desk::{FrontDesk, unfit};

/// How many of the asker's own clusters, of those that wait, and of all are looked through.
const LOOKED_THROUGH: usize = 2_000;

impl FrontDesk {
    /// What may be meant. Whoever may not ask for lists gets nothing.
    pub(super) async fn suggestions(&self, heard: &Heard, what: &Suggest, typed: &str) -> anyhow::Result<Vec<String>> {
        if unfit(heard).is_some() {
            return Ok(Vec::new());
        }
        let known = match what {
            Suggest::Clusters { waiting } => self.clusters(heard, *waiting).await?,
            Suggest::Classes => self.tenant.catalogue.classes.iter().map(|class| class.name.to_string()).collect(),
            Suggest::Sizes(class) => self
                .of_classes(class.as_deref(), |class| class.sizes.iter().map(|size| size.name.to_string()).collect()),
            Suggest::Versions(class) => {
                self.of_classes(class.as_deref(), |class| class.kubernetes.iter().map(ToString::to_string).collect())
            }
            Suggest::Regions(class) => {
                self.of_classes(class.as_deref(), |class| class.regions.iter().map(ToString::to_string).collect())
            }
            Suggest::People => self.names(),
            Suggest::Receivers => {
                let groups = self.tenant.groups.keys().map(|group| format!("group:{group}"));
                self.names().into_iter().chain(groups).collect()
            }
            Suggest::Roles => self.tenant.policy.access.roles.clone(),
            Suggest::Links => {
                let answers = ["confirm", "refuse"].map(str::to_owned);
                // Only an admin says it of others.
                let others = if self.tenant.policy.is_admin(&heard.by.id) { self.names() } else { Vec::new() };
                answers.into_iter().chain(others).collect()
            }
        };
        Ok(best(known, typed))
    }

    /// Clusters as lists show them: everybody's, with those that matter to this person first.
    async fn clusters(&self, heard: &Heard, waiting: bool) -> anyhow::Result<Vec<String>> {
        let owner = (!waiting).then(|| heard.by.id.clone());
        let all = Filter { tenant: self.tenant.name.clone(), owner: None, waiting: false, limit: LOOKED_THROUGH };
        let first = Filter { owner, waiting, ..all.clone() };
        let first = self.engine.store.list(&first).await?.rows;
        let rest = self.engine.store.list(&all).await?.rows;
        let mut known = BTreeSet::new();
        let names = first.into_iter().chain(rest).map(|row| row.key.name.to_string());
        Ok(names.filter(|name| known.insert(name.clone())).collect())
    }

    /// What the class of that name has, or all of them where there is none of that name.
    fn of_classes(&self, name: Option<&str>, values: impl Fn(&Class) -> Vec<String>) -> Vec<String> {
        let catalogue = &self.tenant.catalogue;
        let values: Vec<String> = match name.and_then(|name| catalogue.class(name)) {
            Some(class) => values(class),
            None => catalogue.classes.iter().flat_map(values).collect(),
        };
        let mut known = BTreeSet::new();
        values.into_iter().filter(|value| known.insert(value.clone())).collect()
    }

    /// Everybody by name, or by id where two have the same name.
    fn names(&self) -> Vec<String> {
        let same = |name: &str| self.people.iter().filter(|person| person.name.eq_ignore_ascii_case(name)).count() > 1;
        let name = |person: &crate::lifecycle::Person| {
            if same(&person.name) { person.id.to_string() } else { person.name.clone() }
        };
        self.people.iter().map(name).collect()
    }
}

/// The names that fit what is typed: those that begin with it, then those of which a part does, then those that hold it; where there are none, those that are
/// close. Within each, the order that they had.
fn best(known: Vec<String>, typed: &str) -> Vec<String> {
    let typed = typed.trim().trim_start_matches('@').to_lowercase();
    let mut fitting: Vec<(u8, &String)> = known.iter().filter_map(|name| Some((rank(name, &typed)?, name))).collect();
    if fitting.is_empty() {
        fitting = known.iter().filter(|name| is_close(name, &typed)).map(|name| (0, name)).collect();
    }
    fitting.sort_by_key(|(rank, _)| *rank);
    fitting.into_iter().take(SUGGESTIONS_MAX).map(|(_, name)| name.clone()).collect()
}

fn rank(name: &str, typed: &str) -> Option<u8> {
    let name = name.to_lowercase();
    let mut parts = name.split(|c: char| !c.is_alphanumeric());
    if name == typed {
        Some(0)
    } else if name.starts_with(typed) {
        Some(1)
    } else if parts.any(|part| part.starts_with(typed)) {
        Some(2)
    } else {
        name.contains(typed).then_some(3)
    }
}

/// Whether a slip or two are all that is between them.
fn is_close(name: &str, typed: &str) -> bool {
    let most = (typed.chars().count() / 3).min(3);
    most > 0 && strsim::damerau_levenshtein(&name.to_lowercase(), typed) <= most
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(known: &[&str], typed: &str) -> Vec<String> {
        best(known.iter().map(|name| (*name).to_owned()).collect(), typed)
    }

    #[test]
    fn the_best_comes_first_and_nothing_that_does_not_fit() {
        let known = ["grey-heron", "teal-otter", "otter", "hot-otters", "blue-crow"];
        assert_eq!(of(&known, "otter"), ["otter", "teal-otter", "hot-otters"]);
        assert_eq!(of(&known, "te"), ["teal-otter", "otter", "hot-otters"]);
        assert_eq!(of(&known, "gery-heron"), ["grey-heron"], "a slip");
        assert_eq!(of(&known, " TEAL"), ["teal-otter"]);
        assert_eq!(of(&known, "@blue"), ["blue-crow"]);
        assert!(of(&known, "zebra").is_empty());
        assert_eq!(of(&known, ""), known, "nothing typed yet: as they come");
    }

    #[test]
    fn there_are_never_more_than_are_shown() {
        let many: Vec<String> = (0..300).map(|n| format!("cluster-{n}")).collect();
        assert_eq!(best(many.clone(), "").len(), SUGGESTIONS_MAX);
        assert_eq!(best(many, "cluster-299"), ["cluster-299"]);
    }
}
