//! `request`: every value checked against the catalogue, and the form filled in.
//!
//! Nothing here does I/O, reads a clock or draws a random number.

use crate::lifecycle::catalogue::{Catalogue, Class, Size};
use crate::lifecycle::form::{Form, KubernetesVersion, Region, Ticket, Ttl};

use super::Command;
use super::nearest::nearest;
use super::read::Reading;
use super::table::{Flag, keyword};

/// Words for a lifetime without an end.
const ENDLESS: [&str; 5] = ["none", "never", "forever", "unlimited", "endless"];

/// Reads a request.
///
/// A value that is wrong is noted and replaced by the one that was probably meant, so that the rest of the line is checked as well; the command that
/// comes out is used only where nothing was noted.
pub(super) fn read(reading: &mut Reading, catalogue: &Catalogue) -> Option<Command> {
    guess_loose(reading, catalogue);
    let name = reading.name(true);
    let class = class(reading, catalogue)?;
    let size = size(reading, class)?;
    let workers = workers(reading, size);
    let kubernetes = kubernetes(reading, class)?;
    let region = region(reading, class)?;
    let ttl = ttl(reading, class);
    let reason = reason(reading, class);
    let ticket = ticket(reading, class);
    let dry_run = reading.take(Flag::DryRun).is_some();
    if dry_run {
        reading.mend(Flag::DryRun, Some(String::new()));
    }
    let form = Form {
        name: name?,
        class: class.name.clone(),
        size: size.name.clone(),
        workers,
        control_planes: size.control_planes,
        instance_type: size.instance_type.clone(),
        kubernetes,
        region,
        ttl,
        reason,
        ticket,
        dollars_a_month: size.dollars_a_month(workers),
    };
    Some(Command::Request { form, dry_run })
}

/// Words on their own that are a value of something: `request teal-otter small`.
fn guess_loose(reading: &mut Reading, catalogue: &Catalogue) {
    for word in std::mem::take(&mut reading.loose) {
        let Some(flag) = meant(&word.value, catalogue) else {
            reading.loose.push(word);
            continue;
        };
        let whole =
            if flag == Flag::DryRun { "--dry-run".to_owned() } else { format!("{}={}", flag.name(), word.value) };
        let problem = if reading.has(flag) {
            format!("is not understood on its own, and {} is there already", flag.name())
        } else {
            format!("is not understood on its own. Did you mean {whole}?")
        };
        reading.wrong(word.at, &word.what, problem);
        reading.assume(flag, word);
    }
}

fn meant(word: &str, catalogue: &Catalogue) -> Option<Flag> {
    let key = keyword(word);
    let classes = &catalogue.classes;
    let (letters, digits) = word.split_once('-').unwrap_or_default();
    if catalogue.class(&key).is_some() {
        Some(Flag::Class)
    } else if classes.iter().any(|class| class.size(&key).is_some()) {
        Some(Flag::Size)
    } else if key.parse::<u32>().is_ok() {
        Some(Flag::Workers)
    } else if key.parse::<Ttl>().is_ok() {
        Some(Flag::Ttl)
    } else if classes.iter().any(|class| class.regions.iter().any(|region| region.as_str() == key)) {
        Some(Flag::Region)
    } else if classes.iter().any(|class| matching(class, &key).is_some()) {
        Some(Flag::Kubernetes)
    } else if matches!(key.as_str(), "dry-run" | "dryrun") {
        Some(Flag::DryRun)
    } else if !letters.is_empty()
        && letters.chars().all(|c| c.is_ascii_uppercase())
        && !digits.is_empty()
        && digits.chars().all(|c| c.is_ascii_digit())
    {
        Some(Flag::Ticket)
    } else {
        None
    }
}

fn class<'a>(reading: &mut Reading, catalogue: &'a Catalogue) -> Option<&'a Class> {
    let names = || catalogue.classes.iter().map(|class| class.name.as_str());
    let Some(default) = catalogue.default_class() else {
        reading.missing("class", "there is none to choose yet: an operator has to add one to the catalogue");
        return None;
    };
    let Some(given) = reading.take(Flag::Class) else { return Some(default) };
    if let Some(class) = catalogue.class(&keyword(&given.value)) {
        reading.mend(Flag::Class, Some(class.name.as_str().to_owned()));
        return Some(class);
    }
    let near = nearest(&given.value, names());
    reading.wrong(given.at, &given.what, no_such("class", near, names()));
    reading.mend(Flag::Class, near.map(str::to_owned));
    near.and_then(|near| catalogue.class(near)).or(Some(default))
}

