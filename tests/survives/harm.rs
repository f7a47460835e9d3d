//! People who mean harm, or are in a hurry: strangers at the pull request, votes that do not count, names that are no names, and mallory.

use crate::house::{House, Manner, git};

const REQUEST: &str = "alice> /kaas request crucial-sandbox size=small";
const BRANCH: &str = "kaas/crucial-sandbox/1";

/// A house where alice's request waits for votes.
fn waiting() -> House {
    let house = House::new(1.0);
    house.start(&Manner::default());
    house.say(REQUEST, "waiting for 2 approvals");
    house
}

/// Approves with two people, and waits until alice has her way in.
fn approve(house: &House) {
    house.say("bob> press Approve", "bob approved");
    house.say("carol> press Approve", "Your kubeconfig");
}

/// Ends the demo, where everything has to hold that always holds.
fn end(house: &House) {
    house.end_well();
    house.assert_audit();
    assert!(house.record("crucial-sandbox").is_some(), "a record that its journal leads to");
}

/// A stranger's clone, on the pull request's branch.
fn stranger(house: &House) -> std::path::PathBuf {
    let clone = house.root().join("clone");
    git(house.root(), &["clone", "-q", &house.forge().to_string_lossy(), &clone.to_string_lossy()]);
    git(&clone, &["checkout", "-q", BRANCH]);
    clone
}

/// Commits another content of these files and pushes it.
fn push(clone: &std::path::Path, files: &[&str]) {
    for file in files {
        std::fs::write(clone.join(file), "# mine now\n").unwrap();
    }
    git(clone, &["add", "-A"]);
    git(clone, &["commit", "-q", "-m", "a little help"]);
    git(clone, &["push", "-q", "origin", BRANCH]);
}

fn states(house: &House) -> String {
    house.record("crucial-sandbox").expect("a record").cluster.change.state.name().to_owned()
}

#[test]
fn a_stranger_pushes_while_it_waits() {
    let house = waiting();
    house.say("bob> press Approve", "bob approved");
    let before = house.said().len();
    push(&stranger(&house), &["clusters/crucial-sandbox/main.tf", "clusters/crucial-sandbox/more.tf"]);
    let void = house.hear(before, "pushed to the branch (2 files). kaas applies");
    assert_eq!(
        void,
        "crucial-sandbox: stranger pushed to the branch (2 files). kaas applies only what it wrote, so bob's approval is void. /kaas retry crucial-sandbox writes it again."
    );
    house.hear(before, "stuck: stranger pushed to the branch (2 files), retry or cancel");
    let late = house.say("carol> /kaas approve crucial-sandbox", "You can't");
    assert_eq!(late, "You can't approve crucial-sandbox now: it is stuck. First /kaas retry crucial-sandbox.");
    house.say("alice> /kaas retry crucial-sandbox", "waiting for 2 approvals");
    approve(&house);
    end(&house);
    assert!(!house.git(&["show", "main:clusters/crucial-sandbox/main.tf"]).contains("mine now"));
    assert!(!house.git(&["ls-tree", "-r", "--name-only", "main"]).contains("more.tf"));
}

#[test]
fn a_stranger_pushes_just_before_the_last_vote() {
    let house = waiting();
    house.say("bob> press Approve", "bob approved");
    let clone = stranger(&house);
    let before = house.said().len();
    push(&clone, &["clusters/crucial-sandbox/main.tf"]);
    house.send("carol> press Approve");
    let void = house.hear(before, "pushed to the branch (1 file). kaas applies");
    assert!(void.contains("void") && void.contains("/kaas retry crucial-sandbox writes it again"), "{void}");
    assert_eq!(house.made("provisioning.cattle.io.clusters"), 0, "nothing was applied");
    house.say("alice> /kaas retry crucial-sandbox", "waiting for 2 approvals");
    approve(&house);
    end(&house);
}

#[test]
fn a_stranger_pushes_while_it_is_applied() {
    let house = House::new(4.0);
    house.start(&Manner::default());
    house.say(REQUEST, "waiting for 2 approvals");
    let clone = stranger(&house);
    house.say("bob> press Approve", "bob approved");
    let before = house.said().len();
    house.say("carol> press Approve", "making module");
    push(&clone, &["clusters/crucial-sandbox/main.tf"]);
    let restored = house.hear(before, "touched the pull request");
    assert_eq!(
        restored,
        "crucial-sandbox: stranger touched the pull request while it was being applied. kaas wrote it again: what is merged is what was applied."
    );
    house.hear(before, "Your kubeconfig");
    end(&house);
    assert!(!house.git(&["show", "main:clusters/crucial-sandbox/main.tf"]).contains("mine now"));
    assert_eq!(house.made("provisioning.cattle.io.clusters"), 1);
}

#[test]
fn a_stranger_deletes_the_branch() {
    let house = waiting();
    let clone = stranger(&house);
    let before = house.said().len();
    git(&clone, &["push", "-q", "origin", "--delete", BRANCH]);
    let ended = house.hear(before, "Nothing was made");
    assert_eq!(
        ended,
        "crucial-sandbox: closed, because somebody with access to the repository closed its pull request. Nothing was made.",
    );
    let yours = house.hear(before, "Your request");
    assert_eq!(
        yours,
        "Your request for crucial-sandbox was closed, because somebody with access to the repository closed its pull request. Nothing was made. Ask again when you like: /kaas request crucial-sandbox",
    );
    house.say(REQUEST, "waiting for 2 approvals");
    approve(&house);
    end(&house);
}

