//! A row that is left, as people read it: what it is, why it counts, what it costs, and the command that removes it.

use super::prices::{self, Prices};
use super::rows::{Address, Balancer, Group, Instance, Interface, Key, Snapshot, Spot, Tags, Volume};
use crate::lifecycle::cloud::Leftover;

/// What an ARN of Elastic Load Balancing is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BalancerKind {
    /// A classic load balancer.
    Classic,
    /// An application, network or gateway load balancer.
    Modern,
    /// A target group.
    TargetGroup,
    /// Something that kaas does not know.
    Other,
}

/// Tells by the last part of the ARN: `loadbalancer/a1b2`, `loadbalancer/net/a1b2/c3`, `targetgroup/k8s-x/c3`.
pub(super) fn balancer_kind(arn: &str) -> BalancerKind {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    let parts: Vec<&str> = resource.split('/').collect();
    match parts.as_slice() {
        ["loadbalancer", _] => BalancerKind::Classic,
        ["loadbalancer", "app" | "net" | "gwy", ..] => BalancerKind::Modern,
        ["targetgroup", ..] => BalancerKind::TargetGroup,
        _ => BalancerKind::Other,
    }
}

/// Makes leftovers of one region's rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shaper<'a> {
    pub region: &'a str,
    pub prices: &'a Prices,
}

impl Shaper<'_> {
    pub fn instance(&self, row: &Instance, why: String) -> Leftover {
        let remove = self.aws("ec2 terminate-instances", "--instance-ids", &row.id);
        self.leftover("instance", &row.id, name(&row.tags), why, self.prices.instance(row), remove)
    }

    pub fn volume(&self, row: &Volume, why: String) -> Leftover {
        let remove = self.aws("ec2 delete-volume", "--volume-id", &row.id);
        let name = name(&row.tags).or_else(|| row.tags.get("CSIVolumeName").cloned());
        self.leftover("volume", &row.id, name, why, prices::volume(row), remove)
    }

    pub fn key(&self, row: &Key, why: String) -> Leftover {
        let remove = self.aws("ec2 delete-key-pair", "--key-name", &row.name);
        self.leftover("key pair", &row.id, Some(row.name.clone()), why, Some(0), remove)
    }

    pub fn group(&self, row: &Group, why: String) -> Leftover {
        let remove = self.aws("ec2 delete-security-group", "--group-id", &row.id);
        self.leftover("security group", &row.id, Some(row.name.clone()), why, Some(0), remove)
    }

    pub fn interface(&self, row: &Interface, why: String) -> Leftover {
        let remove = self.aws("ec2 delete-network-interface", "--network-interface-id", &row.id);
        self.leftover("network interface", &row.id, name(&row.tags), why, Some(0), remove)
    }

    pub fn spot(&self, row: &Spot, why: String) -> Leftover {
        let remove = self.aws("ec2 cancel-spot-instance-requests", "--spot-instance-request-ids", &row.id);
        self.leftover("spot request", &row.id, name(&row.tags), why, None, remove)
    }

    pub fn snapshot(&self, row: &Snapshot, why: String) -> Leftover {
        let remove = self.aws("ec2 delete-snapshot", "--snapshot-id", &row.id);
        self.leftover("snapshot", &row.id, name(&row.tags), why, prices::snapshot(row), remove)
    }

    pub fn address(&self, row: &Address, why: String) -> Leftover {
        let remove = self.aws("ec2 release-address", "--allocation-id", &row.id);
        let name = name(&row.tags).unwrap_or_else(|| row.ip.clone());
        self.leftover("address", &row.id, Some(name), why, prices::address(), remove)
    }

    pub fn balancer(&self, row: &Balancer, why: String) -> Leftover {
        let last = row.arn.splitn(6, ':').nth(5).unwrap_or(&row.arn);
        let (kind, name, remove) = match balancer_kind(&row.arn) {
            BalancerKind::Classic => {
                let name = last.trim_start_matches("loadbalancer/");
                let remove = self.aws("elb delete-load-balancer", "--load-balancer-name", name);
                ("load balancer", Some(name.to_owned()), remove)
            }
            BalancerKind::TargetGroup => {
                let remove = self.aws("elbv2 delete-target-group", "--target-group-arn", &row.arn);
                ("target group", last.split('/').nth(1).map(str::to_owned), remove)
            }
            BalancerKind::Modern | BalancerKind::Other => {
                let remove = self.aws("elbv2 delete-load-balancer", "--load-balancer-arn", &row.arn);
                ("load balancer", last.split('/').nth(2).map(str::to_owned), remove)
            }
        };
        self.leftover(kind, last, name, why, prices::balancer(&row.arn), remove)
    }

    fn leftover(
        &self,
        kind: &str,
        id: &str,
        name: Option<String>,
        why: String,
        cents_a_month: Option<u64>,
        remove: String,
    ) -> Leftover {
        let (kind, id) = (kind.to_owned(), id.to_owned());
        Leftover { kind, region: self.region.to_owned(), id, name, why, cents_a_month, remove }
    }

    fn aws(&self, command: &str, option: &str, value: &str) -> String {
        format!("aws {command} --region {} {option} {}", word(self.region), word(value))
    }
}

fn name(tags: &Tags) -> Option<String> {
    tags.get("Name").filter(|name| !name.is_empty()).cloned()
}

/// A word of a shell's line: whatever a name holds, it stays one word and runs nothing.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@=+".contains(c);
    if !text.is_empty() && text.chars().all(plain) && !text.starts_with('-') {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_word_of_the_shell() {
        assert_eq!(word("i-0abc"), "i-0abc");
        assert_eq!(word("it's; rm -rf /"), r"'it'\''s; rm -rf /'");
        assert_eq!((word(""), word("-x")), ("''".to_owned(), "'-x'".to_owned()));
    }

    #[test]
    fn balancers_are_told_apart() {
        let arn = |last: &str| balancer_kind(&format!("arn:aws:elasticloadbalancing:eu-west-1:123456789012:{last}"));
        assert_eq!(arn("loadbalancer/a1b2"), BalancerKind::Classic);
        assert_eq!(arn("loadbalancer/net/a1b2/0f"), BalancerKind::Modern);
        assert_eq!(arn("targetgroup/k8s-a1/0f"), BalancerKind::TargetGroup);
        assert_eq!(arn("listener/app/a/b/c"), BalancerKind::Other);
    }
}
