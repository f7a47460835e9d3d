//! The one table of commands: the parser, "did you mean" and help are made from it.
//!
//! Nothing here does I/O, reads a clock or draws a random number.

pub use super::flags::{FLAGS, Flag, FlagEntry, Shape};

/// A command's first word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Asks for a cluster.
    Request,
    /// Lists clusters.
    List,
    /// Shows one cluster.
    Show,
    /// Approves a plan.
    Approve,
    /// Takes an approval back.
    Withdraw,
    /// Rejects a change.
    Reject,
    /// Takes a change back.
    Cancel,
    /// Tries again.
    Retry,
    /// Takes a cluster down.
    Destroy,
    /// Gives a way in, or lists who has one.
    Access,
    /// Takes a way in back.
    Revoke,
    /// Tells kaas' own view of the asker.
    Whoami,
    /// Says which user in Rancher a person is.
    Link,
    /// Searches the account for what was left behind.
    Orphans,
    /// Lets a machine go that Rancher cannot remove.
    ForceRemove,
    /// Shows the catalogue.
    Classes,
    /// Explains.
    Help,
}

/// Whom a command is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Audience {
    /// Whoever wants a cluster or has one.
    Developers,
    /// Whoever decides.
    Approvers,
    /// Everybody.
    Everybody,
    /// Whoever answers for all of it.
    Admins,
}

/// A command.
#[derive(Debug)]
pub struct Entry {
    /// Which.
    pub verb: Verb,
    /// What it is called.
    pub name: &'static str,
    /// What else people type for it.
    pub aliases: &'static [&'static str],
    /// Whom it is for.
    pub audience: Audience,
    /// What it does, after "kaas": "asks for a new cluster".
    pub does: &'static str,
    /// What it takes, in the order of its usage line.
    pub takes: &'static [Flag],
    /// What help says besides, one sentence a line.
    pub notes: &'static [&'static str],
    /// Lines that work, without [`COMMAND`](super::COMMAND).
    pub examples: &'static [&'static str],
}

const NAMED: &[Flag] = &[Flag::Name];

