//! What may be asked for: every value parsed once, at the edge, and trusted from then on.
//!
//! Nothing here does I/O, reads a clock or draws a random number.

use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// Why a value was not taken: what is wrong, and what would work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invalid {
    /// What is wrong, without the value itself: "has a capital letter".
    pub problem: String,
    /// What would work: "letters a-z, digits and hyphens, starting with a letter".
    pub hint: String,
}

impl Invalid {
    /// A problem with its hint.
    pub fn new(problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { problem: problem.into(), hint: hint.into() }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.problem, self.hint)
    }
}

impl std::error::Error for Invalid {}

/// Makes a newtype over a checked string: `FromStr`, `Display`, `as_str` and serde that checks again.
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = Invalid;
            fn from_str(text: &str) -> Result<Self, Invalid> {
                $check(text)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = Invalid;
            fn try_from(text: String) -> Result<Self, Invalid> {
                $check(&text)?;
                Ok(Self(text))
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
pub(crate) use checked_text;

/// The longest cluster name. Rancher takes 63; node names append `-cp-a-xxxxx-xxxxx` and have to stay under 63 too.
pub const CLUSTER_NAME_MAX: usize = 40;

checked_text! {
    /// The name of a cluster: at once directory, terraform state, branch and Rancher name.
    ///
    /// 2 to [`CLUSTER_NAME_MAX`] characters of `a-z`, `0-9` and single hyphens; starts with a letter, does not end with a hyphen. Refused besides:
    /// `local` and `c-xxxxx`, which Rancher keeps for itself, and `c-m-xxxxxxxx`, which reads like a management id.
    ClusterName, cluster_name
}

fn cluster_name(text: &str) -> Result<(), Invalid> {
    let hint =
        format!("2 to {CLUSTER_NAME_MAX} characters: a-z, 0-9 and hyphens, starting with a letter, such as teal-otter");
    let refuse = |problem: &str| Err(Invalid::new(problem, hint.clone()));
    let first = text.chars().next();
    if text.chars().count() < 2 {
        refuse("is too short")
    } else if text.chars().count() > CLUSTER_NAME_MAX {
        refuse("is too long")
    } else if text.chars().any(|c| c.is_ascii_uppercase()) {
        refuse("has capital letters")
    } else if !text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        refuse("has characters that a name cannot have")
    } else if !first.is_some_and(|c| c.is_ascii_lowercase()) {
        refuse("does not start with a letter")
    } else if text.ends_with('-') || text.contains("--") {
        refuse("has a hyphen at its end or two in a row")
    } else if text == "local" || is_rancher_id(text) {
        refuse("is kept by Rancher for itself")
    } else {
        Ok(())
    }
}

/// `c-xxxxx` and `c-m-xxxxxxxx` are the forms of Rancher's own management ids.
fn is_rancher_id(text: &str) -> bool {
    let plain = |rest: &str, len: usize| {
        rest.len() == len && rest.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    text.strip_prefix("c-m-").is_some_and(|rest| plain(rest, 8))
        || text.strip_prefix("c-").is_some_and(|rest| plain(rest, 5))
}

checked_text! {
    /// The name of a tenant: one team's or company's kaas.
    TenantName, slug
}

checked_text! {
    /// The name of a class of the catalogue, such as `aws`.
    ClassName, slug
}

checked_text! {
    /// The name of a size of a class, such as `small`.
    SizeName, slug
}

fn slug(text: &str) -> Result<(), Invalid> {
    let ok = (1..=32).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-');
    if ok {
        Ok(())
    } else {
        Err(Invalid::new(
            "is not a short lower-case name",
            "1 to 32 characters: a-z, 0-9 and hyphens, starting with a letter",
        ))
    }
}

checked_text! {
    /// A cloud region, such as `eu-west-1`.
    Region, slug
}

checked_text! {
    /// A Kubernetes version with its distribution, such as `v1.33.5+rke2r1`.
    KubernetesVersion, kubernetes_version
}

fn kubernetes_version(text: &str) -> Result<(), Invalid> {
    let invalid = || Invalid::new("is not a Kubernetes version", "such as v1.33.5+rke2r1 or v1.33.5+k3s1");
    let (version, distribution) = text.strip_prefix('v').and_then(|rest| rest.split_once('+')).ok_or_else(invalid)?;
    let numbers: Vec<_> = version.split('.').collect();
    let digits = |part: &str| !part.is_empty() && part.len() <= 3 && part.bytes().all(|b| b.is_ascii_digit());
    let known = ["rke2r", "k3s"].iter().any(|d| distribution.strip_prefix(d).is_some_and(digits));
    if numbers.len() == 3 && numbers.iter().all(|n| digits(n)) && known { Ok(()) } else { Err(invalid()) }
}

impl KubernetesVersion {
    /// How people say it: `RKE2 v1.33.5`.
    pub fn spoken(&self) -> String {
        let (version, distribution) = self.0.split_once('+').unwrap_or((&self.0, ""));
        let name = if distribution.starts_with("k3s") { "K3s" } else { "RKE2" };
        format!("{name} {version}")
    }
}

/// The longest reason that a person may give, in characters.
pub const REASON_MAX: usize = 300;

checked_text! {
    /// Why somebody wants something: one line of free text. Untrusted for ever: whoever shows it escapes it.
    Reason, reason
}

fn reason(text: &str) -> Result<(), Invalid> {
    if text.trim().is_empty() {
        Err(Invalid::new("is empty", "a few words, such as reason=\"load test of billing\""))
    } else if text.chars().count() > REASON_MAX {
        Err(Invalid::new("is too long", format!("at most {REASON_MAX} characters")))
    } else if text.chars().any(|c| c.is_control() || is_invisible(c)) {
        Err(Invalid::new("has line breaks or invisible characters", "one line of plain text"))
    } else {
        Ok(())
    }
}

/// Characters that change what a reader sees without being seen: bidirectional controls, zero-width marks, tags.
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

checked_text! {
    /// A ticket of the company's tracker, such as `OPS-77`.
    Ticket, ticket
}

fn ticket(text: &str) -> Result<(), Invalid> {
    let ok = (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'#' | b'/'))
        && !text.contains("..");
    if ok { Ok(()) } else { Err(Invalid::new("is not a ticket", "letters, digits and - _ . # /, such as OPS-77")) }
}

/// How long a cluster is wanted: whole hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ttl {
    hours: u32,
}

