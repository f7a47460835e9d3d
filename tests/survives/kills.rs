//! `kill -9` at every boundary between doing and recording: whatever dies where, the end is the same, and nothing is done or said twice.
//!
//! The demo kills itself at named boundaries (`KAAS_DEMO_KILL`, see docs/survival.md). By default whole lives are lived in which kaas dies at one boundary
//! of every effect, one after the other, and some more in which it dies at random moments of terraform's work. `KILLS=all` adds a life for every single
//! boundary, so that each is met alone.

use crate::house::{House, Manner, PATIENCE, now};
use kaas::lifecycle::State;
use std::time::Duration;

/// How long a simulated cluster takes, in seconds.
const SPEED: f64 = 1.0;

/// What people do, each with what kaas says once it has understood. Every line is there once, so that a transcript tells how far a life has come.
const CREATE: [(&str, &str); 4] = [
    ("alice> /kaas request crucial-sandbox size=small", "waiting for 2 approvals"),
    ("alice> /kaas approve crucial-sandbox", "somebody else has to approve it"),
    ("bob> press Approve", "bob approved"),
    ("carol> press Approve", "Your kubeconfig"),
];
const DESTROY: [(&str, &str); 3] = [
    ("alice> /kaas destroy crucial-sandbox", "waiting for 2 approvals"),
    ("bob> +1", "bob approved"),
    ("dave> /kaas approve crucial-sandbox", "Rancher knows it no more"),
];

/// The effects of a whole life that are performed while it is lived (the others wait for days).
const EFFECTS: [&str; 11] = [
    "card",
    "open-pull",
    "make-plan",
    "post",
    "show-plan",
    "tell",
    "apply",
    "merge-pull",
    "await-usable",
    "grant-access",
    "await-gone",
];

/// Lives a life in which kaas dies at these boundaries, in the order in which it comes to them; answers which it did not meet.
fn live(points: &[String]) -> Vec<String> {
    let house = House::new(SPEED);
    let mut left: Vec<String> = points.to_vec();
    let mut plan = |house: &House| {
        let errors = house.errors();
        left.retain(|point| !errors.contains(&format!("killed at {point}\n")));
        Manner::with("KAAS_DEMO_KILL", left.join(","))
    };
    play(&house, &mut plan, |_| false);
    assert_lived(&house);
    plan(&house);
    left
}

