//! The words about what the cloud has: cut in the chat, whole in the file, never called clean where something could not be read.

use super::*;
use crate::render::say::sample::{now, read};

fn leftover(kind: &str, id: &str, cents: Option<u64>) -> Leftover {
    Leftover {
        kind: kind.to_owned(),
        region: "eu-west-1".to_owned(),
        id: id.to_owned(),
        name: None,
        why: "tag kaas:cluster=teal-otter".to_owned(),
        cents_a_month: cents,
        remove: format!("aws ec2 remove {id}"),
    }
}

fn found(sure: usize, suspect: usize) -> Certificate {
    let list = |count: usize| (0..count).map(|n| leftover("volume", &format!("vol-{n}"), Some(160))).collect();
    Certificate {
        at: now(),
        asked: vec!["DescribeVolumes eu-west-1: 2 rows".to_owned()],
        digest: "0123456789abcdef".repeat(4),
        unread: vec!["snapshots in eu-west-1 (no right)".to_owned()],
        sure: list(sure),
        suspect: list(suspect),
        more: 0,
    }
}

#[test]
fn a_long_certificate_is_cut_in_the_chat_and_whole_in_the_file() {
    let mut long = found(130, 2);
    long.shorten();
    assert_eq!((long.sure.len(), long.more), (LISTED, 30));
    let shown = read(&orphans(&long));
    assert!(shown.contains("132 things in the cloud belong to no cluster"), "{shown}");
    assert!(shown.contains("and 122 more, in the file"), "{shown}");
    assert_eq!(certificate_text(&long).matches("vol-").count(), 2 * (LISTED + 2), "each with its command");
}

const LISTED: usize = crate::lifecycle::cloud::LISTED_MAX;

#[test]
fn what_could_not_be_read_is_never_called_clean() {
    let shown = read(&orphans(&found(0, 0)));
    insta::assert_snapshot!(shown, @"
    Nothing was found in the cloud that belongs to no cluster (1 call).
    Could not be read, so it is not known: snapshots in eu-west-1 (no right).
    ");
}

#[test]
fn the_certificate_as_a_file() {
    insta::assert_snapshot!(certificate_text(&found(1, 1)), @"
    at 2026-11-22T14:02:00Z
    digest 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef

    sure: 1
    - volume vol-0 in eu-west-1: tag kaas:cluster=teal-otter; about $2 a month
      aws ec2 remove vol-0

    suspect: 1
    - volume vol-0 in eu-west-1: tag kaas:cluster=teal-otter; about $2 a month
      aws ec2 remove vol-0

    could not be read: 1
    - snapshots in eu-west-1 (no right)

    asked: 1
    - DescribeVolumes eu-west-1: 2 rows
    ");
}
