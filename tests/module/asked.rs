//! What Rancher is asked, and in which order: as the real provider 14.1.1 was recorded against Rancher 2.14.4.

use kaas::sim::rancher::{Options, SimUser};
use serde_json::json;

use super::bench::Bench;
use super::changes;

/// What a new provider process asks first.
const PREAMBLE: [&str; 4] = ["GET /ping", "GET /v3", "GET /v3/schemas", "GET /v3/settings/k8s-version"];
/// What it asks before the first object of /v1.
const STEVE: [&str; 3] = ["GET /ping", "GET /k8s/clusters/local/v1", "GET /v1/schemas"];

/// A cluster without pools and a binding: everything but machine configs, and no waiting that varies.
fn custom_cluster(bench: &Bench, version: &str) {
    let root = json!({
        "terraform": { "required_providers": { "rancher2": { "source": "rancher/rancher2" } } },
        "resource": {
            "rancher2_cluster_v2": { "a": { "name": "kaas-two", "kubernetes_version": version } },
            "rancher2_cluster_role_template_binding": { "a": {
                "name": "kaas-requester", "cluster_id": "${rancher2_cluster_v2.a.cluster_v1_id}",
                "role_template_id": "cluster-member", "user_id": "u-alice",
            } },
        },
    });
    std::fs::write(bench.path("clusters/one/main.tf.json"), root.to_string()).unwrap();
}

/// What was asked since `from`: names that are drawn are left out, and what is asked several times in a row stands once.
fn asked(bench: &Bench, from: usize) -> Vec<String> {
    let mut asked: Vec<String> = bench.rancher.requests()[from..]
        .iter()
        .map(|seen| {
            let path = seen.path.split('/').map(|part| match part {
                part if part.starts_with("c-m-") => match part.split_once([':', '?']) {
                    Some((id, rest)) => format!("ID{}{rest}", &part[id.len()..=id.len()]),
                    None => "ID".to_owned(),
                },
                part if part.starts_with("kubeconfig-") => "TOKEN".to_owned(),
                part => part.to_lowercase(),
            });
            format!("{} {}", seen.method, path.collect::<Vec<_>>().join("/"))
        })
        .collect();
    asked.dedup();
    asked
}

fn together(parts: &[&[&str]]) -> Vec<String> {
    parts.iter().copied().flatten().map(|line| (*line).to_owned()).collect()
}

#[test]
fn a_life_is_asked_for_as_the_real_provider_asks() {
    let alice = SimUser { id: "u-alice".to_owned(), username: "alice".to_owned(), name: "Alice".to_owned() };
    let bench = Bench::with(Options { users: vec![alice], ..Options::default() });
    custom_cluster(&bench, "v1.34.2+rke2r1");
    bench.ok(&["init", "-input=false"]);
    let from = || bench.rancher.requests().len();

    bench.ok(&["plan", "-input=false", "-out=plan.bin"]);
    assert_eq!(from(), 0, "the plan of a new module asks nothing");

    let fresh = [
        "GET /v1/provisioning.cattle.io.clusters/fleet-default/kaas-two",
        "GET /v3/clusters/ID",
        "GET /v3/clusterregistrationtokens/ID:default-token",
        "GET /v3/clusters/ID",
        "GET /v3/settings/server-version",
        "POST /v3/clusters/ID?action=generateKubeconfig",
    ];
    bench.ok(&["apply", "-input=false", "-parallelism=1", "plan.bin"]);
    assert_eq!(
        asked(&bench, 0),
        together(&[
            &PREAMBLE,
            &STEVE,
            &["POST /v1/provisioning.cattle.io.clusters"],
            &fresh,
            &[
                "GET /v3/clusters/ID",
                "GET /v3/roletemplates/cluster-member",
                "POST /v3/clusterroletemplatebindings",
                "GET /v3/clusterroletemplatebindings/ID:kaas-requester",
            ],
        ])
    );

    // Read again, from what was asked for a kubeconfig on.
    let look = from();
    assert_eq!(changes(&bench.plan(&["-parallelism=1"])), []);
    let read = asked(&bench, look);
    let cluster = together(&[&PREAMBLE, &STEVE, &fresh[..3], &["GET /v3/tokens/TOKEN"]]);
    assert_eq!(read[..cluster.len()], cluster);

    let update = from();
    custom_cluster(&bench, "v1.34.3+rke2r1");
    bench.ok(&["apply", "-input=false", "-auto-approve", "-refresh=false", "-parallelism=1"]);
    let object = "/v1/provisioning.cattle.io.clusters/fleet-default/kaas-two";
    let put =
        together(&[&PREAMBLE, &STEVE, &[&format!("GET {object}"), &format!("PUT {object}"), &format!("GET {object}")]]);
    assert_eq!(asked(&bench, update)[..put.len()], put);

    let destroy = from();
    bench.ok(&["apply", "-input=false", "-auto-approve", "-refresh=false", "-destroy", "-parallelism=1"]);
    let binding = "/v3/clusterroletemplatebindings/ID:kaas-requester";
    assert_eq!(
        asked(&bench, destroy),
        together(&[
            &PREAMBLE,
            &[&format!("GET {binding}"), &format!("DELETE {binding}"), &format!("GET {binding}")],
            &STEVE,
            &[&format!("GET {object}"), &format!("DELETE {object}"), &format!("GET {object}"), "GET /v3/clusters/ID"],
        ])
    );
}
