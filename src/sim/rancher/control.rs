//! `/sim`: routes that no Rancher has. They switch faults and show what was asked.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::call::Ask;
use super::faults::{FAULTS, Fault};
use super::reply::Reply;
use super::server::{SERVER, Shared, shown};
use super::world::World;

/// How long a fault may stay on by itself.
const LONGEST: Duration = Duration::from_secs(86_400);

/// Answers `rest` below `/sim`.
pub(super) fn answer(shared: &Shared, ask: &Ask, world: &mut World, now: Timestamp, rest: &[&str]) -> Reply {
    match (ask.method.as_str(), rest) {
        ("GET", []) => Reply::ok(json!({
            "simulator": SERVER,
            "routes": {
                "GET /sim/fault": "all faults, and which are on",
                "POST /sim/fault": "{\"name\": …, \"on\": true, \"seconds\": 5, \"cluster\": \"one-cluster\"}; the last two may be left out",
                "GET /sim/requests": "what was asked so far",
                "DELETE /sim/requests": "forgets it",
            },
        })),
        ("GET", ["fault"]) => Reply::ok(faults(world)),
        ("POST", ["fault"]) => match switch(shared, ask, world, now) {
            Ok(()) => Reply::ok(faults(world)),
            Err(why) => Reply::json(422, json!({"simulator": SERVER, "message": why})),
        },
        ("GET", ["requests"]) => Reply::ok(shown(&shared.log())),
        ("DELETE", ["requests"]) => {
            shared.log().clear();
            Reply::empty(204)
        }
        _ => Reply::json(404, json!({"simulator": SERVER, "message": "no such control route; GET /sim lists them"})),
    }
}

fn faults(world: &World) -> Value {
    let rows = FAULTS.iter().map(|(fault, name, what)| {
        let switch = world.faults.get(fault);
        json!({"name": name, "what": what, "on": switch.is_some(), "since": switch.map(|s| s.since.to_string()),
               "until": switch.and_then(|s| s.until).map(|at| at.to_string()),
               "cluster": switch.and_then(|s| s.cluster.clone())})
    });
    json!({"simulator": SERVER, "faults": rows.collect::<Vec<_>>()})
}

fn switch(shared: &Shared, ask: &Ask, world: &mut World, now: Timestamp) -> Result<(), String> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wish {
        name: String,
        on: bool,
        seconds: Option<f64>,
        cluster: Option<String>,
    }
    let wish: Wish = serde_json::from_slice(&ask.body).map_err(|fault| fault.to_string())?;
    let fault: Fault = wish.name.parse()?;
    let until = wish.seconds.map(Duration::try_from_secs_f64).transpose().map_err(|fault| fault.to_string())?;
    if until.is_some_and(|wait| wait > LONGEST) {
        return Err(format!("a fault may stay on for {} seconds by itself", LONGEST.as_secs()));
    }
    if wish.on {
        world.switch_on(fault, now, until, wish.cluster, &shared.pace);
    } else {
        world.switch_off(fault, now, &shared.pace);
    }
    Ok(())
}
