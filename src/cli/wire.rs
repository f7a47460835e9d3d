//! From a configuration to adapters: the only place that knows all of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use jiff::SignedDuration;
use secrecy::SecretString;

use crate::clock::SharedClock;
use crate::config::{Config, Platform, TenantConfig};
use crate::engine::{Pace, Tenant};
use crate::forge::local::LocalForge;
use crate::lifecycle::Person;
use crate::ports::Forge;
use crate::rancher::{Rancher, Settings as RancherSettings, Team};
use crate::render::templates::Templates;
use crate::runner::terraform::{Limits, Settings as RunnerSettings, Terraform, passed_on};

/// The engine's pace, as configured.
pub fn pace(config: &Config) -> Pace {
    let engine = &config.engine;
    let signed = |duration| SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
    let poll = signed(engine.poll_every);
    Pace {
        lease: signed(engine.lease),
        poll,
        twice: poll,
        backoff: signed(engine.backoff_first),
        backoff_max: signed(engine.backoff_max),
        failures_max: engine.attempts,
        sweep: signed(engine.sweep_every),
        progress: poll.min(SignedDuration::from_secs(2)),
        grace: signed(engine.stop_grace),
    }
}

/// The runner's settings, as configured; `extra` is handed on to every terraform besides.
pub fn runner_settings(config: &Config, tenant: &TenantConfig, extra: Vec<(String, SecretString)>) -> RunnerSettings {
    let runner = &tenant.runner;
    let search_path = std::env::var("PATH").unwrap_or_default();
    let mut settings = RunnerSettings::new(&config.data_dir, search_path);
    settings.program.clone_from(&runner.program);
    settings.cli_config.clone_from(&runner.cli_config_file);
    settings.passed = passed_on(&runner.pass_environment, std::env::vars_os());
    settings.passed.extend(extra);
    settings.working = config.engine.runs_at_once;
    settings.applying = config.engine.applies_at_once;
    settings.shown = tenant.shown.clone();
    settings.limits = Limits {
        init: runner.init_time_limit,
        plan: runner.plan_time_limit,
        apply: runner.apply_time_limit,
        grace: config.engine.stop_grace,
        lock: runner.lock_wait,
        ..Limits::default()
    };
    #[cfg(feature = "fetch")]
    {
        settings.fetch = Some(crate::runner::fetch::Source::default());
    }
    settings
}

/// A repository on this machine.
///
/// # Errors
/// It cannot be opened.
pub async fn local_forge(path: &Path, clock: &SharedClock) -> anyhow::Result<Arc<dyn Forge>> {
    Ok(Arc::new(LocalForge::open(path, Arc::clone(clock)).await?))
}

/// A secret of kaas' own environment.
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A tenant with its adapters.
///
/// # Errors
/// A secret or a file is missing, or a template is wrong.
pub fn tenant(
    tenant: &TenantConfig,
    forge: Arc<dyn Forge>,
    runner: Arc<Terraform>,
    clock: &SharedClock,
) -> anyhow::Result<Tenant> {
    let rancher = &tenant.rancher;
    let mut settings = RancherSettings::new(&rancher.url, rancher.token.resolve(&environment)?);
    settings.ca = rancher.ca_file.as_deref().map(read_text).transpose()?;
    settings.people.clone_from(&rancher.links);
    settings.requester_role.clone_from(&rancher.requester_role);
    settings.requester_roles.clone_from(&rancher.requester_roles);
    settings.team =
        rancher.team.as_ref().map(|team| Team { principal: team.principal.clone(), role: team.role.clone() });
    Ok(Tenant {
        name: tenant.name.clone(),
        policy: tenant.policy.clone(),
        catalogue: tenant.catalogue.clone(),
        time_zone: tenant.time_zone.clone(),
        settings: tenant.render.clone(),
        templates: templates(tenant.templates_dir.as_deref())?,
        forge,
        reviewers: reviewers(tenant),
        runner,
        fleet: Arc::new(Rancher::new(settings, Arc::clone(clock))?),
    })
}

/// Who is who in GitHub, by login in lower case.
fn reviewers(tenant: &TenantConfig) -> BTreeMap<String, Person> {
    let logins = tenant.people.links(Platform::GitHub);
    let known =
        tenant.people.iter().filter_map(|person| Some((logins.get(&person.id)?.to_lowercase(), person.clone())));
    known.collect()
}

/// The templates that kaas brings, with those of a directory in their place.
fn templates(dir: Option<&Path>) -> anyhow::Result<Templates> {
    let Some(dir) = dir else { return Ok(Templates::default()) };
    let mut own = Vec::new();
    for entry in std::fs::read_dir(dir).with_context(|| format!("reading the templates in {}", dir.display()))? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.ends_with(".hbs") {
            own.push((name.to_owned(), read_text(&path)?));
        }
    }
    Ok(Templates::with(own)?)
}

fn read_text(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}
