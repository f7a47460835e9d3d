//! Who may do what where: roles of the guild, then what a channel allows and denies, as Discord computes it.

use super::records::{Channel, Id};
use super::world::World;

/// The permissions that are known here: name and bit.
pub const PERMISSIONS: &[(&str, u64)] = &[
    ("ADMINISTRATOR", ADMINISTRATOR),
    ("MANAGE_GUILD", 1 << 5),
    ("ADD_REACTIONS", ADD_REACTIONS),
    ("VIEW_CHANNEL", VIEW_CHANNEL),
    ("SEND_MESSAGES", SEND_MESSAGES),
    ("MANAGE_MESSAGES", MANAGE_MESSAGES),
    ("EMBED_LINKS", EMBED_LINKS),
    ("ATTACH_FILES", ATTACH_FILES),
    ("READ_MESSAGE_HISTORY", READ_MESSAGE_HISTORY),
    ("MENTION_EVERYONE", MENTION_EVERYONE),
    ("USE_APPLICATION_COMMANDS", USE_APPLICATION_COMMANDS),
    ("MANAGE_THREADS", MANAGE_THREADS),
    ("CREATE_PUBLIC_THREADS", CREATE_PUBLIC_THREADS),
    ("CREATE_PRIVATE_THREADS", CREATE_PRIVATE_THREADS),
    ("SEND_MESSAGES_IN_THREADS", SEND_MESSAGES_IN_THREADS),
];

/// Everything.
pub const ADMINISTRATOR: u64 = 1 << 3;
/// React with an emoji that nobody has reacted with.
pub const ADD_REACTIONS: u64 = 1 << 6;
/// See a channel at all.
pub const VIEW_CHANNEL: u64 = 1 << 10;
/// Write in a channel.
pub const SEND_MESSAGES: u64 = 1 << 11;
/// Delete what others wrote.
pub const MANAGE_MESSAGES: u64 = 1 << 13;
/// Write embeds.
pub const EMBED_LINKS: u64 = 1 << 14;
/// Attach files.
pub const ATTACH_FILES: u64 = 1 << 15;
/// Read what was written before.
pub const READ_MESSAGE_HISTORY: u64 = 1 << 16;
/// Ping everyone.
pub const MENTION_EVERYONE: u64 = 1 << 17;
/// Use slash commands.
pub const USE_APPLICATION_COMMANDS: u64 = 1 << 31;
/// Archive and lock threads of others.
pub const MANAGE_THREADS: u64 = 1 << 34;
/// Start a thread.
pub const CREATE_PUBLIC_THREADS: u64 = 1 << 35;
/// Start a private thread.
pub const CREATE_PRIVATE_THREADS: u64 = 1 << 36;
/// Write in a thread.
pub const SEND_MESSAGES_IN_THREADS: u64 = 1 << 38;

/// What kaas asks for when it is invited.
pub const INVITED: u64 = VIEW_CHANNEL
    | SEND_MESSAGES
    | EMBED_LINKS
    | ATTACH_FILES
    | READ_MESSAGE_HISTORY
    | ADD_REACTIONS
    | CREATE_PUBLIC_THREADS
    | SEND_MESSAGES_IN_THREADS;

/// What everyone in a guild may by default.
pub(crate) const EVERYONE: u64 = INVITED | USE_APPLICATION_COMMANDS;

/// What a timed-out member keeps.
const TIMED_OUT: u64 = VIEW_CHANNEL | READ_MESSAGE_HISTORY;

/// The bit of a permission.
pub(crate) fn bit(name: &str) -> Option<u64> {
    PERMISSIONS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, bit)| *bit)
}

/// What a member may in the guild, before any channel.
pub(crate) fn in_guild(world: &World, user: Id) -> u64 {
    let Some(person) = world.people.get(&user).filter(|person| !person.left) else { return 0 };
    let of = |role: &Id| world.roles.get(role).map_or(0, |role| role.permissions);
    let all = person.roles.iter().map(of).fold(of(&world.guild), |all, one| all | one);
    if all & ADMINISTRATOR != 0 || user == world.owner {
        return u64::MAX;
    }
    all
}

/// What a member may in a channel; a thread has its parent's permissions.
pub(crate) fn in_channel(world: &World, user: Id, channel: &Channel) -> u64 {
    if channel.is_dm() {
        return if channel.recipient == Some(user) || user == world.bot { INVITED } else { 0 };
    }
    let base = in_guild(world, user);
    if base == u64::MAX || base == 0 {
        return base;
    }
    let place = channel.parent.and_then(|parent| world.channels.get(&parent)).unwrap_or(channel);
    let Some(person) = world.people.get(&user) else { return 0 };
    let mut all = base;
    let mut apply = |allow: u64, deny: u64| all = all & !deny | allow;
    for one in place.overwrites.iter().filter(|one| one.is_role && one.id == world.guild) {
        apply(one.allow, one.deny);
    }
    let of_roles = place.overwrites.iter().filter(|one| one.is_role && person.roles.contains(&one.id));
    let (allow, deny) = of_roles.fold((0, 0), |(allow, deny), one| (allow | one.allow, deny | one.deny));
    apply(allow, deny);
    for one in place.overwrites.iter().filter(|one| !one.is_role && one.id == user) {
        apply(one.allow, one.deny);
    }
    if person.timed_out_until_ms.is_some_and(|until| until > world.now_ms()) {
        all &= TIMED_OUT;
    }
    // Who cannot see it cannot do anything there; who cannot write cannot embed or attach.
    if all & VIEW_CHANNEL == 0 {
        return 0;
    }
    if all & SEND_MESSAGES == 0 {
        let also = if channel.is_thread() { 0 } else { EMBED_LINKS | ATTACH_FILES };
        all &= !(also | MENTION_EVERYONE);
    }
    all
}
