//! Pages for people who follow a link to the dashboard: they say that this is a simulation.

use serde_json::json;

use super::reply::{Body, Reply};
use super::v3::SERVER_VERSION;

/// `GET /rancherversion`; said to be text, as Rancher does.
pub(super) fn version() -> Reply {
    let body = json!({"Version": SERVER_VERSION, "GitCommit": "simulated", "RancherPrime": "false"});
    Reply { status: 200, body: Body::JsonAsText(body), schemas: None }
}

/// Whatever lies under `/dashboard`.
pub(super) fn page(path: &[&str]) -> Reply {
    let what = match path {
        ["dashboard", "c", "_", "manager", ..] => "A real Rancher would show its cluster management here.".to_owned(),
        ["dashboard", "c", cluster, ..] => {
            format!(
                "A real Rancher would show the cluster <code>{}</code> here, and offer its kubeconfig.",
                escape(cluster)
            )
        }
        _ => "A real Rancher would show its dashboard here.".to_owned(),
    };
    Reply::html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Simulated Rancher</title>\
         <body style=\"font:1rem/1.5 system-ui;max-width:40rem;margin:4rem auto\">\
         <h1>This is a simulation</h1><p>{what}</p>\
         <p>kaas' simulated Rancher answers programs, not people. No cluster that it shows exists.</p></body></html>\n"
    ))
}

fn escape(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '"' => "&quot;".to_owned(),
            other => other.to_string(),
        })
        .collect()
}
