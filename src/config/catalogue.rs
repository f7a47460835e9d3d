//! The tenant's catalogue: classes and sizes, held against each other.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::finding::{Report, join};
use super::shape::ListedNames;
use super::{raw, values};
use crate::lifecycle::catalogue::{Catalogue, Class, Size, Value};
use crate::lifecycle::form::{ClassName, Ttl};

/// The template of a class, where the file says nothing.
pub const TEMPLATE: &str = "cluster";

/// Inputs that kaas fills in itself, and what terraform keeps for itself in a module call.
const KEPT: [&str; 14] = [
    "source",
    "version",
    "providers",
    "count",
    "for_each",
    "depends_on",
    "name",
    "instance_type",
    "worker_num",
    "region",
    "kubernetes_version",
    "control_plane_num",
    "request_id",
    "owner",
];

/// Builds the catalogue of a tenant.
pub(super) fn catalogue(raw: &BTreeMap<String, raw::Class>, path: &str, report: &mut Report) -> Catalogue {
    let mut names: Vec<&String> = raw.keys().collect();
    names.sort_by_key(|name| report.spots.offset(&join(path, name)));
    Catalogue {
        classes: names.into_iter().filter_map(|name| class(name, &raw[name], &join(path, name), report)).collect(),
    }
}

/// The roles that classes give to whoever asked, where they differ from the tenant's.
pub(super) fn roles(raw: &BTreeMap<String, raw::Class>) -> BTreeMap<ClassName, String> {
    raw.iter().filter_map(|(name, class)| Some((name.parse().ok()?, class.requester_role.clone()?))).collect()
}

fn class(name: &str, raw: &raw::Class, path: &str, report: &mut Report) -> Option<Class> {
    let before = report.errors();
    let kubernetes = list(&raw.kubernetes, &join(path, "kubernetes"), report);
    let regions = list(&raw.regions, &join(path, "regions"), report);
    let (ttl_default, ttl_max) = lifetimes(&raw.ttl, &join(path, "ttl"), report);
    inputs(raw, path, report);
    let mut names = ListedNames::default();
    let mut sizes = Vec::new();
    for raw in &raw.sizes {
        let listed = names.next(raw.name.as_deref());
        let at = join(&join(path, "sizes"), &listed);
        if let Some(name) = raw.name.as_deref().filter(|name| *name != listed) {
            report.error(
                &join(&at, "name"),
                format!("{name} is there twice"),
                "Give every size of a class its own name.",
            );
        }
        sizes.extend(size(raw, &at, report));
    }
    if report.errors() > before {
        return None;
    }
    Some(Class {
        name: name.parse().ok()?,
        description: raw.description.clone()?,
        module: raw.module.clone()?,
        template: raw.template.clone().unwrap_or_else(|| TEMPLATE.to_owned()),
        sizes,
        kubernetes,
        regions,
        ttl_default,
        ttl_max,
        reason_required: raw.reason_required.unwrap_or(false),
        ticket_required: raw.ticket_required.unwrap_or(false),
        foundation: raw.foundation.clone(),
        values: raw.values.iter().filter_map(|(k, v)| Some((k.clone(), values::value(v).ok()?))).collect(),
    })
}

/// A list of which the first is the default: not empty, nothing twice.
fn list<T: FromStr + PartialEq>(raw: &[String], path: &str, report: &mut Report) -> Vec<T> {
    let mut out: Vec<T> = Vec::new();
    for (index, text) in raw.iter().enumerate() {
        let Ok(item) = text.parse::<T>() else { continue };
        if out.contains(&item) {
            report.error(&join(path, &index.to_string()), format!("{text} is there twice"), "Name each once.");
        } else {
            out.push(item);
        }
    }
    // A list that is missing, or holds nothing sound, was reported already.
    if raw.is_empty() && report.clean(path) {
        report.error(path, "is empty", "Name at least one; the first is the default.");
    }
    out
}

fn lifetimes(raw: &raw::Lifetimes, path: &str, report: &mut Report) -> (Option<Ttl>, Option<Ttl>) {
    let ttl = |text: &Option<String>| text.as_deref().and_then(|t| t.parse::<Ttl>().ok());
    let (default, max) = (ttl(&raw.default), ttl(&raw.max));
    match (default, max) {
        (None, Some(max)) if raw.default.is_none() => {
            let hint = format!("Say what holds where a request says nothing, at most {max}.");
            report.error(&join(path, "default"), "is missing, although there is a longest lifetime", hint);
        }
        (Some(default), Some(max)) if default > max => {
            let hint = format!("Make it at most {max}, or max at least {default}.");
            report.error(&join(path, "default"), "is longer than max", hint);
        }
        _ => {}
    }
    (default, max)
}

/// The inputs that the class gives to its module: none that kaas gives, none twice, no secret.
fn inputs(raw: &raw::Class, path: &str, report: &mut Report) {
    let foundation = raw.foundation.keys().map(|input| ("foundation", input));
    for (table, input) in foundation.chain(raw.values.keys().map(|input| ("values", input))) {
        let at = join(&join(path, table), input);
        if KEPT.contains(&input.as_str()) {
            report.error(
                &at,
                "is an input that kaas fills in itself",
                format!("Leave it out; kaas gives {}.", KEPT[6..].join(", ")),
            );
        } else if table == "values" && raw.foundation.contains_key(input) {
            report.error(&at, "is given twice: it is under foundation, too", "Leave one of the two out.");
        }
    }
    for (input, value) in &raw.values {
        let secret = match values::value(value) {
            Ok(Value::Text(text)) => values::looks_secret(&text),
            Ok(Value::List(items)) => items.iter().any(|i| values::looks_secret(i)),
            Ok(Value::Map(map)) => map.values().any(|v| values::looks_secret(v)),
            Ok(Value::Number(_) | Value::Flag(_)) | Err(_) => false,
        };
        if secret {
            let hint = "It would be written into the repository: leave it out, make a new one, and let Rancher or terraform's environment hold it.";
            report.error(&join(&join(path, "values"), input), "looks like a secret in clear", hint);
        }
    }
}

fn size(raw: &raw::Size, path: &str, report: &mut Report) -> Option<Size> {
    let count = |n: Option<u64>| n.and_then(|n| u32::try_from(n).ok());
    let workers = join(path, "workers");
    let control_planes = count(raw.control_planes).unwrap_or(1);
    if control_planes.is_multiple_of(2) {
        let hint = "Make it 1, 3, 5 or 7: etcd decides by majority, and an even number only adds a node that can fail.";
        report.error(&join(path, "control_planes"), "is an even number", hint);
    }
    let (min, default, max) =
        (count(raw.workers.min).unwrap_or(1), count(raw.workers.default)?, count(raw.workers.max)?);
    if min > max {
        report.error(&join(&workers, "min"), "is more than max", format!("Make it at most {max}."));
    } else if !(min..=max).contains(&default) {
        report.error(&join(&workers, "default"), "is not between min and max", format!("Make it {min} to {max}."));
    }
    Some(Size {
        name: raw.name.as_deref()?.parse().ok()?,
        instance_type: raw.instance_type.clone()?,
        control_planes,
        workers_min: min,
        workers_max: max,
        workers_default: default,
        cents_a_node_month: raw.dollars_a_node_month.as_ref().and_then(|v| values::cents(v).ok()),
    })
}
