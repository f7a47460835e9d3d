//! Ways in: given by user, group or principal, refused before anything is sent, and taken back.

use serde_json::json;

use super::simulated::{CLUSTER, Desk, WHOLE};
use super::*;

const OCTO: &str = "github_user://1234";

fn user(id: &str) -> Subject {
    Subject::User(id.to_owned())
}

impl Desk {
    async fn ready(&self) -> String {
        let id = self.made().await;
        self.clock.advance(WHOLE);
        id
    }

    async fn bound(&self, id: &str, subject: &Subject, role: &str) -> String {
        for _ in 0..10 {
            match self.rancher.bind(&call(), id, subject, role).await.expect("asked") {
                Granting::Done(grants) => return grants[0].binding.clone(),
                Granting::Waiting => self.clock.advance(Duration::from_secs(1)),
            }
        }
        panic!("not in force");
    }
}

#[tokio::test]
async fn each_kind_of_subject_gets_a_way_into_a_simulated_cluster_once() {
    let desk = Desk::new().await;
    let id = desk.ready().await;
    let subjects = [
        (user("u-alice"), "/v3/clusterroletemplatebindings"),
        (Subject::Group("github_team://7".into()), "/v3/clusterroletemplatebindings"),
        (Subject::Principal(OCTO.into()), "/v1/management.cattle.io.clusterroletemplatebindings"),
    ];
    for (subject, path) in &subjects {
        let binding = desk.bound(&id, subject, "cluster-member").await;
        assert!(binding.starts_with(&format!("{id}:kaas-")), "{binding}");
        let posted = desk.sim.requests().into_iter().rev().find(|seen| seen.method == "POST" && seen.path == *path);
        let last = posted.expect("posted");
        assert_eq!(last.status, 201, "{subject:?}");
        let before = desk.asked("POST", "bindings");
        assert_eq!(desk.bound(&id, subject, "cluster-member").await, binding, "the same binding");
        assert_eq!(desk.asked("POST", "bindings"), before, "nothing is made a second time");
    }
    // The principal became a user; a local principal is one already.
    let (_, made) = desk.http("GET", "/v3/users/u-6vf4mrvv7e", json!(null)).await;
    assert_eq!(made["principalIds"][0], OCTO);
    let before = desk.asked("POST", "bindings");
    let local = Subject::Principal("local://u-alice".into());
    desk.bound(&id, &local, "cluster-member").await;
    assert_eq!(desk.asked("POST", "bindings"), before, "alice has this way in already");
    assert_eq!(desk.sim.kubeconfigs_asked_for(), 0);
}

#[tokio::test]
async fn an_external_principal_through_norman_is_500_in_a_simulated_rancher_so_kaas_goes_through_steve() {
    let desk = Desk::new().await;
    let id = desk.ready().await;
    let body = json!({"type": "clusterRoleTemplateBinding", "clusterId": id, "roleTemplateId": "cluster-member",
                      "userPrincipalId": OCTO});
    assert_eq!(desk.http("POST", "/v3/clusterroletemplatebindings", body).await.0, 500);
    desk.bound(&id, &Subject::Principal(OCTO.into()), "cluster-member").await;
}

#[tokio::test]
async fn what_a_simulated_rancher_would_take_and_never_carry_out_is_refused_before_it_is_sent() {
    let desk = Desk::new().await;
    let id = desk.ready().await;
    desk.http("PUT", "/v3/users/u-erin", json!({"enabled": false})).await;
    let admin = desk.sim.admin_token.clone();
    desk.http_as(&admin, "PUT", "/v3/users/u-erin", json!({"enabled": false})).await;
    let cases = [
        (user("u-ghost"), "cluster-member", "no user u-ghost"),
        (user(""), "cluster-member", "no user"),
        (user(".."), "cluster-member", "no user"),
        (user("u-erin"), "cluster-member", "is disabled"),
        (Subject::Principal("local://u-ghost".into()), "cluster-member", "no user u-ghost"),
        (Subject::Group(OCTO.into()), "cluster-member", "a person and not a group"),
        (Subject::Principal("github_team://7".into()), "cluster-member", "a group and not a person"),
        (Subject::Group("the-team".into()), "cluster-member", "is no principal"),
        (user("u-alice"), "no-such-role", "has no role"),
        (user("u-alice"), "read-only", "not one for clusters"),
        (user("u-alice"), "..", "has no role"),
    ];
    let before = desk.asked("POST", "bindings");
    for (subject, role, words) in cases {
        let line = lasting_line(desk.rancher.bind(&call(), &id, &subject, role).await);
        assert!(line.contains(words), "{subject:?} as {role}: {line}");
    }
    assert_eq!(desk.asked("POST", "bindings"), before);
}

