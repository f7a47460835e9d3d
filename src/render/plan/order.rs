//! The machines that a plan would have made: its machine configurations, joined with the pools of its cluster.
//!
//! A configuration has no name before it is made, so a pool cannot always say which one is its own. It is told by the name where there is one, else by what
//! the name will begin with, else by the key of `for_each`, else by being the only one left. What cannot be told stands by itself, with what is sure of it.

use super::json::Json;
use super::{Action, PlanError, RawResource, risk};
use crate::lifecycle::cloud::{Order, PoolOrder};

/// The most pools that are kept of one plan.
const POOLS_MAX: usize = 200;

/// What was seen of a plan so far.
#[derive(Debug, Default)]
pub(super) struct Seen {
    configs: Vec<Config>,
    cluster: Option<Cluster>,
}

/// A machine configuration.
#[derive(Debug)]
struct Config {
    /// The resource's name and key: `worker` and `a` of `worker["a"]`.
    resource: String,
    key: Option<String>,
    name: Option<String>,
    /// What its name begins with.
    prefix: Option<String>,
    /// Whether it is taken away.
    goes: bool,
    /// Whether machines that have it would be replaced.
    changes: bool,
    /// Everything but name and count.
    machine: PoolOrder,
}

/// A cluster.
#[derive(Debug)]
struct Cluster {
    name: Option<String>,
    goes: bool,
    pools: Vec<Pool>,
}

/// A pool of a cluster.
#[derive(Debug)]
struct Pool {
    name: String,
    count: u32,
    /// How many machines it had.
    had: u32,
    /// The name of its configuration, where that is known.
    config: Option<String>,
}

/// A way to tell that a configuration is a pool's.
type Way<'a> = dyn Fn(&Pool, &Config) -> bool + 'a;

impl Seen {
    /// Takes note of a resource, if machines depend on it.
    pub fn note(&mut self, raw: &RawResource<'_>, action: &Action) -> Result<(), PlanError> {
        let matters = raw.kind == risk::CLUSTER || raw.kind == risk::MACHINE_CONFIG;
        if !matters || raw.mode != "managed" || raw.deposed.is_some() {
            return Ok(());
        }
        let (before, after) = raw.change.values(&raw.address)?;
        let goes = matches!(action, Action::Delete | Action::Forget);
        let told = if goes { &before } else { &after };
        if raw.kind == risk::CLUSTER {
            let pools = pools(told).into_iter().map(|pool| Pool { had: had(&before, &pool.name), ..pool }).collect();
            self.cluster = Some(Cluster { name: text(told, "name"), goes, pools });
        } else if let Some(machine) = told.block("amazonec2_config").filter(|_| self.configs.len() < POOLS_MAX) {
            self.configs.push(Config {
                resource: raw.name.clone().into_owned(),
                key: raw.address.strip_suffix("\"]").and_then(|a| a.rsplit_once("[\"")).map(|(_, key)| key.to_owned()),
                name: text(told, "name"),
                prefix: text(told, "generate_name"),
                goes,
                changes: before.block("amazonec2_config").is_none_or(|was| was != machine),
                machine: read(machine),
            });
        }
        Ok(())
    }

    /// The machines, pool by pool.
    pub fn order(mut self) -> Order {
        let Some(cluster) = self.cluster.take() else {
            return Order { pools: self.configs.into_iter().map(|config| alone(config, None)).collect() };
        };
        // What a cluster that stays does without is no part of what is ordered.
        self.configs.retain(|config| cluster.goes || !config.goes);
        let mut partner = self.join(&cluster);
        let mut left: Vec<Option<Config>> = self.configs.into_iter().map(Some).collect();
        let mut pools: Vec<PoolOrder> = Vec::new();
        for (pool, config) in cluster.pools.into_iter().zip(partner.drain(..)) {
            let config = config.and_then(|index| left[index].take());
            let changes = !cluster.goes && config.as_ref().is_some_and(|config| config.changes);
            let has = pool.had.min(pool.count);
            let machine = config.map(|config| config.machine).unwrap_or_default();
            let (stays, replaced) = if changes { (0, has) } else { (has, 0) };
            pools.push(PoolOrder { name: pool.name, count: pool.count, stays, replaced, ..machine });
        }
        pools.extend(left.into_iter().flatten().map(|config| alone(config, cluster.name.as_deref())));
        Order { pools }
    }

