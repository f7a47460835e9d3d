//! Machines: their names, why one cannot be removed, and letting it go.

use serde_json::{Value, json};

use super::odd::{Odd, error, not_found, ok};
use super::simulated::{CLUSTER, Desk, WHOLE};
use super::*;
use crate::sim::rancher::Fault;

const MACHINES: &str = "/v1/rke-machine.cattle.io.amazonec2machines/fleet-default";

impl Desk {
    async fn names(&self) -> Vec<String> {
        self.rancher.machines(&name(CLUSTER)).await.expect("asked")
    }

    async fn remove(&self) {
        let path = format!("/v1/provisioning.cattle.io.clusters/fleet-default/{CLUSTER}");
        assert_eq!(self.http("DELETE", &path, Value::Null).await.0, 200);
    }

    async fn detail(&self, id: &str) -> String {
        match self.look(Some(id)).await {
            Sight::Removing { detail } => detail,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn every_machine_of_a_simulated_cluster_is_named_also_while_it_comes_and_goes() {
    let desk = Desk::new().await;
    assert_eq!(desk.names().await, Vec::<String>::new());
    let id = desk.made().await;
    desk.clock.advance(Duration::from_secs(9));
    let coming = desk.names().await;
    assert_eq!(coming.len(), 4, "{coming:?}");
    assert!(coming.iter().all(|machine| machine.starts_with(CLUSTER)) && coming.is_sorted(), "{coming:?}");
    desk.clock.advance(WHOLE);
    assert_eq!(desk.names().await, coming);
    desk.remove().await;
    desk.clock.advance(Duration::from_secs(30));
    let going = desk.names().await;
    assert!(!going.is_empty() && going.len() < 4 && going.iter().all(|machine| coming.contains(machine)), "{going:?}");
    desk.clock.advance(WHOLE);
    assert_eq!(desk.look(Some(&id)).await, Sight::Gone);
    let person = desk.sim.token_for("u-alice").expect("a token");
    let rancher = Rancher::new(settings(&desk.sim.url, &person), desk.clock.clone()).expect("made");
    let line = lasting_line(rancher.machines(&name(CLUSTER)).await);
    assert!(line.contains("rights of kaas' user"), "{line}");
}

#[tokio::test]
async fn a_stuck_machine_of_a_simulated_cluster_is_named_with_its_own_words_and_let_go_by_name() {
    let desk = Desk::new().await;
    let id = desk.made().await;
    desk.clock.advance(WHOLE);
    let all = desk.names().await;
    let line = lasting_line(desk.rancher.force_remove(&call(), &name(CLUSTER), &all[0]).await);
    assert!(line.contains("is not being removed"), "{line}");

    desk.sim.switch_on(Fault::RemovalHangs).expect("switched");
    desk.remove().await;
    let first = desk.detail(&id).await;
    assert!(first.starts_with("4 machines are being removed: "), "{first}");
    desk.clock.advance(3 * WHOLE);
    let [stuck] = desk.names().await.try_into().expect("one machine");
    let told = desk.detail(&id).await;
    let why = "DeleteError: UnauthorizedOperation: You are not authorized to perform this operation. (simulated)";
    assert_eq!(told, format!("1 machine is being removed: {stuck} ({why})"));

    let line = lasting_line(desk.rancher.force_remove(&call(), &name(CLUSTER), "another").await);
    assert!(line.contains("has no machine another"), "{line}");
    for _ in 0..2 {
        desk.rancher.force_remove(&call(), &name(CLUSTER), &stuck).await.expect("let go");
        desk.clock.advance(Duration::from_millis(1));
        if desk.look(Some(&id)).await == Sight::Gone {
            break;
        }
    }
    assert_eq!(desk.look(Some(&id)).await, Sight::Gone);
    let again = Call { attempt: 2, ..call() };
    desk.rancher.force_remove(&again, &name(CLUSTER), &stuck).await.expect("a second attempt finds it gone");
    assert_eq!(desk.asked("PUT", MACHINES), 1);
}

#[tokio::test]
async fn a_simulated_create_job_that_has_not_finished_blocks_the_removal_and_is_told() {
    let desk = Desk::new().await;
    desk.sim.switch_on(Fault::StuckMachine).expect("switched");
    let id = desk.made().await;
    desk.clock.advance(WHOLE);
    desk.remove().await;
    desk.clock.advance(3 * WHOLE);
    let told = desk.detail(&id).await;
    assert!(told.contains("because create job has not finished"), "{told}");
}

#[tokio::test]
async fn a_role_as_measured_may_not_let_a_simulated_machine_go_and_that_is_told() {
    let desk = Desk::new().await;
    let admin = desk.sim.admin_token.clone();
    let read =
        |group: &str, kind: &str| json!({"apiGroups": [group], "resources": [kind], "verbs": ["get", "list", "watch"]});
    let role = json!({"type": "globalRole", "name": "as-measured", "inheritedClusterRoles": ["cluster-owner"], "rules": [
        read("provisioning.cattle.io", "clusters"), read("cluster.x-k8s.io", "machines"),
        read("rke-machine.cattle.io", "*"), read("management.cattle.io", "users")]});
    let (_, role) = desk.http_as(&admin, "POST", "/v3/globalroles", role).await;
    let body = json!({"type": "globalRoleBinding", "globalRoleId": role["id"], "userId": "u-erin"});
    assert_eq!(desk.http_as(&admin, "POST", "/v3/globalrolebindings", body).await.0, 201);
    let token = desk.sim.token_for("u-erin").expect("a token");
    let rancher = Rancher::new(settings(&desk.sim.url, &token), desk.clock.clone()).expect("made");
    desk.made().await;
    desk.clock.advance(WHOLE);
    desk.sim.switch_on(Fault::RemovalHangs).expect("switched");
    desk.remove().await;
    desk.clock.advance(3 * WHOLE);
    let stuck = rancher.machines(&name(CLUSTER)).await.expect("it sees machines").remove(0);
    let line = lasting_line(rancher.force_remove(&call(), &name(CLUSTER), &stuck).await);
    assert!(line.contains("may not let") && line.contains("force-machine-remove"), "{line}");
}

#[tokio::test]
async fn a_write_that_somebody_else_s_came_before_is_tried_anew_with_what_is_there_now() {
    let labels = json!({"cluster.x-k8s.io/cluster-name": CLUSTER});
    let object = move |version: usize| {
        json!({"metadata": {"name": "m-1", "namespace": WORKSPACE, "labels": labels,
        "resourceVersion": version.to_string(), "deletionTimestamp": "2026-11-22T16:21:43Z"},
        "spec": {"infrastructureRef": {"kind": "Amazonec2Machine"}}})
    };
    // The list of machines, that of the infrastructure, then pairs of a read and a write.
    let run = |conflicts: usize| {
        let object = object.clone();
        Odd::new(move |count, path| match path {
            path if path.ends_with("/m-1") && count % 2 == 0 => ok(&object(count)),
            path if path.ends_with("/m-1") && count < 4 + 2 * conflicts => {
                error(409, &json!({"type": "error", "code": "Conflict", "message": "modified", "status": 409}))
            }
            path if path.ends_with("/m-1") => ok(&object(count)),
            path if path.starts_with("/v1/provisioning") => not_found(),
            _ => ok(&json!({"type": "collection", "data": [object(1)]})),
        })
    };
    let odd = run(2).await;
    odd.rancher().force_remove(&call(), &name(CLUSTER), "m-1").await.expect("let go at last");
    assert_eq!(odd.asked().len(), 3 + 6, "three pairs of a read and a write");
    let odd = run(100).await;
    let (line, _) = passing_line(odd.rancher().force_remove(&call(), &name(CLUSTER), "m-1").await);
    assert!(line.contains("keeps changing m-1"), "{line}");
    let other = Odd::new(|_, _| ok(&json!({"data": [{"metadata": {"name": "m-1"}}]}))).await;
    let line = lasting_line(other.rancher().force_remove(&call(), &name(CLUSTER), "m-1").await);
    assert!(line.contains("has no machine m-1"), "what belongs to no cluster is nobody's: {line}");
}
