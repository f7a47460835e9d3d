//! The world fails: terraform is missing, fails, hangs or talks nonsense; the state is locked; the disk is full; Rancher is down, forgets kaas, fails or
//! hangs. Each has its sentence, and goes on when it is mended.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use kaas::sim::rancher::Fault;

use crate::house::{House, Manner};

const REQUEST: &str = "alice> /kaas request crucial-sandbox size=small";

/// A terraform that does what `trick` says for the subcommand `on`, as long as the file `armed` lies beside it, and is the real one otherwise.
pub fn tricky(house: &House, on: &str, trick: &str) -> (Manner, PathBuf) {
    let path = std::env::var("PATH").unwrap();
    let real =
        std::env::split_paths(&path).map(|dir| dir.join("terraform")).find(|file| file.is_file()).expect("terraform");
    let bin = house.root().join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    let armed = bin.join("armed");
    std::fs::write(&armed, "").unwrap();
    let script = format!(
        "#!/bin/bash\nif [ -e {} ] && [[ \" $* \" == *\" {on} \"* ]]; then\n{trick}\nfi\nexec {} \"$@\"\n",
        armed.display(),
        real.display()
    );
    std::fs::write(bin.join("terraform"), script).unwrap();
    std::fs::set_permissions(bin.join("terraform"), std::fs::Permissions::from_mode(0o755)).unwrap();
    (Manner::with("PATH", format!("{}:{path}", bin.display())), armed)
}

fn approve(house: &House) {
    house.say("bob> press Approve", "bob approved");
    house.say("carol> press Approve", "Your kubeconfig");
}

fn end(house: &House) {
    house.end_well();
    house.assert_audit();
    assert_eq!(house.made("provisioning.cattle.io.clusters"), 1);
}

/// Takes the references out, which are drawn anew each time.
pub fn plain(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        let is = bare.len() == 6 && bare.starts_with("K-");
        words.push(if is { word.replace(bare, "K-····") } else { word.to_owned() });
    }
    words.join(" ")
}

/// Compares what was said.
fn check(said: &str, expected: &str) {
    assert_eq!(plain(said), expected);
}

#[test]
fn there_is_no_terraform() {
    let house = House::new(1.0);
    let bin = house.root().join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    for tool in ["git", "tar", "sh"] {
        let path = std::env::var("PATH").unwrap();
        let real = std::env::split_paths(&path).map(|dir| dir.join(tool)).find(|file| file.is_file()).expect(tool);
        std::os::unix::fs::symlink(real, bin.join(tool)).unwrap();
    }
    let (status, said) = house.fail(&Manner::with("PATH", bin.to_string_lossy()));
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("neither terraform nor tofu is installed"), "{said}");
    println!("{said}");
    house.start(&Manner::default());
    house.say(REQUEST, "waiting for 2 approvals");
    house.end_well();
}

#[test]
fn terraform_fails() {
    let house = House::new(1.0);
    let (manner, armed) = tricky(&house, "plan", "echo 'no such luck' >&2; exit 3");
    house.start(&manner);
    let stuck = house.say(REQUEST, "is stuck");
    check(
        &stuck,
        "crucial-sandbox is stuck. terraform plan failed (exit status 3): \"no such luck\" (ref K-····). Nothing was applied. Mend it and /kaas retry crucial-sandbox, or /kaas cancel crucial-sandbox to end it.",
    );
    std::fs::remove_file(armed).unwrap();
    house.say("alice> /kaas retry crucial-sandbox", "waiting for 2 approvals");
    approve(&house);
    end(&house);
}

#[test]
fn terraform_hangs() {
    let house = House::new(1.0);
    let (mut manner, armed) = tricky(&house, "plan", "exec sleep 1000");
    manner.arguments = vec!["--patience".into(), "1".into()];
    house.start(&manner);
    let troubled = house.say(REQUEST, "took too long");
    check(
        &troubled,
        "crucial-sandbox: terraform plan took too long and was stopped (ref K-····). Nothing is lost; next try in 1 s.",
    );
    house.kill();
    manner.arguments.clear();
    std::fs::remove_file(armed).unwrap();
    let before = house.said().len();
    house.start(&manner);
    house.hear(before, "waiting for 2 approvals");
    approve(&house);
    end(&house);
}

