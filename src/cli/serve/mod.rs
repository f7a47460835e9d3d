//! `kaas serve`: one process for all tenants of a configuration.
//!
//! Reading order: this file (start, run, stop in order), [`outside`] (a tenant's chat and forge), [`log`] (what is logged).

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use async_trait::async_trait;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Exit, runtime, stop_on_signals, wire};
use crate::clock::{SharedClock, SystemClock};
use crate::config::Config;
use crate::engine::Engine;
use crate::engine::desk::FrontDesk;
use crate::ports::{Chat, Desk, Intake, Vital};
use crate::runner::terraform::Terraform;
use crate::store::sled::SledStore;
use crate::web::{self, Lag, Served};

mod log;
mod outside;

use outside::{ChatOf, ForgeOf};

/// Arguments of `kaas serve`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration.
    #[arg(long, value_name = "FILE", default_value = "kaas.toml")]
    config: PathBuf,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let config = match Config::load(&args.config) {
        Ok(config) => config,
        Err(fault) => {
            eprintln!("kaas: {:#}", anyhow::Error::new(fault));
            eprintln!("All about it: kaas check --config {}", args.config.display());
            return Ok(Exit::Misuse);
        }
    };
    log::start(config.log)?;
    let runtime = runtime()?;
    let done = runtime.block_on(serve(&config));
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    done.map(|()| Exit::Done)
}

/// The engine as the health check sees it.
struct Behind(Arc<Engine>);

#[async_trait]
impl Lag for Behind {
    async fn lag_seconds(&self) -> anyhow::Result<u64> {
        Ok(u64::try_from(self.0.lag().await?.as_secs()).unwrap_or_default())
    }
}

async fn serve(config: &Config) -> anyhow::Result<()> {
    let metrics = metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder().context("counting")?;
    let clock = SystemClock::shared();
    let stop = CancellationToken::new();
    let stopping = stop_on_signals(stop.clone(), || std::process::exit(130))?;
    // First, because its lock says whether another kaas is at work here; and the port next, so that whoever waits for it is answered early.
    std::fs::create_dir_all(&config.data_dir).with_context(|| format!("making {}", config.data_dir.display()))?;
    let store = Arc::new(SledStore::open(&config.data_dir.join("store"))?);
    let listener = match config.web {
        Some(address) => Some(web::listen(address).await?),
        None => None,
    };
    let house = House::open(config, store, &clock).await?;
    let (mut tasks, rested) = (JoinSet::new(), CancellationToken::new());
    if let Some(listener) = listener {
        tracing::info!(web.address = %listener.local_addr()?, "listens");
        let served = Served {
            intakes: house.intakes(),
            vitals: house.vitals(),
            lag: Arc::new(Behind(Arc::clone(&house.engine))),
            metrics: Some(metrics),
        };
        // Deliveries are taken until the engine has come to rest: what they bring is durable, and done after the next start.
        tasks.spawn(web::serve(listener, served, rested.clone()));
    }
    for (chat, desk) in &house.desks {
        chat.listen(&mut tasks, Arc::clone(desk), stop.clone());
    }
    let mut running = tokio::spawn({
        let (engine, stop) = (Arc::clone(&house.engine), stop.clone());
        async move { engine.run(stop).await }
    });
    tracing::info!(tenants = config.tenants.len(), version = env!("CARGO_PKG_VERSION"), "kaas serves");
    // Whatever ends by itself ends kaas, in order: whoever looks after the process starts it again.
    let first = tokio::select! {
        ended = &mut running => Err(ended),
        fault = ended_badly(&mut tasks) => Ok(Some(fault)),
        () = stop.cancelled() => Ok(None),
    };
    tracing::info!("stops in order; a signal more stops at once");
    stop.cancel();
    let (fault, ended) = match first {
        Err(ended) => (None, ended),
        Ok(fault) => (fault, running.await),
    };
    let ended = ended.context("the engine panicked").and_then(|ended| ended);
    rested.cancel();
    while let Some(ended) = tasks.join_next().await {
        if let Ok(Err(fault)) = ended {
            tracing::warn!("while stopping: {fault:#}");
        }
    }
    stopping.abort();
    tracing::info!("kaas has stopped");
    match (fault, ended) {
        (Some(fault), Err(also)) => {
            tracing::error!("while stopping, the engine failed: {also:#}");
            Err(fault)
        }
        (Some(fault), Ok(())) => Err(fault),
        (None, ended) => ended,
    }
}

