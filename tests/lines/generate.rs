//! Makes lines: what people mean, what phones and platforms make of it, and what nobody should have typed.

use std::collections::BTreeMap;

use kaas::lifecycle::catalogue::{Catalogue, Class, Size, Value};
use kaas::render::module::{Backend, Settings, StateAt};

const VERBS: [&str; 24] = [
    "request", "req", "create", "new", "list", "ls", "show", "status", "approve", "yes", "+1", "lgtm", "withdraw",
    "reject", "no", "cancel", "retry", "destroy", "delete", "classes", "help", "reqest", "aprove", "sudo",
];
const NAMES: [&str; 16] = [
    "crucial-sandbox",
    "teal-otter",
    "a1",
    "Crucial_Sandbox",
    "local",
    "c-abcde",
    "c-m-abcdefgh",
    "-x",
    "x--y",
    "${x}",
    "%{if true}",
    "../up",
    "аlpha",
    "de\"mo",
    "demo\u{200b}",
    "a-name-that-is-much-longer-than-forty-characters",
];
const KEYS: [&str; 18] = [
    "class",
    "size",
    "workers",
    "k8s",
    "region",
    "ttl",
    "reason",
    "ticket",
    "name",
    "owner",
    "dry-run",
    "sz",
    "worker_num",
    "kubernetes",
    "because",
    "for",
    "Size",
    "sise",
];
const VALUES: [&str; 44] = [
    "aws",
    "bank",
    "small",
    "medium",
    "large",
    "tiny",
    "huge",
    "3",
    "0",
    "-1",
    "99999999999",
    "3.5",
    "two",
    "1.33",
    "v1.33.5+rke2r1",
    "k3s",
    "latest",
    "eu-west-1",
    "eu-central-1",
    "mars-1",
    "7d",
    "8h",
    "2w",
    "0d",
    "9999w",
    "forever",
    "load test of billing",
    "\"load test\"",
    "“load test”",
    "'it's'",
    "OPS-77",
    "#12",
    "${file(\"/etc/passwd\")}",
    "%{for x in y}",
    "\"\n}\nresource \"x\" \"y\" {",
    "<!channel>",
    "<@U024BE7LH|bob>",
    "@alice",
    "<https://example.com|link>",
    "&lt;b&gt;",
    "`code`",
    "$(reboot)",
    "; drop table",
    "\\",
];
const NASTY: [char; 32] = [
    '"',
    '\'',
    '`',
    '\\',
    '$',
    '%',
    '{',
    '}',
    '<',
    '>',
    '&',
    '|',
    ';',
    '#',
    '*',
    '_',
    '=',
    '-',
    '—',
    '“',
    '”',
    '‘',
    '\n',
    '\r',
    '\t',
    '\0',
    '\u{200b}',
    '\u{202e}',
    '\u{feff}',
    '\u{a0}',
    '🦀',
    '\u{e0041}',
];

/// Makes the line of a seed.
pub struct Generator {
    rng: fastrand::Rng,
}

impl Generator {
    pub fn new(seed: u64) -> Self {
        Self { rng: fastrand::Rng::with_seed(seed) }
    }