#[test]
fn terraform_talks_nonsense() {
    let house = House::new(1.0);
    let (manner, armed) = tricky(&house, "show", "echo '{\"format_version\": 7, \"resource_changes\": [[[' ; exit 0");
    house.start(&manner);
    let stuck = house.say(REQUEST, "is stuck");
    check(
        &stuck,
        "crucial-sandbox is stuck. terraform's plan cannot be read: line 1, column 20 is not what a plan holds (ref K-····). Nothing was applied. Mend it and /kaas retry crucial-sandbox, or /kaas cancel crucial-sandbox to end it.",
    );
    std::fs::remove_file(armed).unwrap();
    house.say("alice> /kaas retry crucial-sandbox", "waiting for 2 approvals");
    approve(&house);
    end(&house);
}

#[test]
fn somebody_else_holds_the_state() {
    let house = House::new(1.0);
    let states = house.data().join("states");
    std::fs::create_dir_all(&states).unwrap();
    let state = states.join("crucial-sandbox.tfstate");
    let file = std::fs::File::options().write(true).create(true).truncate(false).open(&state).unwrap();
    // As terraform locks a local state: a POSIX lock on the file, and a note beside it.
    let lock = nix::libc::flock {
        l_type: nix::libc::F_WRLCK as nix::libc::c_short,
        l_whence: nix::libc::SEEK_SET as nix::libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    nix::fcntl::fcntl(&file, nix::fcntl::FcntlArg::F_SETLK(&lock)).unwrap();
    let info = serde_json::json!({"ID": "5d6f2f6e-0000-4b6a-9e8e-111111111111", "Operation": "OperationTypeApply", "Info": "", "Who": "zoe@laptop",
        "Version": "1.11.4", "Created": "2026-11-22T10:00:00Z", "Path": state.to_string_lossy()});
    let note = states.join(".crucial-sandbox.tfstate.lock.info");
    std::fs::write(&note, info.to_string()).unwrap();
    house.start(&Manner::arguments(&["--patience", "20"]));
    let troubled = house.say(REQUEST, "Nothing is lost");
    check(
        &troubled,
        "crucial-sandbox: terraform: the state is locked by zoe@laptop since 2026-11-22 10:00:00 UTC (apply, lock 5d6f2f6e-0000-4b6a-9e8e-111111111111) (ref K-····). Nothing is lost; next try in 1 s.",
    );
    let before = house.said().len();
    std::fs::remove_file(&note).unwrap();
    drop(file);
    house.hear(before, "waiting for 2 approvals");
    approve(&house);
    end(&house);
}

#[test]
fn the_disk_is_full() {
    let house = House::new(1.0);
    house.start(&Manner::default());
    house.say(REQUEST, "waiting for 2 approvals");
    house.end_well();
    let before = house.said().len();
    let has = std::fs::metadata(house.data().join("store/db")).unwrap().len().div_ceil(1024);
    let mut failed = 0;
    // Full at once, full in the middle of a run, and full a little later.
    for more in [0, 24, 96, 600] {
        let errors = house.errors().len();
        house.launch(&Manner { file_max_kib: Some(u32::try_from(has).unwrap() + more), ..Manner::default() });
        for nth in 0..25 {
            house.send(&format!("erin> /kaas request other-{more}-{nth} size=small reason=\"{}\"", "x".repeat(150)));
            house.send(&format!("erin> /kaas cancel other-{more}-{nth}"));
            std::thread::sleep(Duration::from_millis(40));
        }
        let status = house.end();
        if !status.success() {
            failed += 1;
            assert_eq!(status.code(), Some(1), "{}", house.report());
            let errors = house.errors().split_off(errors);
            println!("{more} KiB more: {errors}");
            assert!(errors.contains("File too large"), "{errors}");
        }
    }
    assert!(failed >= 2, "the disk was full {failed} times");
    // With room again: everything that was said and done is there, and goes on.
    house.start(&Manner::default());
    let said = house.said();
    assert!(said.len() > before);
    house.say("bob> press Approve on crucial-sandbox", "bob approved");
    house.say("carol> press Approve on crucial-sandbox", "Your kubeconfig");
    house.end_well();
    house.assert_audit();
    for card in
        said.iter().filter(|s| s.from == "kaas" && s.edits.is_none() && s.text.contains("new cluster · planning"))
    {
        let name = card.text.split(' ').next().unwrap_or_default();
        assert!(house.record(name).is_some(), "{name} was acknowledged, and is lost");
    }
}

#[test]
fn rancher_is_down() {
    let house = House::new(1.0);
    house.start(&Manner::default());
    house.rancher.switch_on(Fault::Unavailable).unwrap();
    let troubled = house.say(REQUEST, "Nothing is lost");
    check(
        &troubled,
        "crucial-sandbox: Rancher has trouble of its own (it answers 503) (ref K-····). Nothing is lost; next try in 1 s.",
    );
    let before = house.said().len();
    house.rancher.switch_off(Fault::Unavailable).unwrap();
    house.hear(before, "waiting for 2 approvals");
    approve(&house);
    end(&house);
}

#[test]
fn rancher_refuses_the_token() {
    let house = House::new(1.0);
    house.start(&Manner::default());
    house.say(REQUEST, "waiting for 2 approvals");
    house.rancher.switch_on(Fault::TokenDead).unwrap();
    house.say("bob> press Approve", "bob approved");
    let stuck = house.say("carol> press Approve", "is stuck");
    check(
        &stuck,
        "crucial-sandbox is stuck. Rancher refuses kaas' token: it is wrong or has expired, or its user is disabled. An operator has to give kaas a new one (ref K-····). What was made so far stays in the state. Mend it and /kaas retry crucial-sandbox, or /kaas cancel crucial-sandbox to take it down again.",
    );
    house.rancher.switch_off(Fault::TokenDead).unwrap();
    house.say("alice> /kaas retry crucial-sandbox", "Your kubeconfig");
    end(&house);
}

#[test]
fn a_create_fails_and_is_taken_down_again() {
    let house = House::new(1.0);
    house.rancher.switch_on(Fault::CreateFails).unwrap();
    house.start(&Manner::default());
    house.say(REQUEST, "waiting for 2 approvals");
    house.say("bob> press Approve", "bob approved");
    let stuck = house.say("carol> press Approve", "is stuck");
    check(
        &stuck,
        "crucial-sandbox is stuck. terraform: \"Cluster V2 ID fleet-default/crucial-sandbox: error syncing 'fleet-default': failed to create machine deployment: quota exceeded (simulated)\" at module.crucial-sandbox.rancher2_cluster_v2.this (ref K-····). What was made so far stays in the state. Mend it and /kaas retry crucial-sandbox, or /kaas cancel crucial-sandbox to take it down again.",
    );
    let undoing = house.say("alice> /kaas cancel crucial-sandbox", "took it back");
    check(
        &undoing,
        "crucial-sandbox: alice took it back. What was made so far comes down again; as any other change, that needs a plan and approvals.",
    );
    let before = house.said().len();
    house.hear(before, "waiting for 2 approvals");
    house.say("bob> /kaas approve crucial-sandbox", "bob approved");
    let gone = house.say("dave> /kaas approve crucial-sandbox", "Rancher knows it no more");
    check(&gone, "crucial-sandbox is taken down again: 5 resources destroyed, and Rancher knows it no more.");
    end(&house);
    assert!(!house.git(&["ls-tree", "-r", "--name-only", "main"]).contains("clusters/crucial-sandbox"));
}

#[test]
fn a_removal_hangs() {
    let house = House::new(1.0);
    let mut manner = Manner::arguments(&["--patience", "8"]);
    house.start(&manner);
    house.say(REQUEST, "waiting for 2 approvals");
    approve(&house);
    house.say("alice> /kaas destroy crucial-sandbox", "waiting for 2 approvals");
    house.rancher.switch_on(Fault::RemovalHangs).unwrap();
    house.say("bob> /kaas approve crucial-sandbox", "bob approved");
    let troubled = house.say("dave> /kaas approve crucial-sandbox", "took too long");
    check(
        &troubled,
        "crucial-sandbox: terraform apply took too long and was stopped (ref K-····). Nothing is lost; next try in 1 s.",
    );
    house.kill();
    manner.arguments.clear();
    house.rancher.switch_off(Fault::RemovalHangs).unwrap();
    let before = house.said().len();
    house.start(&manner);
    house.hear(before, "Rancher knows it no more");
    end(&house);
}