impl Ttl {
    /// The longest lifetime that can be written down: two years.
    pub const MAX: Self = Self { hours: 24 * 730 };

    /// A lifetime of whole hours, at least one, at most [`Ttl::MAX`].
    pub fn hours(hours: u32) -> Result<Self, Invalid> {
        if (1..=Self::MAX.hours).contains(&hours) { Ok(Self { hours }) } else { Err(Self::invalid()) }
    }

    /// As a length of time.
    pub fn duration(self) -> SignedDuration {
        SignedDuration::from_hours(i64::from(self.hours))
    }

    fn invalid() -> Invalid {
        Invalid::new("is not a lifetime", "a number with h, d or w, such as 8h, 7d or 2w")
    }
}

impl FromStr for Ttl {
    type Err = Invalid;

    /// `8h`, `7d`, `2w`.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(Self::invalid)?;
        let (number, unit) = text.split_at(split);
        let number: u32 = number.parse().map_err(|_| Self::invalid())?;
        let each = match unit.to_ascii_lowercase().as_str() {
            "h" | "hour" | "hours" => 1,
            "d" | "day" | "days" => 24,
            "w" | "week" | "weeks" => 168,
            _ => return Err(Self::invalid()),
        };
        Self::hours(number.checked_mul(each).ok_or_else(Self::invalid)?)
    }
}

impl fmt::Display for Ttl {
    /// `7 days`, `8 hours`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, unit) =
            if self.hours.is_multiple_of(24) { (self.hours / 24, "day") } else { (self.hours, "hour") };
        write!(f, "{number} {unit}{}", if number == 1 { "" } else { "s" })
    }
}

/// A filled-in request: what a person chose, and what the catalogue made of it at that moment.
///
/// It is frozen: a later edit of the catalogue changes nothing about a request that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// The cluster's name.
    pub name: ClusterName,
    /// The class of the catalogue.
    pub class: ClassName,
    /// The size of the class.
    pub size: SizeName,
    /// How many worker nodes.
    pub workers: u32,
    /// How many control plane nodes: the size's.
    pub control_planes: u32,
    /// The machine type of the nodes: the size's.
    pub instance_type: String,
    /// The Kubernetes version.
    pub kubernetes: KubernetesVersion,
    /// Where.
    pub region: Region,
    /// How long; `None` is without an end.
    pub ttl: Option<Ttl>,
    /// What for.
    pub reason: Option<Reason>,
    /// The ticket.
    pub ticket: Option<Ticket>,
    /// About what it costs a month, in whole US dollars.
    pub dollars_a_month: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_work_and_names_that_do_not() {
        for good in ["ab", "crucial-sandbox", "a1", "x-1-y", "c-abcd", "c-m-abcdefg", &"a".repeat(40)] {
            assert!(good.parse::<ClusterName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "a",
            "-ab",
            "ab-",
            "a--b",
            "Ab",
            "a_b",
            "a.b",
            "a b",
            "1ab",
            "local",
            "c-abcde",
            "c-m-abcdefgh",
            "${x}",
            "%{if}",
            "a\"b",
            "a\nb",
            "../up",
            "аlpha",
            "demo\u{200b}",
            &"a".repeat(41),
        ] {
            assert!(bad.parse::<ClusterName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn lifetimes() {
        assert_eq!("7d".parse::<Ttl>().unwrap().to_string(), "7 days");
        assert_eq!("1w".parse::<Ttl>().unwrap().to_string(), "7 days");
        assert_eq!("1h".parse::<Ttl>().unwrap().to_string(), "1 hour");
        for bad in ["", "7", "d", "0d", "-1d", "99999999999d", "4294967295w", "7x", "800d"] {
            assert!(bad.parse::<Ttl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn versions_as_people_say_them() {
        assert_eq!("v1.33.5+rke2r1".parse::<KubernetesVersion>().unwrap().spoken(), "RKE2 v1.33.5");
        assert_eq!("v1.33.5+k3s1".parse::<KubernetesVersion>().unwrap().spoken(), "K3s v1.33.5");
        for bad in ["1.33.5+rke2r1", "v1.33+rke2r1", "v1.33.5", "v1.33.5+eks", "v1.33.5+rke2r1\"", "v1..5+k3s1"] {
            assert!(bad.parse::<KubernetesVersion>().is_err(), "{bad}");
        }
    }
}