#[tokio::test]
async fn a_locked_role_and_a_vanished_one_of_a_simulated_rancher_are_told() {
    let desk = Desk::new().await;
    let id = desk.ready().await;
    let admin = desk.sim.admin_token.clone();
    let role = json!({"type": "roleTemplate", "name": "ours", "context": "cluster", "locked": true, "rules": []});
    let (status, made) = desk.http_as(&admin, "POST", "/v3/roletemplates", role).await;
    assert_eq!(status, 201, "{made}");
    let role = made["id"].as_str().expect("an id");
    let line = lasting_line(desk.rancher.bind(&call(), &id, &user("u-alice"), role).await);
    assert!(line.contains("is locked"), "{line}");
}

#[tokio::test]
async fn a_way_in_before_a_simulated_namespace_is_there_waits() {
    let desk = Desk::new().await;
    for subject in [user("u-alice"), Subject::Principal(OCTO.into())] {
        let answer = desk.rancher.bind(&call(), "c-m-notthere", &subject, "cluster-member").await.expect("asked");
        assert_eq!(answer, Granting::Waiting, "{subject:?}");
    }
}

#[tokio::test]
async fn a_name_of_kaas_that_says_something_else_in_a_simulated_rancher_needs_a_person() {
    let desk = Desk::new().await;
    let id = desk.ready().await;
    let name = access::binding_name("userId", "u-alice", "cluster-member");
    let body = json!({"type": "clusterRoleTemplateBinding", "name": name, "clusterId": id,
                      "roleTemplateId": "cluster-owner", "userId": "u-erin"});
    assert_eq!(desk.http("POST", "/v3/clusterroletemplatebindings", body).await.0, 201);
    let line = lasting_line(desk.rancher.bind(&call(), &id, &user("u-alice"), "cluster-member").await);
    assert!(line.contains("says something else"), "{line}");
}

#[tokio::test]
async fn a_simulated_users_token_may_give_nobody_a_way_in() {
    let desk = Desk::new().await;
    let id = desk.ready().await;
    let token = desk.sim.token_for("u-alice").expect("a token");
    let rancher = Rancher::new(settings(&desk.sim.url, &token), desk.clock.clone()).expect("made");
    let line = lasting_line(rancher.bind(&call(), &id, &user("u-alice"), "cluster-owner").await);
    assert!(line.contains("An operator has to look at the rights of kaas' user"), "{line}");
}

#[tokio::test]
async fn a_way_into_a_simulated_cluster_is_taken_back_until_it_is_gone() {
    let desk = Desk::new().await;
    let id = desk.ready().await;
    for subject in [user("u-alice"), Subject::Principal(OCTO.into())] {
        let binding = desk.bound(&id, &subject, "cluster-member").await;
        assert!(!desk.rancher.unbind(&call(), &binding).await.expect("asked"), "it is shown for a moment longer");
        assert!(!desk.rancher.unbind(&call(), &binding).await.expect("asked"));
        assert_eq!(
            desk.rancher.bind(&call(), &id, &subject, "cluster-member").await.expect("asked"),
            Granting::Waiting
        );
        desk.clock.advance(Duration::from_secs(5));
        assert!(desk.rancher.unbind(&call(), &binding).await.expect("asked"), "gone");
        assert!(desk.rancher.unbind(&call(), &binding).await.expect("asked"), "and gone again");
    }
    assert_eq!(desk.asked("DELETE", "bindings"), 2, "each was deleted once");
}

#[tokio::test]
async fn a_way_in_that_kaas_did_not_make_in_a_simulated_rancher_is_not_taken_away() {
    let desk = Desk::new().await;
    let id = desk.ready().await;
    let body = json!({"type": "clusterRoleTemplateBinding", "name": "by-hand", "clusterId": id,
                      "roleTemplateId": "cluster-owner", "userId": "u-alice"});
    desk.http("POST", "/v3/clusterroletemplatebindings", body).await;
    for (binding, words) in [
        (format!("{id}:by-hand"), "was not made by kaas"),
        ("kaas-abc".to_owned(), "not the id of a binding"),
        (format!("{id}:"), "not the id of a binding"),
    ] {
        let line = lasting_line(desk.rancher.unbind(&call(), &binding).await);
        assert!(line.contains(words), "{line}");
    }
    assert_eq!(desk.asked("DELETE", "bindings"), 0);
    assert!(desk.rancher.unbind(&call(), "c-m-notthere:kaas-abc").await.expect("asked"), "with its cluster it is gone");
}