    pub fn line(&mut self) -> String {
        match self.rng.u32(0..20) {
            0..5 => self.sensible(),
            5..9 => {
                let line = self.sensible();
                self.touched(&line)
            }
            9..16 => self.pieces(),
            16..18 => {
                let line = self.pieces();
                self.touched(&line)
            }
            18 => self.noise(),
            _ => self.pieces().repeat(self.rng.usize(1..60)),
        }
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.rng.usize(0..of.len())]
    }

    /// What somebody who knows kaas would type.
    fn sensible(&mut self) -> String {
        let name = self.one(&["crucial-sandbox", "teal-otter", "a1", "load-test-7"]);
        let verb = self.one(&VERBS[..21]);
        if !matches!(verb, "request" | "req" | "create" | "new") {
            let tail = self.one(&["", "", "", " because the budget is gone", " reason=\"late\""]);
            return match verb {
                "list" | "ls" => format!("{verb} {}", self.one(&["", "mine", "all", "waiting", "owner=@bob"])),
                "classes" => verb.to_owned(),
                "help" => format!("{verb} {}", self.one(&["", "request", "writing", "states"])),
                "reject" | "no" | "destroy" | "delete" => format!("{verb} {name}{tail}"),
                _ => format!("{verb} {name}"),
            };
        }
        let bank = self.rng.u32(0..4) == 0;
        let mut line = format!("{verb} {name}");
        let mut say = |text: &str| {
            line.push(' ');
            line.push_str(text);
        };
        if bank {
            say("class=bank reason=\"the audit of Q4\" ticket=OPS-77");
        }
        let extra = [
            if bank { "size=tiny" } else { self.one(&["size=small", "--size large", "--size=medium", "size small"]) },
            if bank { "workers=2" } else { self.one(&["workers=3", "--workers 5", "workers=4"]) },
            self.one(&["k8s=1.33", "k8s=v1.33.5+rke2r1", "k8s=1.32"]),
            self.one(&["region=eu-west-1", "region=eu-central-1"]),
            self.one(&["ttl=7d", "ttl=8h", "--ttl=2w"]),
            if bank {
                ""
            } else {
                self.one(&["reason=\"load test ${x} of %{y}\"", "reason='a b'", "because it has to be"])
            },
            self.one(&["--dry-run", ""]),
        ];
        for piece in extra {
            if self.rng.bool() && !piece.is_empty() {
                say(piece);
            }
        }
        line
    }

    /// Known pieces in any order.
    fn pieces(&mut self) -> String {
        let mut line = self.one(&["", "/kaas ", "kaas ", "@kaas ", "<@U0KAAS> ", "  "]).to_owned();
        line.push_str(self.one(&VERBS));
        for _ in 0..self.rng.usize(0..9) {
            line.push_str(self.one(&[" ", " ", " ", "  ", "\u{a0}", "\t", "\n", ""]));
            let piece = match self.rng.u32(0..6) {
                0 => self.one(&NAMES).to_owned(),
                1 => format!("{}={}", self.one(&KEYS), self.one(&VALUES)),
                2 => format!("--{} {}", self.one(&KEYS), self.one(&VALUES)),
                3 => format!("{}{}={}", self.one(&["-", "--", "—", ""]), self.one(&KEYS), self.one(&VALUES)),
                4 => self.one(&VALUES).to_owned(),
                _ => self.one(&KEYS).to_owned(),
            };
            line.push_str(&piece);
        }
        line
    }

    /// A few characters altered, removed, put in or moved.
    fn touched(&mut self, line: &str) -> String {
        let mut chars: Vec<char> = line.chars().collect();
        for _ in 0..self.rng.usize(1..6) {
            let at = self.rng.usize(0..=chars.len());
            match self.rng.u32(0..5) {
                0 if at < chars.len() => drop(chars.remove(at)),
                1 if at < chars.len() => chars[at] = self.character(),
                2 if at + 1 < chars.len() => chars.swap(at, at + 1),
                3 if at < chars.len() => chars[at] = chars[at].to_uppercase().next().unwrap_or('X'),
                _ => chars.insert(at, self.character()),
            }
        }
        chars.into_iter().collect()
    }

    fn character(&mut self) -> char {
        match self.rng.u32(0..3) {
            0 => NASTY[self.rng.usize(0..NASTY.len())],
            1 => self.rng.alphanumeric(),
            _ => self.rng.char(..),
        }
    }

    fn noise(&mut self) -> String {
        (0..self.rng.usize(0..200)).map(|_| self.character()).collect()
    }
}

/// Two classes: one that is free with everything, and one that wants a reason and a ticket and has no longest lifetime.
pub fn catalogue() -> Catalogue {
    let size = |name: &str, workers: (u32, u32, u32)| Size {
        name: name.parse().unwrap(),
        instance_type: "m6i.large".to_owned(),
        control_planes: 1,
        workers_min: workers.0,
        workers_default: workers.1,
        workers_max: workers.2,
        cents_a_node_month: Some(10_300),
    };
    let aws = Class {
        name: "aws".parse().unwrap(),
        description: "RKE2 on EC2, private nodes".to_owned(),
        module: "aws-rancher-cluster".to_owned(),
        template: "cluster".to_owned(),
        sizes: vec![size("small", (1, 3, 10)), size("medium", (1, 3, 20)), size("large", (3, 5, 50))],
        kubernetes: ["v1.33.5+rke2r1", "v1.33.4+rke2r2", "v1.32.9+rke2r1"].map(|v| v.parse().unwrap()).into(),
        regions: ["eu-west-1", "eu-central-1"].map(|r| r.parse().unwrap()).into(),
        ttl_default: Some("7d".parse().unwrap()),
        ttl_max: Some("30d".parse().unwrap()),
        reason_required: false,
        ticket_required: false,
        foundation: ["vpc_id", "public_subnet_ids"].map(|name| (name.to_owned(), name.to_owned())).into(),
        values: BTreeMap::from([
            ("ami".to_owned(), Value::Text("ami-0c1ad2b7e6a01f3d9".to_owned())),
            ("zones".to_owned(), Value::List(vec!["a".to_owned(), "${b}".to_owned()])),
        ]),
    };
    let bank = Class {
        name: "bank".parse().unwrap(),
        sizes: vec![size("tiny", (2, 2, 2))],
        ttl_default: None,
        ttl_max: None,
        reason_required: true,
        ticket_required: true,
        ..aws.clone()
    };
    Catalogue { classes: vec![aws, bank] }
}

pub fn settings() -> Settings {
    let backend = Backend::S3 {
        bucket: "acme-kaas-state".to_owned(),
        region: "eu-west-1".to_owned(),
        prefix: "clusters/".to_owned(),
        lockfile: true,
        extra: BTreeMap::new(),
    };
    let foundation = StateAt::S3 {
        bucket: "acme-kaas-state".to_owned(),
        region: "eu-west-1".to_owned(),
        key: "foundation.tfstate".to_owned(),
        extra: BTreeMap::new(),
    };
    Settings::new(backend, Some(foundation))
}