/// All commands, in the order of help.
pub const COMMANDS: &[Entry] = &[
    Entry {
        verb: Verb::Request,
        name: "request",
        aliases: &["create", "new", "make", "order", "provision"],
        audience: Audience::Developers,
        does: "asks for a new cluster",
        takes: &[
            Flag::Name,
            Flag::Class,
            Flag::Size,
            Flag::Workers,
            Flag::Kubernetes,
            Flag::Region,
            Flag::Ttl,
            Flag::Reason,
            Flag::Ticket,
            Flag::DryRun,
        ],
        notes: &[
            "What you leave out takes the default of the class: see /kaas classes.",
            "Others approve it before anything is made. You are told when it is ready.",
        ],
        examples: &[
            "request teal-otter size=small",
            "request teal-otter size=small workers=2 ttl=7d reason=\"load test of billing\" ticket=OPS-77",
            "request teal-otter --dry-run",
        ],
    },
    Entry {
        verb: Verb::Destroy,
        name: "destroy",
        aliases: &["delete", "rm", "remove", "teardown", "tear-down", "drop"],
        audience: Audience::Developers,
        does: "takes a cluster down",
        takes: &[Flag::Name, Flag::Reason],
        notes: &["Its owner or an admin can ask for it. Others approve it, as they did when it was made."],
        examples: &["destroy teal-otter", "destroy teal-otter because the load test is over"],
    },
    Entry {
        verb: Verb::Access,
        name: "access",
        aliases: &["grant", "share", "invite"],
        audience: Audience::Developers,
        does: "shows who has a way in, or gives somebody one",
        takes: &[Flag::Name, Flag::To, Flag::Role, Flag::Lasts],
        notes: &[
            "Its owner or an admin can give it. With for= it ends by itself.",
            "A group of your company is written group:name.",
        ],
        examples: &[
            "access teal-otter",
            "access teal-otter @bob for 8h",
            "access teal-otter to=group:billing role=cluster-member",
        ],
    },
    Entry {
        verb: Verb::Revoke,
        name: "revoke",
        aliases: &["unshare", "uninvite"],
        audience: Audience::Developers,
        does: "takes somebody's way in back",
        takes: &[Flag::Name, Flag::To],
        notes: &["Its owner or an admin can."],
        examples: &["revoke teal-otter @bob", "revoke teal-otter to=group:billing"],
    },
    Entry {
        verb: Verb::Cancel,
        name: "cancel",
        aliases: &["abort", "stop"],
        audience: Audience::Developers,
        does: "takes a change back",
        takes: NAMED,
        notes: &["While terraform is at work a change cannot be cut off; it can be once it is done or stuck."],
        examples: &["cancel teal-otter"],
    },
    Entry {
        verb: Verb::Retry,
        name: "retry",
        aliases: &["again", "rerun", "redo"],
        audience: Audience::Developers,
        does: "does again what failed, or plans again",
        takes: NAMED,
        notes: &["Planning again voids the votes for the old plan."],
        examples: &["retry teal-otter"],
    },
    Entry {
        verb: Verb::Approve,
        name: "approve",
        aliases: &["yes", "ok", "accept", "lgtm", "+1"],
        audience: Audience::Approvers,
        does: "says yes to the current plan",
        takes: NAMED,
        notes: &["Nobody approves their own request, and nobody counts twice."],
        examples: &["approve teal-otter"],
    },
    Entry {
        verb: Verb::Reject,
        name: "reject",
        aliases: &["no", "deny", "decline", "veto"],
        audience: Audience::Approvers,
        does: "says no, and ends the change",
        takes: &[Flag::Name, Flag::Reason],
        notes: &["Say why: whoever asked reads it."],
        examples: &["reject teal-otter because the budget is gone", "reject teal-otter reason=\"the budget is gone\""],
    },
    Entry {
        verb: Verb::Withdraw,
        name: "withdraw",
        aliases: &["unapprove", "unvote"],
        audience: Audience::Approvers,
        does: "takes your approval back, while it is undecided",
        takes: NAMED,
        notes: &[],
        examples: &["withdraw teal-otter"],
    },
    Entry {
        verb: Verb::List,
        name: "list",
        aliases: &["ls", "clusters"],
        audience: Audience::Everybody,
        does: "lists clusters",
        takes: &[Flag::Which, Flag::Owner],
        notes: &[],
        examples: &["list", "list mine", "list waiting", "list owner=alice"],
    },
    Entry {
        verb: Verb::Show,
        name: "show",
        aliases: &["status", "get", "describe", "info"],
        audience: Audience::Everybody,
        does: "shows one cluster",
        takes: NAMED,
        notes: &[],
        examples: &["show teal-otter"],
    },
    Entry {
        verb: Verb::Classes,
        name: "classes",
        aliases: &["sizes", "catalogue", "catalog", "options"],
        audience: Audience::Everybody,
        does: "shows what can be asked for, with prices",
        takes: &[],
        notes: &[],
        examples: &["classes"],
    },
    Entry {
        verb: Verb::Whoami,
        name: "whoami",
        aliases: &["me", "who-am-i"],
        audience: Audience::Everybody,
        does: "shows who you are for kaas and for Rancher",
        takes: &[],
        notes: &[],
        examples: &["whoami"],
    },
    Entry {
        verb: Verb::Link,
        name: "link",
        aliases: &["links"],
        audience: Audience::Admins,
        does: "says which user in Rancher somebody is",
        takes: &[Flag::Person, Flag::User],
        notes: &[
            "An admin says it, and it holds once the person confirms it.",
            "The id stands in Rancher under Users & Authentication, and in the person's own account menu.",
        ],
        examples: &["link @bob u-4tq9z", "link confirm", "link refuse", "link @bob none"],
    },
    Entry {
        verb: Verb::Orphans,
        name: "orphans",
        aliases: &["leftovers", "leaks"],
        audience: Audience::Admins,
        does: "searches the cloud for what belongs to no cluster",
        takes: &[],
        notes: &["kaas only looks. It says what each thing costs and which command removes it."],
        examples: &["orphans"],
    },
    Entry {
        verb: Verb::ForceRemove,
        name: "force-remove",
        aliases: &["forceremove"],
        audience: Audience::Admins,
        does: "lets a machine go that cannot be removed",
        takes: &[Flag::Name, Flag::Machine],
        notes: &[
            "For a destroy that hangs on one machine. Rancher then forgets the machine without asking the cloud,",
            "so it may go on running and costing there: the search after the teardown says so.",
        ],
        examples: &["force-remove teal-otter machine=teal-otter-worker-a-b5wxk-7qz2m"],
    },
    Entry {
        verb: Verb::Help,
        name: "help",
        aliases: &["h", "?", "man", "usage", "--help", "-h"],
        audience: Audience::Everybody,
        does: "explains a command or a topic",
        takes: &[Flag::Topic],
        notes: &[],
        examples: &["help", "help request", "help writing"],
    },
];

