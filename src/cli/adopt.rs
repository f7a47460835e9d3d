//! `kaas adopt`: where the store was lost, asks for each change again whose pull request is still open.
//!
//! The pull request's body holds a hidden copy of the form. Whoever may edit the body may edit that too, so what it says is shown first, nothing is
//! adopted without `--yes`, and votes are asked for again.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;

use super::{Exit, runtime, wire};
use crate::clock::{SharedClock, SystemClock};
use crate::config::{Config, ForgeConfig, TenantConfig};
use crate::forge::github::GitHub;
use crate::lifecycle::{Ask, Input, InputId, Kind, Proof, What};
use crate::record::{Record, Taken};
use crate::render::pull::{PullForm, read_form};
use crate::render::{module, say};
use crate::store::sled::SledStore;
use crate::store::{Saved, Store};

/// Arguments of `kaas adopt`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration. Its kaas must be stopped.
    #[arg(long, value_name = "FILE", default_value = "kaas.toml")]
    config: PathBuf,
    /// Adopts what is listed without it.
    #[arg(long)]
    yes: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let config = Config::load(&args.config)?;
    let runtime = runtime()?;
    runtime.block_on(adopt(&config, args.yes))
}

/// What became of the pull requests.
#[derive(Debug, Default)]
struct Tally {
    adopted: u32,
    left: u32,
}

async fn adopt(config: &Config, yes: bool) -> anyhow::Result<Exit> {
    let clock = SystemClock::shared();
    let store = SledStore::open(&config.data_dir.join("store"))?;
    let mut tally = Tally::default();
    for tenant in &config.tenants {
        let ForgeConfig::GitHub(github) = &tenant.forge else { continue };
        let forge = GitHub::open(wire::github_settings(config, tenant, github)?, Arc::clone(&clock))?;
        let pulls =
            forge.open_pulls().await.with_context(|| format!("reading the pull requests of {}", tenant.name))?;
        for pull in pulls {
            let said = one(&store, tenant, &pull.branch, &pull.body, yes, &clock, &mut tally).await?;
            println!("{} #{}: {said}", tenant.name, pull.number);
        }
    }
    let Tally { adopted, left } = tally;
    match (yes, adopted) {
        (_, 0) => println!("Nothing to adopt; {left} left alone."),
        (true, _) => println!(
            "{adopted} adopted, {left} left alone. Votes are asked for again once kaas runs; the ledger begins anew with them."
        ),
        (false, _) => println!(
            "{adopted} could be adopted, {left} are left alone. Whoever may edit a pull request may have altered what it says: look at it, then run this with --yes."
        ),
    }
    Ok(Exit::Done)
}

/// One pull request. Answers what became of it, as a sentence.
async fn one(
    store: &SledStore,
    tenant: &TenantConfig,
    branch: &str,
    body: &str,
    yes: bool,
    clock: &SharedClock,
    tally: &mut Tally,
) -> anyhow::Result<String> {
    let mut left = |why: String| {
        tally.left += 1;
        Ok(why)
    };
    let Some(form) = read_form(body) else {
        return left("left alone, because its hidden form cannot be read; ask again in the chat".to_owned());
    };
    let key = form.cluster.clone();
    if key.tenant != tenant.name || branch != module::branch(&key.name, form.change) {
        return left(format!(
            "left alone, because its form is of {key}, change {}, and its branch is not",
            form.change
        ));
    }
    if form.kind == Kind::Destroy || form.undo {
        let again = format!("/kaas destroy {}", key.name);
        return left(format!(
            "cannot be had back, because it takes down what only the lost store knew; close it, and once {} is known again: {again}",
            key.name
        ));
    }
    let record = store.load(&key).await?;
    let input = ask_again(&form, tenant, clock);
    let (next, taken) = Record::take(&tenant.policy, &key, record.as_ref(), &input);
    match (next, taken) {
        (Some((record, entry)), Taken::Changed) => {
            tally.adopted += 1;
            let what = format!("{}, {} of {}, asked by {}", key.name, form.form.size, form.form.class, form.by.name);
            if !yes {
                return Ok(format!("would be adopted as change {}: {what}", form.change));
            }
            if store.drawn().await?.iter().all(|(known, last)| *known != key.tenant || *last < form.change.0) {
                store.restore_drawn(&key.tenant, form.change.0).await?;
            }
            anyhow::ensure!(
                store.save(&record, Some(&entry)).await? == Saved::Yes,
                "{key} is changed by somebody else"
            );
            Ok(format!("adopted as change {}: {what}", form.change))
        }
        (_, Taken::Refused { refusal, .. }) => {
            let context = say::Context { now: clock.now(), tz: &tenant.time_zone, usually: None, card: None };
            tally.left += 1;
            Ok(format!("left alone. {}", say::refusal(&refusal, &key.name, &context).plain()))
        }
        _ => {
            tally.left += 1;
            Ok("left alone, because it is adopted already".to_owned())
        }
    }
}

/// The request as it was made once.
fn ask_again(form: &PullForm, tenant: &TenantConfig, clock: &SharedClock) -> Input {
    let place = wire::place(tenant, &tenant.chat);
    let ask = Ask::Request { form: form.form.clone(), number: form.change, place, owned: 0 };
    Input {
        id: InputId(format!("adopt/{}/{}", form.cluster, form.change)),
        at: clock.now(),
        what: What::Ask { by: form.by.clone(), proof: Proof::Command, ask },
    }
}
