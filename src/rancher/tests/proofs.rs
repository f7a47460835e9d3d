//! `prove`: what is good is told as good, and each right that is missing with its remedy.

use serde_json::json;

use super::simulated::Desk;
use super::*;
use crate::sim::rancher::Fault;

fn told(proofs: &[Proof]) -> String {
    let line = |proof: &Proof| match &proof.wrong {
        None => format!("good: {}", proof.what),
        Some(wrong) => format!("{}: {}: {wrong}", if proof.mild { "look" } else { "not good" }, proof.what),
    };
    proofs.iter().map(line).collect::<Vec<_>>().join("\n")
}

async fn desk() -> Desk {
    Desk::with(|settings| {
        settings.credentials = vec!["simulated-aws".into(), "another".into()];
        settings.team = Some(Team { principal: "github_team://7".into(), role: TEAM_ROLE.into() });
        settings.roles.push("read-only".into());
    })
    .await
}

#[tokio::test]
async fn every_right_in_a_simulated_rancher_is_proven_without_a_write() {
    let desk = desk().await;
    insta::assert_snapshot!(told(&desk.rancher.prove().await), @"
    good: the token is that of kaas-bot (u-kaasbot), Rancher v2.14.4
    look: the token never ends: A token without an end is a key for ever. `kaas rancher setup --new-token` makes one that ends.
    good: clusters can be read, and a missing one is told as missing
    good: machines can be read
    good: clusters can be made
    good: machine configs can be made
    good: ways into clusters can be given
    good: the role cluster-member can be given
    good: the role cluster-owner can be given
    not good: the role read-only can be given: Rancher's role `read-only` is not one for clusters: an operator has to correct kaas' configuration.
    good: the cloud credential simulated-aws can be used
    not good: the cloud credential another can be used: kaas' user cannot read it, or there is none of that name. `kaas rancher setup --credential another` gives kaas that right.
    good: alice is the Rancher user u-alice
    good: erin is the Rancher user u-erin
    not good: ghost is the Rancher user u-ghost: Rancher has no user u-ghost, to whom ghost is linked: log in to Rancher once, then ask an admin to link you again.
    good: kaas' user is no admin
    ");
    assert!(desk.sim.requests().iter().all(|seen| seen.method == "GET"));
}

#[tokio::test]
async fn a_person_s_token_in_a_simulated_rancher_lacks_nearly_every_right() {
    let desk = desk().await;
    let token = desk.sim.token_that_lasts("u-alice", Duration::from_secs(3 * 86_400)).expect("a token");
    let mut settings = settings(&desk.sim.url, &token);
    settings.credentials = vec!["simulated-aws".into()];
    settings.people.clear();
    let rancher = Rancher::new(settings, desk.clock.clone()).expect("made");
    insta::assert_snapshot!(told(&rancher.prove().await), @"
    good: the token is that of alice (u-alice), Rancher v2.14.4
    look: the token is good until 2026-11-25 10:00 UTC: It ends in 3 days. `kaas rancher setup --new-token` makes another one.
    not good: clusters can be read, and a missing one is told as missing: A cluster that is not there is answered with 403 and not with 404, so kaas could never tell that one is gone. `kaas rancher setup` gives kaas' user the rights that it needs.
    not good: machines can be read: kaas' user sees no cluster.x-k8s.io.machines, so nobody is told why a machine cannot be made or removed. `kaas rancher setup` gives kaas' user the rights that it needs.
    good: clusters can be made
    good: machine configs can be made
    not good: ways into clusters can be given: The schema of management.cattle.io.clusterroletemplatebinding does not offer POST to this token. `kaas rancher setup` gives kaas' user the rights that it needs.
    good: the role cluster-owner can be given
    not good: the cloud credential simulated-aws can be used: kaas' user cannot read it, or there is none of that name. `kaas rancher setup --credential simulated-aws` gives kaas that right.
    good: kaas' user is no admin
    ");
}

#[tokio::test]
async fn an_administrators_token_of_a_simulated_rancher_is_more_than_kaas_needs() {
    let desk = desk().await;
    let rancher = Rancher::new(settings(&desk.sim.url, &desk.sim.admin_token), desk.clock.clone()).expect("made");
    let proofs = rancher.prove().await;
    let modest = proofs.iter().find(|proof| proof.what == "kaas' user is no admin").expect("looked at");
    assert!(
        modest.mild && modest.wrong.as_deref().is_some_and(|wrong| wrong.contains("may do everything")),
        "{modest:?}"
    );
}

#[tokio::test]
async fn a_dead_token_of_a_simulated_rancher_ends_the_proofs_at_once() {
    let desk = desk().await;
    desk.sim.switch_on(Fault::TokenDead).expect("switched");
    let proofs = desk.rancher.prove().await;
    assert_eq!(proofs.len(), 1);
    assert!(
        proofs[0].wrong.as_deref().is_some_and(|wrong| wrong.contains("Rancher refuses kaas' token")),
        "{proofs:?}"
    );
    desk.sim.switch_off(Fault::TokenDead).expect("switched");
    let admin = desk.sim.admin_token.clone();
    desk.http_as(&admin, "PUT", "/v3/users/u-alice", json!({"enabled": false})).await;
    let told = told(&desk.rancher.prove().await);
    assert!(told.contains("The Rancher user u-alice of alice is disabled"), "{told}");
}

#[tokio::test]
async fn who_is_told_by_an_address_in_a_simulated_rancher_is_proven_too() {
    let desk = Desk::with(|settings| {
        settings.people.clear();
        settings.people.insert("alice".parse().expect("an id"), "u-alice".to_owned());
        for person in ["alice", "ann", "bea"] {
            settings.emails.insert(person.parse().expect("an id"), format!("{person}@example.com"));
        }
    })
    .await;
    let admin = desk.sim.admin_token.clone();
    let user = json!({"type": "user", "username": "ann@example.com", "password": "a long one, longer"});
    let (_, made) = desk.http_as(&admin, "POST", "/v3/users", user).await;
    let told = told(&desk.rancher.prove().await).replace(made["id"].as_str().expect("an id"), "ID");
    let lines: Vec<&str> = told.lines().filter(|line| line.contains("Rancher user")).collect();
    assert_eq!(
        lines,
        [
            "good: alice is the Rancher user u-alice",
            "good: ann is the Rancher user ID, by ann@example.com",
            "look: bea is a Rancher user, by bea@example.com: No user that may log in has that name for it. They log in to Rancher once, or an admin links them.",
        ]
    );
}