/// Waits until a task has failed. What ends without a fault is done.
async fn ended_badly(tasks: &mut JoinSet<anyhow::Result<()>>) -> anyhow::Error {
    loop {
        match tasks.join_next().await {
            Some(Ok(Err(fault))) => return fault,
            Some(Err(panic)) => return anyhow::Error::new(panic).context("a part of kaas panicked"),
            Some(Ok(Ok(()))) => {}
            None => std::future::pending().await,
        }
    }
}

/// Everything, wired up.
struct House {
    engine: Arc<Engine>,
    desks: Vec<(ChatOf, Arc<dyn Desk>)>,
    forges: Vec<ForgeOf>,
}

impl House {
    async fn open(config: &Config, store: Arc<SledStore>, clock: &SharedClock) -> anyhow::Result<Self> {
        let (mut tenants, mut chats, mut forges) = (Vec::new(), Vec::<(_, ChatOf)>::new(), Vec::new());
        let mut first: Option<Arc<Terraform>> = None;
        for tenant in &config.tenants {
            let settings = wire::runner_settings(config, tenant, Vec::new());
            let runner = Arc::new(match &first {
                Some(first) => first.beside(settings),
                None => Terraform::new(settings, Arc::clone(clock)),
            });
            first.get_or_insert_with(|| Arc::clone(&runner));
            let named = || format!("the tenant {}", tenant.name);
            let forge = ForgeOf::open(config, tenant, clock).await.with_context(named)?;
            let mut wired = wire::tenant(tenant, forge.port(), runner, clock).with_context(named)?;
            for chat in tenant.chats() {
                let chat = ChatOf::open(config, tenant, chat, clock).with_context(named)?;
                wired.rosters.extend(chat.roster());
                chats.push((tenant, chat));
            }
            tenants.push(wired);
            forges.push(forge);
        }
        let named = chats.iter().map(|(_, chat)| (chat.name(), chat.port())).collect::<Vec<(String, Arc<dyn Chat>)>>();
        let engine = Engine::new(store, Arc::clone(clock), wire::pace(config), tenants, named);
        let mut desks = Vec::new();
        for (tenant, chat) in chats {
            let people = tenant.people.iter().cloned().collect();
            let desk = FrontDesk::new(&engine, &tenant.name, people, chat.dialect())?;
            let desk = desk.knowing(tenant.people.links(chat.platform()));
            desks.push((chat, Arc::new(desk) as Arc<dyn Desk>));
        }
        Ok(Self { engine, desks, forges })
    }

    /// Who takes deliveries of which path: each tenant has its own, and where only one tenant has any, it has the short path as well.
    fn intakes(&self) -> Vec<(String, Arc<dyn Intake>)> {
        let chats = self.desks.iter().filter_map(|(chat, desk)| chat.intake(desk));
        let all: Vec<_> = chats.chain(self.forges.iter().filter_map(|forge| forge.intake(&self.engine))).collect();
        let mut intakes = Vec::new();
        for (path, tenant, intake) in &all {
            if all.iter().filter(|(other, _, _)| other == path).count() == 1 {
                intakes.push(((*path).to_owned(), Arc::clone(intake)));
            }
            intakes.push((format!("{path}/{tenant}"), Arc::clone(intake)));
        }
        intakes
    }

    fn vitals(&self) -> Vec<Arc<dyn Vital>> {
        let chats = self.desks.iter().filter_map(|(chat, _)| chat.vital());
        chats.chain(self.forges.iter().filter_map(ForgeOf::vital)).collect()
    }
}