impl Verb {
    /// Its entry in the table.
    pub fn entry(self) -> &'static Entry {
        COMMANDS.iter().find(|e| e.verb == self).expect("every verb is in the table: a test holds it")
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        self.entry().name
    }

    /// The verb that a word means, in any case of letters.
    pub fn named(word: &str) -> Option<Self> {
        let word = keyword(word);
        COMMANDS.iter().find(|e| e.name == word || e.aliases.contains(&word.as_str())).map(|e| e.verb)
    }
}

impl Entry {
    /// The flag of this command that a word means: its name, an alias or its letter, in any case of letters.
    pub fn flag(&self, word: &str) -> Option<&'static FlagEntry> {
        let word = keyword(word);
        let mut letters = word.chars();
        let letter = letters.next().filter(|_| letters.next().is_none());
        self.takes
            .iter()
            .map(|flag| flag.entry())
            .find(|e| e.name == word || e.aliases.contains(&word.as_str()) || (letter.is_some() && e.short == letter))
    }

    /// How it is written: `reject <name> [reason=]`.
    pub fn usage(&self) -> String {
        let values = self.takes.iter().map(|flag| flag.entry()).filter_map(|flag| match flag.shape {
            Shape::Word | Shape::MaybeWord => None,
            Shape::Value => Some(format!(" [{}=]", flag.name)),
            Shape::Switch => Some(format!(" [--{}]", flag.name)),
        });
        self.brief() + &values.collect::<String>()
    }

    /// Its verb and the words on their own that it takes: `reject <name>`.
    pub fn brief(&self) -> String {
        let words = self.takes.iter().map(|flag| flag.entry()).filter_map(|flag| match (flag.shape, flag.flag) {
            (Shape::Word, _) => Some(format!(" <{}>", flag.name)),
            (Shape::MaybeWord, Flag::Which) => Some(" [mine|all|waiting]".to_owned()),
            (Shape::MaybeWord, _) => Some(format!(" [{}]", flag.name)),
            (Shape::Value | Shape::Switch, _) => None,
        });
        self.name.to_owned() + &words.collect::<String>()
    }
}

/// A keyword as it is compared: compatibility forms made plain, lower case, hyphens for underscores.
pub(super) fn keyword(word: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    word.nfkc().flat_map(char::to_lowercase).map(|c| if c == '_' { '-' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_word_means_two_things() {
        let mut words = BTreeSet::new();
        for entry in COMMANDS {
            for word in std::iter::once(&entry.name).chain(entry.aliases) {
                assert!(words.insert(*word), "{word} means two commands");
                assert_eq!(Verb::named(word), Some(entry.verb));
                assert_eq!(Verb::named(&word.to_uppercase()), Some(entry.verb));
            }
            assert_eq!(entry.verb.entry().name, entry.name);
            let mut flags = BTreeSet::new();
            for flag in entry.takes.iter().map(|f| f.entry()) {
                let short = flag.short.map(String::from);
                for word in std::iter::once(flag.name).chain(flag.aliases.iter().copied()).chain(short.as_deref()) {
                    assert!(flags.insert(word.to_owned()), "{word} means two flags of {}", entry.name);
                    assert_eq!(entry.flag(word).map(|e| e.flag), Some(flag.flag));
                }
            }
        }
    }

    #[test]
    fn every_verb_and_every_flag_is_in_the_table() {
        use Verb::*;
        for verb in [
            Request,
            List,
            Show,
            Approve,
            Withdraw,
            Reject,
            Cancel,
            Retry,
            Destroy,
            Access,
            Revoke,
            Orphans,
            Whoami,
            Link,
            ForceRemove,
            Classes,
            Help,
        ] {
            assert_eq!(verb.entry().verb, verb);
        }
        for flag in COMMANDS.iter().flat_map(|e| e.takes) {
            assert_eq!(flag.entry().flag, *flag);
        }
    }

    #[test]
    fn keywords_are_compared_kindly() {
        assert_eq!(keyword("ＳＩＺＥ"), "size");
        assert_eq!(keyword("Dry_Run"), "dry-run");
    }
}
