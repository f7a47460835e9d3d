//! Marked secrets are in kaas' environment, in Rancher's token, in the foundation and in what terraform says when it fails. They are found in nothing that
//! kaas writes: no message, transcript, journal, log, plan text, run log or store.

use std::fs;
use std::path::{Path, PathBuf};

use crate::house::House;
use crate::outside::tricky;

/// What must not be found anywhere. Random, so that nothing else can look like it.
struct Marks(Vec<(&'static str, String)>);

impl Marks {
    fn new() -> Self {
        let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
        println!("SEED={seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        let names = ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "VAULT_TOKEN", "DATABASE_PASSWORD"];
        Self(names.map(|name| (name, (0..16).map(|_| random.digit(16)).collect())).into())
    }

    fn of(&self, name: &str) -> &str {
        &self.0.iter().find(|(known, _)| *known == name).unwrap().1
    }

    /// The marks in some bytes.
    fn in_bytes(&self, bytes: &[u8]) -> Vec<&'static str> {
        let has = |mark: &str| bytes.windows(mark.len()).any(|window| window == mark.as_bytes());
        self.0.iter().filter(|(_, mark)| has(mark)).map(|(name, _)| *name).collect()
    }
}

#[test]
fn marked_secrets_are_found_nowhere() {
    let house = House::new(1.0);
    let mut marks = Marks::new();
    marks.0.push(("rancher token", house.rancher.bot_token.split_once(':').unwrap().1.to_owned()));
    // What another team keeps beside the network. (terraform_remote_state hands values on without their mark, so one that is used is shown like any other.)
    fs::create_dir_all(house.data()).unwrap();
    let foundation = serde_json::json!({
        "version": 4, "terraform_version": "1.5.0", "serial": 1, "lineage": "6f1d1c6e-8f0e-4c62-9d2b-6a1d1f0c3b7a", "resources": [], "check_results": null,
        "outputs": {
            "vpc_id": {"value": "vpc-0a1b2c3d4e5f60718", "type": "string"},
            "public_subnet_ids": {"value": ["subnet-0a00000000000000a"], "type": ["list", "string"]},
            "private_subnet_ids": {"value": ["subnet-0d00000000000000d", "subnet-0e00000000000000e"], "type": ["list", "string"]},
            "database_password": {"value": marks.of("DATABASE_PASSWORD"), "type": "string", "sensitive": true},
        },
    });
    fs::write(house.data().join("foundation.tfstate"), foundation.to_string()).unwrap();
    // A terraform that, when it fails, tells everything it knows.
    let (mut manner, armed) = tricky(&house, "plan", "env >&2; echo \"bad token $RANCHER_TOKEN_KEY\" >&2; exit 1");
    for name in ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "VAULT_TOKEN", "DATABASE_PASSWORD"] {
        manner.environment.push((name.to_owned(), marks.of(name).to_owned()));
    }
    manner.environment.push(("KAAS_LOG".to_owned(), "debug".to_owned()));
    house.start(&manner);
    let stuck = house.say("alice> /kaas request crucial-sandbox size=small", "is stuck");
    assert!(stuck.contains("bad token (redacted)"), "{stuck}");
    fs::remove_file(armed).unwrap();
    house.say("alice> /kaas retry crucial-sandbox", "waiting for 2 approvals");
    house.say("bob> press Plan", "");
    house.say("bob> press Approve", "bob approved");
    house.say("carol> press Approve", "Your kubeconfig");
    house.say("alice> /kaas show crucial-sandbox", "crucial-sandbox");
    house.end_well();

    let journal = house.run(&["audit", "show", "crucial-sandbox"]).stdout;
    assert!(
        journal.len() > 1000 && marks.in_bytes(&journal).is_empty(),
        "the journal tells {:?}",
        marks.in_bytes(&journal)
    );
    let export = house.run(&["export"]).stdout;
    assert!(
        export.len() > 1000 && marks.in_bytes(&export).is_empty(),
        "the export tells {:?}",
        marks.in_bytes(&export)
    );

    let mut found = Vec::new();
    let mut looked = 0;
    for file in files(house.root()) {
        let place = file.strip_prefix(house.root()).unwrap().to_string_lossy().into_owned();
        let Ok(bytes) = fs::read(&file) else { continue };
        looked += 1;
        let marks = marks.in_bytes(&bytes);
        if !marks.is_empty() && !belongs(&place) {
            found.push(format!("{place}: {marks:?}"));
        }
    }
    assert!(looked > 50, "only {looked} files were looked at");
    assert!(found.is_empty(), "secrets lie in {found:#?}");
    let held = fs::read_to_string(house.data().join("states/crucial-sandbox.tfstate")).unwrap();
    assert!(!marks.in_bytes(held.as_bytes()).is_empty(), "the marks did reach terraform, or this test shows nothing");
}

/// Where secrets belong: what the operator wrote there, and terraform's own state and plans, which only their owner reads.
fn belongs(place: &str) -> bool {
    place == "token" || place == "data/foundation.tfstate" || place.starts_with("data/states/")
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => all.extend(files(&entry.path())),
            Ok(kind) if kind.is_file() => all.push(entry.path()),
            _ => {}
        }
    }
    all
}
