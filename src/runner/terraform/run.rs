//! What a plan and an apply are, step by step.

use super::reading::Reading;
use super::session::Session;
use super::trouble;
use crate::lifecycle::PlanDigest;
use crate::ports::{Answer, Applied, Planned};

/// Makes a plan, and keeps what people read of it and what an approval of it covers.
pub async fn plan(session: &mut Session<'_>) -> Answer<Planned> {
    let (reading, _file) = session.make_plan(true).await?;
    keep(session, &reading)?;
    Ok(Planned { plan: reading.plan, order: reading.order })
}

/// Plans once more, and goes on only if that is what was approved.
///
/// It may also be the rest of what was approved, where an earlier apply of it was cut off: kaas died, terraform died, or a resource failed. Whether one
/// began is known by a marker that was made durable before it began, or by this being a second attempt.
pub async fn apply(session: &mut Session<'_>, approved: &PlanDigest) -> Answer<Applied> {
    let (reading, file) = session.make_plan(false).await?;
    let (runs, job) = (&session.runner.runs, session.job);
    if reading.plan.digest != *approved {
        let began = session.call.attempt > 1 || runs.apply_began(&job.cluster, job.change, approved);
        let covered = runs.changes(&job.cluster, job.change, approved);
        if !began || !covered.is_some_and(|covered| reading.changes.is_rest_of(&covered)) {
            session.note(&format!(
                "the plan is {} and not the approved {approved}; nothing is applied",
                reading.plan.digest
            ));
            keep(session, &reading)?;
            return Ok(Applied::Drifted(reading.plan));
        }
        session.note("the plan is the rest of what was approved, after an apply that was cut off");
    }
    session.rest();
    if reading.changes.is_empty() {
        session.note("everything approved is applied already");
        return Ok(Applied::Yes { outputs: session.outputs().await? });
    }
    let name = session.name();
    let marked = session.runner.runs.begin_apply(&job.cluster, job.change, approved, &reading);
    marked.map_err(|e| trouble::of_io(name, "note that an apply begins", e))?;
    let total = reading.plan.add + reading.plan.change + reading.plan.destroy;
    let outputs = match session.apply(&file, total).await? {
        Some(outputs) => outputs,
        None => session.outputs().await?,
    };
    Ok(Applied::Yes { outputs })
}

fn keep(session: &Session<'_>, reading: &Reading) -> Answer<()> {
    let (runs, job) = (&session.runner.runs, session.job);
    let kept = runs.keep_plan(&job.cluster, job.change, reading);
    kept.map_err(|e| trouble::of_io(session.name(), "keep the plan's text", e))
}
