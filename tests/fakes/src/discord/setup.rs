//! Setting a guild up: people, roles, channels, rights, faults, and the passing of time.

use std::time::Duration;

use serde_json::json;

use super::options::{Delivery, Options};
use super::permissions::{self, VIEW_CHANNEL};
use super::records::{Channel, Id, Overwrite, Person, Role};
use super::{FakeDiscord, Fault, FaultKind, shape};

/// The people that the program starts with.
pub const PEOPLE: &[&str] = &["alice", "bob", "carol", "dave", "erin", "mallory", "robot"];

impl FakeDiscord {
    /// Adds a member without roles.
    pub fn add_user(&self, name: &str) -> Id {
        self.inner.change(|world| world.put_person(name, false))
    }

    /// Adds another bot.
    pub fn add_bot(&self, name: &str) -> Id {
        self.inner.change(|world| world.put_person(name, true))
    }

    /// Changes what a person is: `discord.set_person(bob, |bob| bob.left = true)`.
    pub fn set_person(&self, user: Id, change: impl FnOnce(&mut Person)) {
        self.inner.change(|world| {
            if let Some(person) = world.people.get_mut(&user) {
                change(person);
            }
        });
    }

    /// The person of this name, or of this id.
    pub fn person(&self, name: &str) -> Option<Person> {
        self.inner.look(|world| {
            let by_id = name.parse().ok().and_then(|id| world.people.get(&id));
            by_id.or_else(|| world.people.values().find(|person| person.name == name)).cloned()
        })
    }

    /// Gives a person a role.
    pub fn grant(&self, user: Id, role: Id) {
        self.set_person(user, |person| {
            if !person.roles.contains(&role) {
                person.roles.push(role);
            }
        });
    }

    /// Takes a role from a person.
    pub fn revoke(&self, user: Id, role: Id) {
        self.set_person(user, |person| person.roles.retain(|known| *known != role));
    }

    /// Times a member out from now on.
    pub fn time_out(&self, user: Id, time: Duration) {
        let until = self.inner.look(|world| world.now_ms()) + u64::try_from(time.as_millis()).unwrap_or(u64::MAX / 2);
        self.set_person(user, |person| person.timed_out_until_ms = Some(until));
    }

    /// A member leaves the guild; their roles are lost with it.
    pub fn leave(&self, user: Id) {
        self.set_person(user, |person| {
            person.left = true;
            person.roles.clear();
        });
    }

    /// Adds a role that permits nothing of its own.
    pub fn add_role(&self, name: &str) -> Id {
        self.inner.change(|world| {
            let id = world.next_id();
            let position = world.roles.len() as u64;
            world.roles.insert(id, Role { id, name: name.to_string(), permissions: 0, position, managed: false });
            id
        })
    }

    /// Changes a role: `discord.set_role(discord.bot_role(), |role| role.permissions = 0)`.
    pub fn set_role(&self, role: Id, change: impl FnOnce(&mut Role)) {
        let told = self.inner.change(|world| {
            let role = world.roles.get_mut(&role)?;
            change(role);
            let role = shape::role(role);
            Some(json!({ "guild_id": world.guild, "role": role }))
        });
        if let Some(data) = told {
            self.inner.tell("GUILD_ROLE_UPDATE", data, None);
        }
    }

    /// The role of this name, or of this id; `@everyone` has the guild's.
    pub fn role(&self, name: &str) -> Option<Role> {
        self.inner.look(|world| {
            let by_id = name.parse().ok().and_then(|id| world.roles.get(&id));
            by_id.or_else(|| world.roles.values().find(|role| role.name == name)).cloned()
        })
    }

    /// Adds a text channel that everyone sees and writes in.
    pub fn add_channel(&self, name: &str) -> Id {
        self.inner.change(|world| {
            let id = world.next_id();
            world.put_channel(id, 0, name).id
        })
    }

    /// Adds a text channel that only these people see; the bot if it is among them.
    pub fn add_private_channel(&self, name: &str, users: &[Id]) -> Id {
        let channel = self.add_channel(name);
        let everyone = self.guild();
        self.set_channel(channel, |channel| {
            channel.overwrites = vec![Overwrite { id: everyone, is_role: true, allow: 0, deny: VIEW_CHANNEL }];
            let own = users.iter().map(|id| Overwrite { id: *id, is_role: false, allow: VIEW_CHANNEL, deny: 0 });
            channel.overwrites.extend(own);
        });
        channel
    }

    /// Changes a channel or a thread: `discord.set_channel(thread, |thread| thread.archived = true)`.
    pub fn set_channel(&self, channel: Id, change: impl FnOnce(&mut Channel)) {
        let told = self.inner.change(|world| {
            let place = world.channels.get_mut(&channel)?;
            change(place);
            let place = place.clone();
            let name = match (place.is_thread(), place.deleted) {
                (true, true) => "THREAD_DELETE",
                (true, false) => "THREAD_UPDATE",
                (false, true) => "CHANNEL_DELETE",
                (false, false) => "CHANNEL_UPDATE",
            };
            (!place.is_dm()).then(|| (name, shape::channel(world, &place)))
        });
        if let Some((name, data)) = told {
            self.inner.tell(name, data, Some(channel));
        }
    }