    /// Which configuration is whose: one for each pool at most, each for one pool at most.
    fn join(&self, cluster: &Cluster) -> Vec<Option<usize>> {
        let mut partner: Vec<Option<usize>> = vec![None; cluster.pools.len()];
        let ways: [&Way<'_>; 3] = [
            &|pool, config| pool.config.is_some() && pool.config == config.name,
            &|pool, config| {
                let begins = cluster.name.as_ref().map(|name| format!("{name}-{}", pool.name));
                pool.config.is_none() && begins.is_some() && config.prefix == begins
            },
            &|pool, config| {
                let short = if config.resource == "control_plane" { "cp" } else { &config.resource };
                let keyed = config.key.as_ref().map(|key| format!("{short}-{key}"));
                pool.config.is_none() && keyed.as_deref() == Some(&pool.name)
            },
        ];
        for fits in ways {
            let free = |partner: &[Option<usize>], index: usize| !partner.contains(&Some(index));
            for (at, pool) in cluster.pools.iter().enumerate().filter(|(_, pool)| !pool.name.is_empty()) {
                let mut fitting = self.configs.iter().enumerate().filter(|(_, config)| fits(pool, config));
                if let (None, Some((index, _)), None) = (partner[at], fitting.next(), fitting.next())
                    && free(&partner, index)
                {
                    partner[at] = Some(index);
                }
            }
        }
        let alone: Vec<usize> = (0..self.configs.len()).filter(|index| !partner.contains(&Some(*index))).collect();
        let without: Vec<usize> = (0..partner.len()).filter(|at| partner[*at].is_none()).collect();
        if let ([index], [at]) = (alone.as_slice(), without.as_slice())
            && cluster.pools[*at].config.is_none()
        {
            partner[*at] = Some(*index);
        }
        partner
    }
}

/// A configuration whose pool is not known: of its machines none is sure.
fn alone(config: Config, cluster: Option<&str>) -> PoolOrder {
    let prefix = config.prefix.or(config.name);
    let of_pool = |name: &str| Some(name.strip_prefix(cluster?)?.strip_prefix('-')?.to_owned());
    let name = prefix.map(|name| of_pool(&name).unwrap_or(name)).unwrap_or(config.resource);
    PoolOrder { name, ..config.machine }
}

fn pools(cluster: &Json) -> Vec<Pool> {
    let Some(Json::List(pools)) = cluster.block("rke_config").and_then(|rke| rke.get("machine_pools")) else {
        return Vec::new();
    };
    let pool = |pool: &Json| Pool {
        name: text(pool, "name").unwrap_or_default(),
        count: number(pool, "quantity"),
        had: 0,
        config: pool.block("machine_config").and_then(|config| text(config, "name")),
    };
    pools.iter().take(POOLS_MAX).map(pool).collect()
}

fn had(before: &Json, pool: &str) -> u32 {
    pools(before).into_iter().find(|was| was.name == pool).map_or(0, |was| was.count)
}

fn read(machine: &Json) -> PoolOrder {
    let groups = match machine.get("security_group") {
        Some(Json::List(groups)) => groups.iter().filter_map(Json::text).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    PoolOrder {
        region: text(machine, "region"),
        zone: text(machine, "zone"),
        vpc: text(machine, "vpc_id"),
        subnet: text(machine, "subnet_id"),
        image: text(machine, "ami"),
        instance_type: text(machine, "instance_type"),
        groups,
        profile: text(machine, "iam_instance_profile"),
        key: text(machine, "kms_key"),
        encrypted: flag(machine, "encrypt_ebs_volume"),
        spot: flag(machine, "request_spot_instance"),
        tags: text(machine, "tags"),
        ..PoolOrder::default()
    }
}

/// A text that is known and not empty.
fn text(of: &Json, key: &str) -> Option<String> {
    of.get(key).and_then(Json::text).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn flag(of: &Json, key: &str) -> bool {
    match of.get(key) {
        Some(Json::Bool(flag)) => *flag,
        Some(Json::Text(text)) => text == "true",
        _ => false,
    }
}

fn number(of: &Json, key: &str) -> u32 {
    match of.get(key) {
        Some(Json::Number(number)) => number.parse().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
#[path = "order_tests.rs"]
mod tests;
