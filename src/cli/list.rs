//! `kaas list`: the clusters of a data directory whose kaas is stopped.

use std::io::Write as _;

use serde::Serialize;

use crate::clock::{Clock, SystemClock};
use crate::lifecycle::form::TenantName;
use crate::lifecycle::policy::Quorum;
use crate::lifecycle::summary::{ClusterSummary, Phase};
use crate::lifecycle::{Kind, Risk};
use crate::render::say::{self, ListOf};
use crate::store::{Filter, Store};

use super::data::DataDir;
use super::{Exit, runtime};

/// Arguments of `kaas list`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    data: DataDir,
    /// Prints JSON: an array of clusters.
    #[arg(long)]
    json: bool,
}

/// A cluster, for machines.
#[derive(Debug, Serialize)]
struct Row<'a> {
    tenant: &'a str,
    name: &'a str,
    /// `planning`, `waiting`, `applying`, `joining`, `ready`, `destroying`, `leaving` or `stuck`.
    state: &'static str,
    /// Whether the cluster exists.
    live: bool,
    owner: &'a str,
    class: &'a str,
    size: &'a str,
    control_planes: u32,
    workers: u32,
    dollars_a_month: Option<u32>,
    since: Option<String>,
    ends: Option<String>,
    change: ChangeRow,
}

/// The open change of a cluster, or the one that ended last.
#[derive(Debug, Serialize)]
struct ChangeRow {
    number: u64,
    kind: &'static str,
    open: bool,
    votes: Option<u32>,
    risk: Option<Risk>,
    entered: String,
}

impl<'a> Row<'a> {
    fn of(row: &'a ClusterSummary) -> Self {
        let (votes, risk) = match row.phase {
            Phase::Reviewing { votes, risk } => (Some(votes), Some(risk)),
            Phase::Preparing | Phase::Applying | Phase::Joining | Phase::Done | Phase::Closed | Phase::Stuck => {
                (None, None)
            }
        };
        Self {
            tenant: row.key.tenant.as_str(),
            name: row.key.name.as_str(),
            state: state(row),
            live: row.since.is_some(),
            owner: &row.owner.name,
            class: row.class.as_str(),
            size: row.size.as_str(),
            control_planes: row.control_planes,
            workers: row.workers,
            dollars_a_month: row.dollars_a_month,
            since: row.since.map(|t| t.to_string()),
            ends: row.until.map(|t| t.to_string()),
            change: ChangeRow {
                number: row.change.0,
                kind: match row.kind {
                    Kind::Create => "create",
                    Kind::Destroy => "destroy",
                },
                open: row.is_open(),
                votes,
                risk,
                entered: row.entered.to_string(),
            },
        }
    }
}

fn state(row: &ClusterSummary) -> &'static str {
    let takes_down = row.undo || row.kind == Kind::Destroy;
    match (row.phase, takes_down) {
        (Phase::Preparing, _) => "planning",
        (Phase::Reviewing { .. }, _) => "waiting",
        (Phase::Applying, true) => "destroying",
        (Phase::Applying, false) => "applying",
        (Phase::Joining, true) => "leaving",
        (Phase::Joining, false) => "joining",
        (Phase::Stuck, _) => "stuck",
        (Phase::Done | Phase::Closed, _) if row.since.is_some() => "ready",
        (Phase::Done, _) => "gone",
        (Phase::Closed, _) => "closed",
    }
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let store = args.data.open()?;
    let rows = runtime()?.block_on(rows(&store))?;
    let mut out = std::io::stdout().lock();
    if args.json {
        let rows: Vec<Row<'_>> = rows.iter().map(Row::of).collect();
        serde_json::to_writer_pretty(&mut out, &rows)?;
        writeln!(out)?;
    } else {
        let now = SystemClock::default().now();
        // A stopped directory does not say how many approvals its policy asks for; the default is the demo's too.
        let quorum = Quorum { green: 2, yellow: 2, red: 2 };
        let listing = say::Listing { rows: &rows, more: 0, quorum, now, of: ListOf::All };
        writeln!(out, "{}", say::list(&listing).plain())?;
    }
    Ok(Exit::Done)
}

async fn rows(store: &dyn Store) -> anyhow::Result<Vec<ClusterSummary>> {
    let mut tenants: Vec<TenantName> = store.keys().await?.into_iter().map(|key| key.tenant).collect();
    tenants.dedup();
    let mut rows = Vec::new();
    for tenant in tenants {
        rows.extend(store.list(&Filter { tenant, owner: None, waiting: false, limit: usize::MAX }).await?.rows);
    }
    Ok(rows)
}