/// Plays the story to its end, and starts kaas again, in the manner that `plan` tells, whenever it was killed. `meanwhile` is called again and again,
/// and says whether it started kaas anew.
fn play(house: &House, plan: &mut dyn FnMut(&House) -> Manner, mut meanwhile: impl FnMut(&House) -> bool) {
    house.start(&plan(house));
    for (line, awaited) in CREATE.iter().chain(&DESTROY) {
        let text = line.split_once("> ").map_or(*line, |(_, text)| text);
        let by = line.split('>').next().unwrap_or_default();
        let place = |house: &House| house.said().iter().position(|s| s.from == by && s.text == text);
        let mut sent = false;
        let deadline = now() + PATIENCE;
        loop {
            let heard = place(house).map(|at| house.said().split_off(at + 1));
            if heard.as_ref().is_some_and(|after| after.iter().any(|s| s.from == "kaas" && s.text.contains(awaited))) {
                break;
            }
            if heard.is_none() && !sent && house.runs() {
                house.send(line);
                sent = true;
            }
            let mut anew = meanwhile(house);
            if !house.runs() {
                assert!(house.was_killed(), "kaas ended\n{}", house.report());
                house.start(&plan(house));
                anew = true;
            }
            // What kaas heard before it died is in the transcript once it runs again; what is not there is said again.
            sent &= !anew;
            assert!(now() < deadline, "waited {PATIENCE:?} for `{awaited}` after `{line}`\n{}", house.report());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    // The end can be killed as well: what follows the last word is only known to be over when kaas ends by itself.
    loop {
        let status = house.end();
        if status.success() {
            return;
        }
        use std::os::unix::process::ExitStatusExt as _;
        assert_eq!(status.signal(), Some(9), "kaas failed at its end: {status}\n{}", house.report());
        house.start(&plan(house));
    }
}

/// What holds after every life, however often it was cut off.
fn assert_lived(house: &House) {
    let record = house.record("crucial-sandbox").expect("a record");
    let cluster = &record.cluster;
    let State::Done(approved) = &cluster.change.state else { panic!("{:?}\n{}", cluster.change.state, house.report()) };
    let votes: Vec<&str> = approved.receipt.votes.iter().map(|vote| vote.by.name.as_str()).collect();
    assert_eq!((votes, cluster.live.as_ref()), (vec!["bob", "dave"], None));
    // A number that was drawn for an ask which died before it was saved is not drawn again.
    assert!((2..=3).contains(&cluster.change.number.0), "{}", cluster.change.number);
    let pending: Vec<_> =
        record.outbox.iter().map(|row| row.effect.name()).filter(|n| *n != "await-lease-end").collect();
    assert!(pending.is_empty(), "still pending: {pending:?}");

    let pulls = house.git(&["for-each-ref", "--format=%(refname)", "refs/kaas/pulls"]);
    assert_eq!(pulls.lines().count(), 2, "one pull request a change: {pulls}");
    let merges = house.git(&["log", "--merges", "--first-parent", "--format=%s", "main"]);
    assert_eq!(merges.lines().count(), 2, "one merge a change: {merges}");
    assert_eq!(house.git(&["for-each-ref", "--format=%(refname)", "refs/heads"]), "refs/heads/main");
    let tree = house.git(&["ls-tree", "-r", "--name-only", "main"]);
    assert!(!tree.contains("clusters/crucial-sandbox"), "{tree}");

    let posts: Vec<String> = house
        .rancher
        .requests()
        .iter()
        .filter(|s| s.method == "POST")
        .map(|s| format!("{} {}", s.status, s.path))
        .collect();
    assert_eq!(house.made("provisioning.cattle.io.clusters"), 1, "one cluster: {posts:#?}");
    assert_eq!(house.made("clusterroletemplatebindings"), 1, "one binding: {posts:#?}");

    house.assert_nothing_twice();
    house.assert_audit();
    assert_no_orphans(house);
}

/// No terraform of this house lives on.
fn assert_no_orphans(house: &House) {
    let data = house.data().to_string_lossy().into_owned();
    let living = || -> Vec<String> {
        let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let of = |entry: std::fs::DirEntry| {
            let cwd = std::fs::read_link(entry.path().join("cwd")).ok()?;
            cwd.starts_with(&data).then(|| format!("{} in {}", entry.file_name().to_string_lossy(), cwd.display()))
        };
        processes.filter_map(of).collect()
    };
    house.until("orphans to end", || living().is_empty());
}

fn points(boundary: &str, skip: &[&str]) -> Vec<String> {
    let effects = EFFECTS.iter().filter(|effect| !skip.contains(effect));
    effects.map(|effect| format!("{effect}/{boundary}/1")).collect()
}

/// One life in which kaas dies once at that boundary of every effect.
fn dies_at_each(boundary: &str) {
    let points = points(boundary, &[]);
    let unmet = live(&points);
    println!("{boundary}: not reached {unmet:?}");
    // Two lanes may come to their boundaries at the same moment, and then one of them dies with the other. Not more than that.
    assert!(unmet.len() <= 2, "{boundary}: never reached {unmet:?}");
}

#[test]
fn kaas_dies_before_it_performs() {
    dies_at_each("claimed");
}

#[test]
fn kaas_dies_after_performing_and_before_recording() {
    dies_at_each("performed");
}

#[test]
fn kaas_dies_after_recording() {
    dies_at_each("settled");
}

#[test]
fn kaas_dies_while_it_listens() {
    let points = [
        "ask/heard/1",
        "ask/heard/2",
        "ask/heard/3",
        "ask/taken/1",
        "ask/taken/2",
        "card/performed/2",
        "post/performed/2",
    ];
    let unmet = live(&points.map(str::to_owned));
    assert!(!unmet.iter().any(|point| point.ends_with("/1")), "never reached {unmet:?}");
}

/// Kills at moments that nobody chose: while terraform's child is in the middle of an apply, of a plan, of a destroy.
#[test]
fn kaas_dies_while_terraform_works() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
    println!("SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let house = House::new(2.0);
    let mut kills = 0;
    let mut next = None;
    let meanwhile = |house: &House| {
        let works = house.root().join("data/work").exists() && terraform_works(house);
        if works && kills < 6 && next.is_none() {
            next = Some(now() + Duration::from_millis(random.u64(0..900)));
        }
        let due = next.is_some_and(|at| now() >= at);
        if due {
            next = None;
            kills += 1;
            house.kill();
            house.start(&Manner::default());
        }
        due
    };
    play(&house, &mut |_| Manner::default(), meanwhile);
    assert_lived(&house);
    assert!(kills >= 3, "it was killed {kills} times");
}

fn terraform_works(house: &House) -> bool {
    let work = house.data().join("work");
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.filter_map(|entry| std::fs::read_link(entry.path().join("cwd")).ok()).any(|cwd| cwd.starts_with(&work))
}

/// Every single boundary in a life of its own: minutes, so only when asked for.
#[test]
fn every_boundary_alone() {
    if std::env::var("KILLS").as_deref() != Ok("all") {
        println!("KILLS=all runs it");
        return;
    }
    let mut all = Vec::new();
    for effect in EFFECTS {
        let times = match effect {
            "card" => 6,
            "post" | "tell" | "await-usable" => 3,
            "open-pull" | "make-plan" | "show-plan" | "apply" | "merge-pull" | "grant-access" | "await-gone" => 2,
            _ => 1,
        };
        for boundary in ["claimed", "performed", "settled"] {
            all.extend((1..=times).map(|time| format!("{effect}/{boundary}/{time}")));
        }
    }
    let met = std::sync::atomic::AtomicUsize::new(0);
    let all = std::sync::Mutex::new(all);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(point) = { all.lock().unwrap().pop() } {
                    let unmet = live(std::slice::from_ref(&point));
                    println!("{point}: {}", if unmet.is_empty() { "held" } else { "not reached" });
                    met.fetch_add(usize::from(unmet.is_empty()), std::sync::atomic::Ordering::Relaxed);
                }
            });
        }
    });
    let met = met.into_inner();
    assert!(met >= 60, "only {met} boundaries were met");
}