fn size<'a>(reading: &mut Reading, class: &'a Class) -> Option<&'a Size> {
    let names = || class.sizes.iter().map(|size| size.name.as_str());
    let Some(default) = class.sizes.first() else {
        reading.missing("size", format!("{} has none to choose yet: an operator has to add one", class.name));
        return None;
    };
    let Some(given) = reading.take(Flag::Size) else { return Some(default) };
    if let Some(size) = class.size(&keyword(&given.value)) {
        reading.mend(Flag::Size, Some(size.name.as_str().to_owned()));
        return Some(size);
    }
    let near = nearest(&given.value, names());
    reading.wrong(given.at, &given.what, no_such("size", near, names()));
    reading.mend(Flag::Size, near.map(str::to_owned));
    near.and_then(|near| class.size(near)).or(Some(default))
}

fn no_such<'a>(what: &str, near: Option<&str>, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    let known = known.join(", ");
    match near {
        Some(near) => format!("there is no such {what}. Did you mean {near}? ({known})"),
        None => format!("there is no such {what} ({known})"),
    }
}

fn workers(reading: &mut Reading, size: &Size) -> u32 {
    let Some(given) = reading.take(Flag::Workers) else { return size.workers_default };
    let (min, max) = (size.workers_min, size.workers_max);
    let range = if min == max { format!("{min}") } else { format!("{min} to {max}") };
    let typed =
        given.value.trim().parse::<u64>().ok().filter(|_| given.value.trim().starts_with(|c: char| c.is_ascii_digit()));
    let workers = match typed {
        Some(number) => match u32::try_from(number).ok().filter(|n| (min..=max).contains(n)) {
            Some(number) => number,
            None => {
                let problem = format!("is out of range: {} takes {range} workers", size.name);
                reading.wrong(given.at, &given.what, problem);
                if number < u64::from(min) { min } else { max }
            }
        },
        None => {
            reading.wrong(given.at, &given.what, format!("takes a number, {range} for {}", size.name));
            spelled(&given.value).filter(|n| (min..=max).contains(n)).unwrap_or(size.workers_default)
        }
    };
    reading.mend(Flag::Workers, Some(workers.to_string()));
    workers
}

/// A small number in words.
fn spelled(word: &str) -> Option<u32> {
    const WORDS: [&str; 13] =
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    let word = keyword(word);
    WORDS.iter().position(|w| *w == word).and_then(|number| u32::try_from(number).ok())
}

fn kubernetes(reading: &mut Reading, class: &Class) -> Option<KubernetesVersion> {
    let Some(default) = class.kubernetes.first() else {
        reading.missing("k8s", format!("{} has no version to choose yet: an operator has to add one", class.name));
        return None;
    };
    let Some(given) = reading.take(Flag::Kubernetes) else { return Some(default.clone()) };
    match matching(class, &given.value) {
        Some(version) => {
            reading.mend(Flag::Kubernetes, Some(version.as_str().to_owned()));
            Some(version.clone())
        }
        None => {
            let known: Vec<&str> = class.kubernetes.iter().map(KubernetesVersion::as_str).collect();
            let problem = format!("{} has no such version ({})", class.name, known.join(", "));
            reading.wrong(given.at, &given.what, problem);
            reading.mend(Flag::Kubernetes, Some(default.as_str().to_owned()));
            Some(default.clone())
        }
    }
}

/// The newest of a class's versions that `typed` is the beginning of: `1.33`, `v1.33.5`, `v1.33.5+k3s`, `v1.33.5+rke2r1`. Whole numbers only: `1.3` is not `1.33`.
fn matching<'a>(class: &'a Class, typed: &str) -> Option<&'a KubernetesVersion> {
    let typed = keyword(typed.trim());
    let typed = typed.strip_prefix('v').unwrap_or(&typed);
    if !typed.contains('.') {
        return None;
    }
    let fits = |version: &&KubernetesVersion| {
        let rest = version.as_str()[1..].strip_prefix(typed);
        let distribution = typed.ends_with("+rke2") || typed.ends_with("+k3s");
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '+']) || distribution)
    };
    // Of two equally new ones the first is taken, as the catalogue's order has it.
    class.kubernetes.iter().rev().filter(fits).max_by_key(|version| numbers(version))
}

