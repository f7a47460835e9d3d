//! The flags of the command table: what commands take besides their verb.
//!
//! Nothing here does I/O, reads a clock or draws a random number.

/// What a command takes besides its verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flag {
    /// The cluster's name.
    Name,
    /// Which clusters.
    Which,
    /// What help is about.
    Topic,
    /// Whose clusters.
    Owner,
    /// The class.
    Class,
    /// The size.
    Size,
    /// The number of workers.
    Workers,
    /// The Kubernetes version.
    Kubernetes,
    /// The region.
    Region,
    /// The lifetime.
    Ttl,
    /// Why.
    Reason,
    /// The ticket.
    Ticket,
    /// Only show.
    DryRun,
    /// Whom a way in is for.
    To,
    /// The role of a way in.
    Role,
    /// How long a way in lasts.
    Lasts,
    /// A machine.
    Machine,
    /// A person.
    Person,
    /// A user of Rancher's.
    User,
}

/// How a flag is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A word on its own, that has to be there: `<name>`.
    Word,
    /// A word on its own, that may be there: `[mine|all]`.
    MaybeWord,
    /// A value: `size=small`.
    Value,
    /// Its name alone: `--dry-run`.
    Switch,
}

/// A flag.
#[derive(Debug)]
pub struct FlagEntry {
    /// Which.
    pub flag: Flag,
    /// What it is called.
    pub name: &'static str,
    /// What else people type for it.
    pub aliases: &'static [&'static str],
    /// Its letter.
    pub short: Option<char>,
    /// How it is written.
    pub shape: Shape,
    /// What it is: "how many worker nodes".
    pub about: &'static str,
    /// A value that works.
    pub example: &'static str,
}

/// All flags.
pub const FLAGS: &[FlagEntry] = &[
    FlagEntry {
        flag: Flag::Name,
        name: "name",
        aliases: &["cluster"],
        short: None,
        shape: Shape::Word,
        about: "the cluster's name: a-z, 0-9 and hyphens",
        example: "teal-otter",
    },
    FlagEntry {
        flag: Flag::Which,
        name: "which",
        aliases: &[],
        short: None,
        shape: Shape::MaybeWord,
        about: "mine, all, or waiting for a decision",
        example: "mine",
    },
    FlagEntry {
        flag: Flag::Topic,
        name: "topic",
        aliases: &[],
        short: None,
        shape: Shape::MaybeWord,
        about: "a command, writing or states",
        example: "request",
    },
    FlagEntry {
        flag: Flag::Owner,
        name: "owner",
        aliases: &["user", "of", "by"],
        short: Some('o'),
        shape: Shape::Value,
        about: "only this person's",
        example: "alice",
    },
    FlagEntry {
        flag: Flag::Class,
        name: "class",
        aliases: &["cloud", "provider", "kind"],
        short: Some('c'),
        shape: Shape::Value,
        about: "the kind of cluster",
        example: "aws",
    },
    FlagEntry {
        flag: Flag::Size,
        name: "size",
        aliases: &["flavor", "flavour"],
        short: Some('s'),
        shape: Shape::Value,
        about: "how big the nodes are",
        example: "small",
    },
    FlagEntry {
        flag: Flag::Workers,
        name: "workers",
        aliases: &["worker", "nodes", "worker-num", "num-workers"],
        short: Some('w'),
        shape: Shape::Value,
        about: "how many worker nodes",
        example: "3",
    },
    FlagEntry {
        flag: Flag::Kubernetes,
        name: "k8s",
        aliases: &["kubernetes", "version", "k8s-version", "kubernetes-version"],
        short: Some('k'),
        shape: Shape::Value,
        about: "the Kubernetes version, as exactly as you like",
        example: "1.33",
    },
    FlagEntry {
        flag: Flag::Region,
        name: "region",
        aliases: &["location"],
        short: Some('r'),
        shape: Shape::Value,
        about: "where it runs",
        example: "eu-west-1",
    },
    FlagEntry {
        flag: Flag::Ttl,
        name: "ttl",
        aliases: &["lifetime", "for", "expires"],
        short: Some('t'),
        shape: Shape::Value,
        about: "how long you want it: hours, days or weeks",
        example: "7d",
    },
    FlagEntry {
        flag: Flag::Reason,
        name: "reason",
        aliases: &["why", "because", "message"],
        short: Some('m'),
        shape: Shape::Value,
        about: "why, in a few words",
        example: "\"load test of billing\"",
    },
    FlagEntry {
        flag: Flag::Ticket,
        name: "ticket",
        aliases: &["issue", "jira"],
        short: None,
        shape: Shape::Value,
        about: "the ticket it belongs to",
        example: "OPS-77",
    },
    FlagEntry {
        flag: Flag::DryRun,
        name: "dry-run",
        aliases: &["dryrun", "preview"],
        short: Some('n'),
        shape: Shape::Switch,
        about: "show what would be written, and ask for nothing",
        example: "",
    },
    FlagEntry {
        flag: Flag::To,
        name: "to",
        aliases: &["person", "whom", "user"],
        short: None,
        shape: Shape::Value,
        about: "a person, or a group as group:name",
        example: "@bob",
    },
    FlagEntry {
        flag: Flag::Role,
        name: "role",
        aliases: &["as"],
        short: Some('r'),
        shape: Shape::Value,
        about: "what they may do there",
        example: "cluster-member",
    },
    FlagEntry {
        flag: Flag::Lasts,
        name: "for",
        aliases: &["ttl", "lasts", "until"],
        short: Some('t'),
        shape: Shape::Value,
        about: "how long: hours, days or weeks",
        example: "8h",
    },
    FlagEntry {
        flag: Flag::Machine,
        name: "machine",
        aliases: &["node"],
        short: None,
        shape: Shape::Value,
        about: "the machine's whole name, as kaas told it",
        example: "teal-otter-worker-a-b5wxk-7qz2m",
    },
    FlagEntry {
        flag: Flag::Person,
        name: "person",
        aliases: &["who"],
        short: None,
        shape: Shape::Word,
        about: "a person; or confirm or refuse, for what was said about you",
        example: "@bob",
    },
    FlagEntry {
        flag: Flag::User,
        name: "user",
        aliases: &["rancher"],
        short: Some('u'),
        shape: Shape::Value,
        about: "the id of their user in Rancher; none takes the link away",
        example: "u-4tq9z",
    },
];

impl Flag {
    /// Its entry in the table.
    pub fn entry(self) -> &'static FlagEntry {
        FLAGS.iter().find(|e| e.flag == self).expect("every flag is in the table: a test holds it")
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        self.entry().name
    }
}