#[tokio::test]
async fn a_way_in_that_was_made_by_hand_in_a_simulated_rancher_is_none_that_kaas_could_end() {
    let desk = Desk::new().await;
    let id = desk.ready().await;
    let (alice, role) = (user("u-alice"), "cluster-member");
    assert_eq!(desk.rancher.by_hand(&id, &alice, role).await.expect("asked"), None);
    let body = json!({"type": "clusterRoleTemplateBinding", "name": "by-hand", "clusterId": id,
                      "roleTemplateId": role, "userId": "u-alice"});
    assert_eq!(desk.http("POST", "/v3/clusterroletemplatebindings", body).await.0, 201);
    desk.clock.advance(Duration::from_secs(10));
    let strange = format!("{id}:by-hand");
    for subject in [alice.clone(), Subject::Principal("local://u-alice".into())] {
        assert_eq!(
            desk.rancher.by_hand(&id, &subject, role).await.expect("asked"),
            Some(strange.clone()),
            "{subject:?}"
        );
    }
    assert_eq!(desk.rancher.by_hand(&id, &alice, "cluster-owner").await.expect("asked"), None);
    assert_eq!(desk.rancher.by_hand(&id, &user("u-erin"), role).await.expect("asked"), None);
    let line = lasting_line(desk.rancher.bind(&call(), &id, &alice, role).await);
    assert!(line.contains("not by kaas") && line.contains(&strange), "{line}");
    // kaas' own is nobody else's.
    desk.bound(&id, &user("u-erin"), role).await;
    assert_eq!(desk.rancher.by_hand(&id, &user("u-erin"), role).await.expect("asked"), None);
}

#[tokio::test]
async fn the_id_of_a_way_in_into_a_simulated_cluster_is_known_before_it_is_made() {
    let desk = Desk::new().await;
    let id = desk.ready().await;
    for subject in [user("u-erin"), Subject::Group("github_team://7".into()), Subject::Principal(OCTO.into())] {
        let known = desk.rancher.binding(&id, &subject, "cluster-member");
        assert!(desk.rancher.unbind(&call(), &known).await.expect("asked"), "what is not there is gone");
        assert_eq!(desk.bound(&id, &subject, "cluster-member").await, known, "{subject:?}");
        desk.rancher.unbind(&call(), &known).await.expect("asked");
        desk.clock.advance(Duration::from_secs(5));
        assert!(desk.rancher.unbind(&call(), &known).await.expect("asked"), "{subject:?}");
    }
    assert_eq!(desk.asked("DELETE", "bindings"), 3);
}

#[tokio::test]
async fn a_binding_with_a_name_of_kaas_that_gives_something_else_stays_in_a_simulated_rancher() {
    let desk = Desk::new().await;
    let id = desk.ready().await;
    let known = desk.rancher.binding(&id, &user("u-alice"), "cluster-member");
    let name = known.split_once(':').expect("an id").1;
    let body = json!({"type": "clusterRoleTemplateBinding", "name": name, "clusterId": id,
                      "roleTemplateId": "cluster-owner", "userId": "u-erin"});
    assert_eq!(desk.http("POST", "/v3/clusterroletemplatebindings", body).await.0, 201);
    assert!(desk.rancher.unbind(&call(), &known).await.expect("asked"), "what kaas would have given is not there");
    assert_eq!(desk.asked("DELETE", "bindings"), 0);
}

#[tokio::test]
async fn lost_rights_in_a_simulated_rancher_do_not_make_a_way_in_gone() {
    let desk = Desk::new().await;
    let id = desk.ready().await;
    let binding = desk.bound(&id, &user("u-alice"), "cluster-member").await;
    desk.sim.switch_on(crate::sim::rancher::Fault::LostRights).expect("switched");
    let line = lasting_line(desk.rancher.unbind(&call(), &binding).await);
    assert!(line.contains("rights of kaas' user"), "{line}");
}