/// A version's numbers, in order: 1, 33, 5, and the distribution's release.
fn numbers(version: &KubernetesVersion) -> [u32; 4] {
    let (kubernetes, release) = version.as_str().split_once('+').unwrap_or((version.as_str(), ""));
    let mut numbers = [0; 4];
    for (place, text) in numbers.iter_mut().zip(kubernetes.trim_start_matches('v').split('.')) {
        *place = text.parse().unwrap_or(0);
    }
    let digits = release.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
    numbers[3] = digits.parse().unwrap_or(0);
    numbers
}

fn region(reading: &mut Reading, class: &Class) -> Option<Region> {
    let Some(default) = class.regions.first() else {
        reading.missing("region", format!("{} has none to choose yet: an operator has to add one", class.name));
        return None;
    };
    let Some(given) = reading.take(Flag::Region) else { return Some(default.clone()) };
    let names = || class.regions.iter().map(Region::as_str);
    let typed = keyword(&given.value);
    let found = |name: &str| class.regions.iter().find(|region| region.as_str() == name);
    if let Some(region) = found(&typed) {
        reading.mend(Flag::Region, Some(region.as_str().to_owned()));
        return Some(region.clone());
    }
    let near = nearest(&given.value, names());
    reading.wrong(given.at, &given.what, no_such("region", near, names()));
    reading.mend(Flag::Region, near.map(str::to_owned));
    near.and_then(found).or(Some(default)).cloned()
}

fn ttl(reading: &mut Reading, class: &Class) -> Option<Ttl> {
    let Some(given) = reading.take(Flag::Ttl) else { return class.ttl_default };
    let typed: String = given.value.chars().filter(|c| !c.is_whitespace()).collect();
    let most = class.ttl_max.map(|max| format!("{} allows at most {max}", class.name));
    let (ttl, problem) = match typed.parse::<Ttl>() {
        Ok(ttl) if class.ttl_max.is_none_or(|max| ttl <= max) => (Some(ttl), None),
        Ok(_) => (class.ttl_max, Some(format!("is too long: {}", most.unwrap_or_default()))),
        Err(_) if ENDLESS.contains(&keyword(&typed).as_str()) => {
            let problem = most.map(|most| format!("a cluster has to end some day: {most}"));
            (class.ttl_max, problem)
        }
        Err(invalid) => {
            let days =
                format!("{typed}d").parse::<Ttl>().ok().filter(|ttl| class.ttl_max.is_none_or(|max| *ttl <= max));
            (days.or(class.ttl_default), Some(invalid.to_string()))
        }
    };
    reading.mend(Flag::Ttl, Some(ttl_text(ttl)));
    if let Some(problem) = problem {
        reading.wrong(given.at, &given.what, problem);
    }
    ttl
}

/// A lifetime as it is typed: `7d`, `36h`, `none`.
pub(super) fn ttl_text(ttl: Option<Ttl>) -> String {
    match ttl.map(|ttl| ttl.duration().as_hours()) {
        None => "none".to_owned(),
        Some(hours) if hours % 24 == 0 => format!("{}d", hours / 24),
        Some(hours) => format!("{hours}h"),
    }
}

fn reason(reading: &mut Reading, class: &Class) -> Option<crate::lifecycle::form::Reason> {
    // Words on their own are told apart from here, as a reason that lacks its flag.
    if class.reason_required && !reading.has(Flag::Reason) && reading.loose.is_empty() {
        let example = Flag::Reason.entry().example;
        reading
            .missing("reason", format!("is missing: {} wants to know what for, such as reason={example}", class.name));
    }
    reading.reason()
}

fn ticket(reading: &mut Reading, class: &Class) -> Option<Ticket> {
    let Some(given) = reading.take(Flag::Ticket) else {
        if class.ticket_required {
            let example = Flag::Ticket.entry().example;
            reading.missing("ticket", format!("is missing: {} wants one, such as ticket={example}", class.name));
        }
        return None;
    };
    match given.value.trim().parse::<Ticket>() {
        Ok(ticket) => {
            reading.mend(Flag::Ticket, Some(ticket.as_str().to_owned()));
            Some(ticket)
        }
        Err(invalid) => {
            if class.ticket_required {
                reading.unmendable();
            }
            reading.wrong(given.at, &given.what, invalid.to_string());
            None
        }
    }
}
