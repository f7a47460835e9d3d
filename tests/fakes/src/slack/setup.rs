//! Setting a workspace up: people, groups, channels, scopes, faults, and the passing of time.

use std::collections::BTreeSet;
use std::time::Duration;

use super::FakeSlack;
use super::ids::{ChannelId, GroupId, UserId};
use super::options::{Delivery, Doubling, Fault, Faults, Next, Options};
use super::records::{Channel, Group, User};
use super::world::{BOT_USER, TEAM};

/// The people that the program starts with.
pub const PEOPLE: &[&str] = &["alice", "bob", "carol", "dave", "erin", "mallory", "guest", "robot"];

impl FakeSlack {
    /// Adds a full member of the workspace: `alice` is `U1ALICE` or the like, with the address `alice@bank.example`.
    pub fn add_user(&self, name: &str) -> UserId {
        self.inner.change(|world| {
            let id = UserId(format!("U{}{}", world.next(), name.to_uppercase().replace(['-', '_', '.', ' '], "")));
            world.users.insert(
                id.0.clone(),
                User {
                    id: id.clone(),
                    name: name.to_string(),
                    email: Some(format!("{name}@bank.example")),
                    team: TEAM.to_string(),
                    is_restricted: false,
                    is_ultra_restricted: false,
                    is_stranger: false,
                    deleted: false,
                    is_bot: false,
                },
            );
            id
        })
    }

    /// The people that the program starts with, all of them in `#clusters`: alice, bob, carol, dave, erin and mallory, a guest and a bot. Who is
    /// there already stays as they are.
    pub fn populate(&self) -> ChannelId {
        let known = |name: &str| self.user(name).map_or_else(|| self.add_user(name), |user| user.id);
        let users: Vec<UserId> = PEOPLE.iter().map(|name| known(name)).collect();
        self.set_user(&known("guest"), |user| user.is_restricted = true);
        self.set_user(&known("robot"), |user| user.is_bot = true);
        self.add_group("platform", &[&known("bob"), &known("carol"), &known("dave")]);
        let channel = self.channel("clusters").map_or_else(|| self.add_channel("clusters", &[]), |channel| channel.id);
        for user in &users {
            self.join(&channel, user);
        }
        channel
    }

    /// Changes what a person is: `slack.set_user(&guest, |user| user.is_restricted = true)`.
    pub fn set_user(&self, user: &str, change: impl FnOnce(&mut User)) {
        self.inner.change(|world| {
            if let Some(user) = world.users.get_mut(user) {
                change(user);
            }
        });
    }

    /// The person of this name, or of this id.
    pub fn user(&self, name: &str) -> Option<User> {
        self.inner.look(|world| {
            let by_name = || world.users.values().find(|user| user.name == name);
            world.users.get(name).or_else(by_name).cloned()
        })
    }

    /// Adds a user group.
    pub fn add_group(&self, handle: &str, users: &[&str]) -> GroupId {
        self.inner.change(|world| {
            let id = GroupId(format!("S{}", world.next()));
            let users = users.iter().map(|user| UserId::from(*user)).collect();
            world.groups.insert(id.0.clone(), Group { id: id.clone(), handle: handle.to_string(), users });
            id
        })
    }

    /// Replaces the members of a user group.
    pub fn set_group(&self, group: &str, users: &[&str]) {
        self.inner.change(|world| {
            if let Some(group) = world.groups.get_mut(group) {
                group.users = users.iter().map(|user| UserId::from(*user)).collect();
            }
        });
    }

    /// Adds a public channel with these people and the bot in it.
    pub fn add_channel(&self, name: &str, members: &[&str]) -> ChannelId {
        self.make_channel(name, members, false)
    }

    /// Adds a private channel with these people and the bot in it.
    pub fn add_private_channel(&self, name: &str, members: &[&str]) -> ChannelId {
        self.make_channel(name, members, true)
    }

    fn make_channel(&self, name: &str, members: &[&str], is_private: bool) -> ChannelId {
        self.inner.change(|world| {
            let id = ChannelId(format!("C{}{}", world.next(), name.to_uppercase().replace(['-', '_', ' '], "")));
            let mut members: BTreeSet<String> = members.iter().map(ToString::to_string).collect();
            members.insert(BOT_USER.to_string());
            world.channels.insert(
                id.0.clone(),
                Channel {
                    id: id.clone(),
                    name: name.to_string(),
                    members,
                    is_private,
                    is_im: false,
                    is_archived: false,
                    is_ext_shared: false,
                    created: 1_700_000_000,
                },
            );
            id
        })
    }

    /// Changes a channel: `slack.set_channel(&channel, |channel| channel.is_archived = true)`.
    pub fn set_channel(&self, channel: &str, change: impl FnOnce(&mut Channel)) {
        self.inner.change(|world| {
            if let Some(channel) = world.channels.get_mut(channel) {
                change(channel);
            }
        });
    }

    /// Takes somebody into a channel; the bot is [`BOT_USER`].
    pub fn join(&self, channel: &str, user: &str) {
        self.set_channel(channel, |channel| {
            channel.members.insert(user.to_string());
        });
    }

    /// Takes somebody out of a channel.
    pub fn leave(&self, channel: &str, user: &str) {
        self.set_channel(channel, |channel| {
            channel.members.remove(user);
        });
    }

    /// The channel of this name, or of this id.
    pub fn channel(&self, name: &str) -> Option<Channel> {
        let name = name.trim_start_matches('#');
        self.inner.look(|world| {
            let by_name = || world.channels.values().find(|channel| !channel.is_im && channel.name == name);
            world.channels.get(name).or_else(by_name).cloned()
        })
    }

    /// What the bot token may do from now on.
    pub fn set_scopes(&self, scopes: &[&str]) {
        self.set_options(|options| options.scopes = scopes.iter().map(ToString::to_string).collect());
    }

    /// Takes one scope from the bot token.
    pub fn without_scope(&self, scope: &str) {
        self.set_options(|options| {
            options.scopes.remove(scope);
        });
    }

    /// Where people's doings go from now on.
    pub fn deliver_over(&self, delivery: Delivery) {
        self.set_options(|options| options.delivery = delivery);
    }

    /// Changes how the workspace behaves.
    pub fn set_options(&self, change: impl FnOnce(&mut Options)) {
        self.inner.change(|world| change(&mut world.options));
    }

    /// Changes what goes wrong.
    pub fn set_faults(&self, change: impl FnOnce(&mut Faults)) {
        self.inner.change(|world| change(&mut world.faults));
    }

    /// Nothing goes wrong any more.
    pub fn heal(&self) {
        self.set_faults(|faults| *faults = Faults::default());
    }

    /// Slack is down: every call answers 503, no socket opens, and those that are open break.
    pub fn go_down(&self) {
        self.set_faults(|faults| faults.down = Some(Fault::Status(503)));
        self.drop_all_sockets();
    }

    /// The next so many calls of a method (`*` for any) fail so.
    pub fn fail_next(&self, method: &str, calls: u32, fault: Fault) {
        let method = method.to_string();
        self.set_faults(|faults| faults.next.push(Next { method, left: calls, fault }));
    }

    /// Every doing is delivered so often from now on.
    pub fn deliver(&self, doubling: Doubling) {
        self.set_faults(|faults| faults.doubling = doubling);
    }

    /// Lets time pass at once: for triggers, response urls and rates. Waits for acknowledgements and redeliveries go by the wall clock.
    pub fn pass(&self, time: Duration) {
        self.inner.change(|world| world.skip(time));
    }
}
