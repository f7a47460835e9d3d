//! The keys under which the sled store keeps things; their order is the order of names and numbers.
//!
//! Keys: `r/<tenant>/<name>` a record, `j/<tenant>/<name>/<number>` a journal entry, `n/<tenant>` the last drawn change number,
//! `b/<tenant>/<number>` an entry of a tenant's book.

use crate::lifecycle::ClusterKey;
use crate::lifecycle::form::TenantName;

pub(super) fn record_key(key: &ClusterKey) -> Vec<u8> {
    format!("r/{key}").into_bytes()
}

pub(super) fn journal_prefix(key: &ClusterKey) -> Vec<u8> {
    format!("j/{key}/").into_bytes()
}

/// Whose journal an entry's key belongs to.
pub(super) fn journal_key(bytes: &[u8]) -> Option<ClusterKey> {
    let (prefix, _number) = bytes.split_at_checked(bytes.len().checked_sub(size_of::<u64>())?)?;
    let (tenant, name) = std::str::from_utf8(prefix).ok()?.strip_prefix("j/")?.strip_suffix('/')?.split_once('/')?;
    Some(ClusterKey { tenant: tenant.parse().ok()?, name: name.parse().ok()? })
}

pub(super) fn entry_key(key: &ClusterKey, number: u64) -> Vec<u8> {
    let mut bytes = journal_prefix(key);
    bytes.extend_from_slice(&number.to_be_bytes());
    bytes
}

pub(super) fn number_key(tenant: &TenantName) -> Vec<u8> {
    format!("n/{tenant}").into_bytes()
}

pub(super) fn book_prefix(tenant: &TenantName) -> Vec<u8> {
    format!("b/{tenant}/").into_bytes()
}

pub(super) fn book_key(tenant: &TenantName, number: u64) -> Vec<u8> {
    let mut bytes = book_prefix(tenant);
    bytes.extend_from_slice(&number.to_be_bytes());
    bytes
}

pub(super) fn number(bytes: &[u8]) -> u64 {
    bytes.try_into().map_or(0, u64::from_be_bytes)
}
