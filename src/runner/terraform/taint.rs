//! What a failed create leaves behind in the state: tainted resources, which the next apply would destroy and make anew.
//!
//! Where what they stand for got well after all, the taint is taken away. Nothing else of the state is changed here.

use serde_json::Value;

use super::session::{Command, Session};
use crate::ports::{Answer, Trouble};

/// The addresses of everything tainted, in the state's own order.
pub async fn tainted(session: &mut Session<'_>) -> Answer<Vec<String>> {
    session.init(false).await?;
    session.save_state().await?;
    let args = ["show".into(), "-json".into(), "-no-color".into()].into();
    let time = session.runner.settings.limits.read;
    let spec = session.spec(Command { name: "show", args, time, short: true, locks: false });
    let json = session.keep(spec, "show").await?;
    let state: Value = serde_json::from_slice(&json)
        .map_err(|e| Trouble::lasting(format!("the state that {} told cannot be read", session.name()), e))?;
    let mut addresses = Vec::new();
    gather(&state["values"]["root_module"], &mut addresses);
    Ok(addresses)
}

/// Takes the taint from those of the addresses that have it; an earlier attempt may have taken it already.
pub async fn untaint(session: &mut Session<'_>, addresses: &[String]) -> Answer<()> {
    let tainted = tainted(session).await?;
    let limits = session.runner.settings.limits;
    for address in tainted.iter().filter(|address| addresses.contains(address)) {
        session.note(&format!("takes the taint from {address}"));
        let lock = format!("-lock-timeout={}s", limits.lock.as_secs());
        let args = ["untaint".into(), "-no-color".into(), lock.into(), address.into()].into();
        let command = Command { name: "untaint", args, time: limits.read, short: true, locks: true };
        let (ended, heard) = session.run(command, None).await;
        session.judge("untaint", &ended, &heard)?;
    }
    Ok(())
}

/// Gathers the tainted resources of a module and of those inside it.
fn gather(module: &Value, addresses: &mut Vec<String>) {
    let rows = |key: &str| module[key].as_array().into_iter().flatten();
    let tainted = rows("resources").filter(|resource| resource["tainted"] == true);
    addresses.extend(tainted.filter_map(|resource| resource["address"].as_str()).map(str::to_owned));
    for inner in rows("child_modules") {
        gather(inner, addresses);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taints_are_found_at_any_depth() {
        let state = serde_json::json!({"resources": [{"address": "a.b", "tainted": false}, {"address": "a.c", "tainted": true}],
            "child_modules": [{"resources": [{"address": "module.x.a.b"}], "child_modules": [
                {"resources": [{"address": "module.x.module.y[\"k\"].a.b[0]", "tainted": true}]}]}]});
        let mut found = Vec::new();
        gather(&state, &mut found);
        assert_eq!(found, ["a.c", "module.x.module.y[\"k\"].a.b[0]"]);
        gather(&Value::Null, &mut found);
        assert_eq!(found.len(), 2, "an empty state has no modules");
    }
}