#[tokio::test]
async fn users_of_a_simulated_rancher_are_found_by_id() {
    let desk = Desk::new().await;
    let found = desk.rancher.user("u-alice").await.expect("asked").expect("there");
    assert_eq!((found.id.as_str(), found.name.as_str(), found.enabled), ("u-alice", "alice", true));
    for id in ["u-ghost", "", ".", "..", "../users"] {
        assert_eq!(desk.rancher.user(id).await.expect("asked"), None, "{id}");
    }
    let _ = CLUSTER;
}

/// Makes a user as an administrator, and answers its id.
async fn made_user(desk: &Desk, username: &str, name: &str, enabled: bool) -> String {
    let admin = desk.sim.admin_token.clone();
    let user = json!({"type": "user", "username": username, "name": name, "password": "a long one, longer", "enabled": enabled});
    let (status, made) = desk.http_as(&admin, "POST", "/v3/users", user).await;
    assert_eq!(status, 201, "{made}");
    made["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn users_of_a_simulated_rancher_are_found_by_the_address_that_they_log_in_with_and_by_no_display_name() {
    let desk = Desk::new().await;
    let ids = async |email: &str| {
        let found = desk.rancher.users_by_email(email).await.expect("asked");
        found.into_iter().map(|user| (user.id, user.enabled)).collect::<Vec<_>>()
    };
    assert_eq!(ids("ann@example.com").await, []);
    let ann = made_user(&desk, "Ann@Example.com", "Ann", true).await;
    made_user(&desk, "mallory", "ann@example.com", true).await;
    made_user(&desk, "ann@example.com.evil.example", "Ann", true).await;
    assert_eq!(ids("ann@example.com").await, [(ann.clone(), true)]);
    assert_eq!(ids("ANN@example.com").await, [(ann.clone(), true)]);
    for nothing in ["", "ann", "mallory", "@", "ann@example", "nn@example.com"] {
        assert_eq!(ids(nothing).await, [], "{nothing:?}");
    }
    // Somebody of an identity provider that calls people by their address.
    let id = desk.ready().await;
    desk.bound(&id, &Subject::Principal("keycloakoidc_user://zoe@example.com".into()), "cluster-member").await;
    let zoe = ids("zoe@example.com").await;
    assert_eq!(zoe.len(), 1, "{zoe:?}");
    // One that is disabled is told too: whoever asks decides.
    let other = made_user(&desk, "zoe@example.com", "Zoe", false).await;
    let mut both = [zoe, vec![(other, false)]].concat();
    both.sort();
    assert_eq!(ids("zoe@example.com").await, both);
}

#[tokio::test]
async fn a_simulated_rancher_that_lets_kaas_search_nobody_is_read_all_the_same_and_one_that_is_down_is_no_nobody() {
    let desk = Desk::new().await;
    let ann = made_user(&desk, "ann@example.com", "Ann", true).await;
    desk.sim.switch_on(crate::sim::rancher::Fault::Unavailable).expect("switched");
    passing_line(desk.rancher.users_by_email("ann@example.com").await);
    desk.sim.switch_off(crate::sim::rancher::Fault::Unavailable).expect("switched");
    desk.sim.switch_on(crate::sim::rancher::Fault::TokenDead).expect("switched");
    lasting_line(desk.rancher.users_by_email("ann@example.com").await);
    desk.sim.switch_off(crate::sim::rancher::Fault::TokenDead).expect("switched");
    let found = desk.rancher.users_by_email("ann@example.com").await.expect("asked");
    assert_eq!(found.iter().map(|user| user.id.as_str()).collect::<Vec<_>>(), [ann.as_str()]);
}

/// No source of the client so much as names the way to a kubeconfig: it would be made in the name of kaas' own user.
#[test]
fn no_line_of_the_client_asks_for_a_kubeconfig() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rancher");
    let mut folders = vec![root];
    let mut read = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                if !path.ends_with("tests") {
                    folders.push(path);
                }
                continue;
            }
            read += 1;
            let text = std::fs::read_to_string(&path).expect("a file").to_lowercase();
            let needle = ["generate", "kubeconfig"].concat();
            assert!(!text.contains(&needle) && !text.contains("ext.cattle.io.kubeconfig"), "{}", path.display());
        }
    }
    assert!(read > 10, "{read}");
}