/// A merge by hand applies nothing: votes decide, whatever `main` says, and the merge that kaas asks for afterwards is there already.
#[test]
fn a_stranger_merges_by_hand() {
    let house = waiting();
    let clone = stranger(&house);
    git(&clone, &["checkout", "-q", "main"]);
    git(&clone, &["merge", "-q", "--no-ff", "-m", "faster", BRANCH]);
    git(&clone, &["push", "-q", "origin", "main"]);
    house.say("bob> press Approve", "bob approved");
    assert_eq!(house.made("provisioning.cattle.io.clusters"), 0, "nothing is applied without votes");
    house.say("carol> press Approve", "Your kubeconfig");
    end(&house);
    assert_eq!(house.git(&["log", "--merges", "--first-parent", "--format=%s", "main"]), "faster");
}

#[test]
fn names_that_are_no_names() {
    let house = House::new(1.0);
    house.start(&Manner::default());
    let no = "I can't request that cluster yet";
    let bad = "has characters that a name cannot have";
    let names = [
        ("${x}", bad),
        ("%{if}", bad),
        ("../up", bad),
        ("a/b", bad),
        ("`x`", "is too short"),
        ("nul\\0", bad),
        ("-rf", no),
        ("crucial-s\u{430}ndbox", bad),
        ("x\\ny", bad),
        ("name;id", bad),
        ("$(id)", bad),
        ("x\u{202e} y", no),
        ("x y", no),
    ];
    for (name, why) in names {
        let answer = house.say(&format!("alice> /kaas request {name} size=small"), "");
        assert!(answer.starts_with(no) && answer.contains(why), "{name:?}: {answer}");
    }
    house.end_well();
    assert_eq!(house.git(&["for-each-ref", "--format=%(refname)"]), "refs/heads/main");
    let said = house.said();
    assert!(said.iter().filter(|s| s.from == "kaas").all(|s| s.to == "@alice"), "{}", house.report());
}

#[test]
fn mallory_tries_everything() {
    let house = waiting();
    let not_asked = "You can't ask for clusters here. An admin can change that: dave.";
    let no_vote = "You can't decide about crucial-sandbox: you are not one of its approvers (bob, carol, dave).";
    let not_given = "You have not approved crucial-sandbox, so there is nothing to take back.";
    let not_yours = |what: &str| {
        format!("You can't {what} crucial-sandbox: it belongs to alice. Its owner or an admin can (dave).")
    };
    let tries = [
        ("/kaas request mine size=small", not_asked.to_owned()),
        ("+1", no_vote.to_owned()),
        ("press Approve", no_vote.to_owned()),
        ("press Reject because I can", no_vote.to_owned()),
        ("press Cancel", not_yours("cancel")),
        ("/kaas approve crucial-sandbox", no_vote.to_owned()),
        ("/kaas withdraw crucial-sandbox", not_given.to_owned()),
        ("/kaas reject crucial-sandbox", no_vote.to_owned()),
        ("/kaas cancel crucial-sandbox", not_yours("cancel")),
        ("/kaas retry crucial-sandbox", not_yours("retry")),
        ("/kaas destroy crucial-sandbox", not_yours("destroy")),
    ];
    for (text, answer) in tries {
        assert_eq!(house.say(&format!("mallory> {text}"), "You "), answer, "{text}");
    }
    approve(&house);
    assert_eq!(house.say("mallory> /kaas destroy crucial-sandbox", "You "), not_yours("destroy"));
    end(&house);
    let said = house.said();
    let to_others = said.iter().filter(|s| s.from == "kaas" && s.text.contains("mallory") && s.to != "@mallory");
    assert_eq!(to_others.count(), 0, "mallory's tries are mallory's business");
}

#[test]
fn nobody_decides_alone() {
    let house = waiting();
    for text in ["+1", "press Approve", "/kaas approve crucial-sandbox", ":white_check_mark:"] {
        let answer = house.say(&format!("alice> {text}"), "You asked");
        assert_eq!(
            answer,
            "You asked for crucial-sandbox, so somebody else has to approve it: two of bob, carol, dave. To take it back: /kaas cancel crucial-sandbox",
            "{text}"
        );
    }
    house.say("bob> press Approve", "bob approved");
    for text in ["press Approve", "/kaas approve crucial-sandbox", "+1"] {
        let answer = house.say(&format!("bob> {text}"), "Your approval");
        assert_eq!(answer, "Your approval of crucial-sandbox counts already; one more is needed.");
    }
    assert_eq!(house.made("provisioning.cattle.io.clusters"), 0);
    // Two in the same moment, and a third who is too late.
    let before = house.said().len();
    ["carol> press Approve", "dave> press Approve", "carol> press Approve"].iter().for_each(|line| house.send(line));
    house.hear(before, "approved by bob and carol");
    house.hear(before, "Your kubeconfig");
    end(&house);
    assert_eq!(states(&house), "done");
    assert_eq!(house.made("provisioning.cattle.io.clusters"), 1);
}
