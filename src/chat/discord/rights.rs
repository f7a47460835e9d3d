//! What kaas needs to be allowed in its channel, and what it is allowed there: roles of the server, then what the channel allows and denies.
//!
//! See <https://docs.discord.com/developers/topics/permissions>. Nothing here does I/O.

use serde_json::Value;

/// A right that kaas needs in its channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Right {
    /// As Discord calls it.
    pub name: &'static str,
    /// Its bit.
    bit: u64,
    /// What it is needed for.
    pub why: &'static str,
}

/// Everything is allowed.
const ADMINISTRATOR: u64 = 1 << 3;

/// What kaas needs: 309237763136 together.
pub(super) const RIGHTS: [Right; 8] = [
    Right { name: "View Channel", bit: 1 << 10, why: "cards and reactions" },
    Right { name: "Send Messages", bit: 1 << 11, why: "cards" },
    Right { name: "Embed Links", bit: 1 << 14, why: "cards" },
    Right { name: "Attach Files", bit: 1 << 15, why: "whole plans" },
    Right { name: "Read Message History", bit: 1 << 16, why: "cards and reactions from before a restart" },
    Right { name: "Add Reactions", bit: 1 << 6, why: "showing where to vote" },
    Right { name: "Create Public Threads", bit: 1 << 35, why: "the thread of a change" },
    Right { name: "Send Messages in Threads", bit: 1 << 38, why: "the thread of a change" },
];

/// Those that are missing from what is allowed.
pub(super) fn missing(allowed: u64) -> Vec<Right> {
    if allowed & ADMINISTRATOR != 0 {
        return Vec::new();
    }
    // Who does not see a channel may do nothing there.
    let allowed = if allowed & RIGHTS[0].bit == 0 { 0 } else { allowed };
    RIGHTS.into_iter().filter(|right| allowed & right.bit == 0).collect()
}

/// What a member is allowed in a channel of a server, as Discord computes it.
pub(super) fn allowed(guild: &Value, channel: &Value, member: &Value) -> u64 {
    let user = &member["user"]["id"];
    if guild["owner_id"] == *user {
        return u64::MAX;
    }
    let roles: Vec<&Value> = member["roles"].as_array().into_iter().flatten().collect();
    let all = guild["roles"].as_array().into_iter().flatten();
    let base = all
        .filter(|role| role["id"] == guild["id"] || roles.contains(&&role["id"]))
        .fold(0, |sum, role| sum | bits(&role["permissions"]));
    if base & ADMINISTRATOR != 0 {
        return u64::MAX;
    }
    let overwrites = || channel["permission_overwrites"].as_array().into_iter().flatten();
    let mut allowed = base;
    let mut change = |picked: &dyn Fn(&Value) -> bool| {
        let (mut deny, mut allow) = (0, 0);
        for one in overwrites().filter(|one| picked(one)) {
            deny |= bits(&one["deny"]);
            allow |= bits(&one["allow"]);
        }
        allowed = allowed & !deny | allow;
    };
    change(&|one| one["id"] == guild["id"]);
    change(&|one| one["id"] != guild["id"] && roles.contains(&&one["id"]));
    change(&|one| one["id"] == *user);
    allowed
}

/// A set of permissions: a number in a text.
pub(super) fn bits(value: &Value) -> u64 {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn they_are_those_of_the_invitation() {
        let all: u64 = RIGHTS.iter().map(|right| right.bit).sum();
        assert_eq!(all, 309_237_763_136);
        assert!(missing(all).is_empty() && missing(ADMINISTRATOR).is_empty());
        assert_eq!(missing(all & !(1 << 10)).len(), 8, "who does not see a channel may do nothing there");
    }

    #[test]
    fn a_channel_changes_what_roles_allow_for_all_then_roles_then_the_member() {
        let role = |id: &str, bits: u64| json!({ "id": id, "permissions": bits.to_string() });
        let guild = json!({ "id": "1", "owner_id": "9", "roles": [role("1", 1 << 10), role("2", 1 << 11), role("3", 1 << 14)] });
        let member = json!({ "user": { "id": "7" }, "roles": ["2"] });
        let over =
            |id: &str, allow: u64, deny: u64| json!({ "id": id, "allow": allow.to_string(), "deny": deny.to_string() });
        let channel = |all: Value| json!({ "permission_overwrites": all });
        let plain = 1 << 10 | 1 << 11;
        assert_eq!(allowed(&guild, &channel(json!([])), &member), plain);
        assert_eq!(allowed(&guild, &channel(json!([over("1", 0, 1 << 10)])), &member), 1 << 11);
        assert_eq!(allowed(&guild, &channel(json!([over("2", 1 << 10, 0), over("1", 0, 1 << 10)])), &member), plain);
        assert_eq!(allowed(&guild, &channel(json!([over("2", 1 << 15, 0), over("7", 0, 1 << 15)])), &member), plain);
        assert_eq!(
            allowed(&guild, &channel(json!([over("3", 1 << 15, plain)])), &member),
            plain,
            "a role that they do not have"
        );
        let owner = json!({ "user": { "id": "9" }, "roles": [] });
        assert_eq!(allowed(&guild, &channel(json!([over("1", 0, u64::MAX)])), &owner), u64::MAX);
    }
}