    /// Takes these permissions from the bot in a channel: `discord.deny(channel, permissions::SEND_MESSAGES)`.
    pub fn deny(&self, channel: Id, permissions: u64) {
        self.overwrite(channel, |own| {
            own.deny |= permissions;
            own.allow &= !permissions;
        });
    }

    /// Gives the bot these permissions in a channel again.
    pub fn allow(&self, channel: Id, permissions: u64) {
        self.overwrite(channel, |own| {
            own.allow |= permissions;
            own.deny &= !permissions;
        });
    }

    fn overwrite(&self, channel: Id, change: impl FnOnce(&mut Overwrite)) {
        let bot = self.bot();
        self.set_channel(channel, |channel| {
            let at = channel.overwrites.iter().position(|one| one.id == bot && !one.is_role).unwrap_or_else(|| {
                channel.overwrites.push(Overwrite { id: bot, is_role: false, allow: 0, deny: 0 });
                channel.overwrites.len() - 1
            });
            change(&mut channel.overwrites[at]);
        });
    }

    /// The channel or thread of this name, or of this id.
    pub fn channel(&self, name: &str) -> Option<Channel> {
        let name = name.trim_start_matches('#');
        self.inner.change(|world| {
            let by_id = name.parse().ok().filter(|id| world.channels.contains_key(id));
            let by_name = || world.channels.values().find(|one| !one.is_dm() && one.name == name).map(|one| one.id);
            by_id.or_else(by_name).and_then(|id| world.channel(id))
        })
    }

    /// The people that the program starts with: bob, carol and dave have the role `platform`, and robot is a bot. Who is there already stays as
    /// they are. All see `#clusters`.
    pub fn populate(&self) -> Id {
        let role = self.role("platform").map_or_else(|| self.add_role("platform"), |role| role.id);
        for name in PEOPLE {
            let add = || if *name == "robot" { self.add_bot(name) } else { self.add_user(name) };
            let user = self.person(name).map_or_else(add, |person| person.id);
            if matches!(*name, "bob" | "carol" | "dave") {
                self.grant(user, role);
            }
        }
        self.channel("clusters").map_or_else(|| self.add_channel("clusters"), |channel| channel.id)
    }

    /// Changes how the guild behaves.
    pub fn set_options(&self, change: impl FnOnce(&mut Options)) {
        self.inner.change(|world| change(&mut world.options));
    }

    /// Changes how events are delivered: doubled, late, not at all.
    pub fn deliver(&self, change: impl FnOnce(&mut Delivery)) {
        self.inner.change(|world| change(&mut world.delivery));
    }

    /// Heartbeats are answered no more, and nothing is sent: every connection only looks alive; or all is well again.
    pub fn zombie(&self, is_zombie: bool) {
        self.deliver(|delivery| delivery.zombie = is_zombie);
    }

    /// Discord is down: every call answers 503, no connection opens, and those that are open break.
    pub fn go_down(&self) {
        self.deliver(|delivery| delivery.offline = true);
        self.cut_all();
    }

    /// The calls of a method (`*` for any) and a path without `/api/v10` (`*` stands for anything) go wrong: the next so many, or all.
    pub fn fail(&self, method: &str, path: &str, times: Option<u32>, kind: FaultKind) {
        let fault = Fault { method: method.to_string(), path: path.to_string(), times, kind };
        self.inner.change(|world| world.faults.list.push(fault));
    }

    /// Every call takes so much longer.
    pub fn latency(&self, latency: Duration) {
        self.inner.change(|world| world.faults.latency = latency);
    }

    /// Nothing goes wrong any more.
    pub fn heal(&self) {
        self.inner.change(|world| {
            world.faults = crate::fault::Faults::default();
            world.delivery = Delivery::default();
        });
    }

    /// Lets time pass at once: for interactions and their tokens, nonces, rates, quiet threads and sessions. Heartbeats go by the wall clock.
    pub fn pass(&self, time: Duration) {
        self.inner.change(|world| world.skip(time));
    }

    /// The time of the guild, in milliseconds since 1970.
    pub fn now_ms(&self) -> u64 {
        self.inner.look(|world| world.now_ms())
    }

    /// Whether the bot has all of these permissions in a channel.
    pub fn bot_may(&self, channel: Id, permissions: u64) -> bool {
        self.inner.look(|world| {
            let place = world.channels.get(&channel);
            place.is_some_and(|place| permissions::in_channel(world, world.bot, place) & permissions == permissions)
        })
    }
}
