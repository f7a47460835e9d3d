//! For tests: the demo kills itself at a named boundary, as `kill -9` would.
//!
//! `KAAS_DEMO_KILL=apply/performed/1` names the effect, the boundary and the how-manieth time it is reached in this process; several are separated by
//! commas, and the first to be reached ends the process. See docs/survival.md.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use nix::sys::signal::{Signal, raise};

use crate::engine::Engine;
use crate::engine::boundary::Boundary;

/// The environment variable that arms it.
const VARIABLE: &str = "KAAS_DEMO_KILL";

/// Kills the process at the boundaries that the environment names; without any, does nothing.
pub(super) fn arm(engine: &Engine) -> anyhow::Result<()> {
    let Ok(text) = std::env::var(VARIABLE) else { return Ok(()) };
    let points = points(&text).with_context(|| format!("{VARIABLE}={text} is not understood"))?;
    let reached: Mutex<HashMap<(String, Boundary), u32>> = Mutex::default();
    engine.observe(Box::new(move |boundary, what| {
        let mut reached = reached.lock().unwrap_or_else(PoisonError::into_inner);
        let times = reached.entry((what.to_owned(), boundary)).or_default();
        *times += 1;
        if points.iter().any(|point| point.what == what && point.boundary == boundary && point.time == *times) {
            let _ = writeln!(std::io::stderr(), "killed at {what}/{}/{times}", boundary.name());
            let _ = raise(Signal::SIGKILL);
        }
    }));
    Ok(())
}

struct Point {
    what: String,
    boundary: Boundary,
    time: u32,
}

fn points(text: &str) -> anyhow::Result<Vec<Point>> {
    let point = |text: &str| -> anyhow::Result<Point> {
        let parts: Vec<&str> = text.split('/').collect();
        let [what, boundary, time] = parts[..] else { anyhow::bail!("`{text}` is not like apply/performed/1") };
        Ok(Point {
            what: what.to_owned(),
            boundary: boundary.parse().map_err(anyhow::Error::msg)?,
            time: time.parse().with_context(|| format!("`{time}` is not a number"))?,
        })
    };
    text.split(',').map(str::trim).filter(|text| !text.is_empty()).map(point).collect()
}
