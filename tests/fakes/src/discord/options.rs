//! How a fake Discord behaves, and what goes wrong in it on purpose: everything has Discord's own value as its default.

use std::time::Duration;

use serde::Serialize;

/// The gateway intents that are known here, by their bits.
pub mod intents {
    /// Guilds, roles, channels and threads.
    pub const GUILDS: u64 = 1 << 0;
    /// Members of a guild: privileged.
    pub const GUILD_MEMBERS: u64 = 1 << 1;
    /// Presences: privileged.
    pub const GUILD_PRESENCES: u64 = 1 << 8;
    /// Messages of a guild.
    pub const GUILD_MESSAGES: u64 = 1 << 9;
    /// Reactions in a guild.
    pub const GUILD_MESSAGE_REACTIONS: u64 = 1 << 10;
    /// Direct messages.
    pub const DIRECT_MESSAGES: u64 = 1 << 12;
    /// Reactions in direct messages.
    pub const DIRECT_MESSAGE_REACTIONS: u64 = 1 << 13;
    /// What messages of others say: privileged.
    pub const MESSAGE_CONTENT: u64 = 1 << 15;
    /// Those that an application has to be allowed.
    pub const PRIVILEGED: u64 = GUILD_MEMBERS | GUILD_PRESENCES | MESSAGE_CONTENT;
    /// Every bit that Discord gives a meaning to.
    pub const KNOWN: u64 = 0x003f_ffff & !(0b111 << 17) | (1 << 20) | (1 << 21) | (1 << 24) | (1 << 25);
}

/// How a guild behaves.
#[derive(Debug, Clone, Serialize)]
pub struct Options {
    /// The port to listen on; 0 takes a free one.
    pub port: u16,
    /// How often a client is to send a heartbeat.
    pub heartbeat: Duration,
    /// The privileged intents that the application was allowed in the portal.
    pub privileged: u64,
    /// How far apart two IDENTIFYs are.
    pub identify_every: Duration,
    /// IDENTIFYs a day.
    pub identifies_a_day: u32,
    /// What a client may send over one connection in a minute.
    pub sends_a_minute: u32,
    /// How soon an interaction is to be answered.
    pub answer_within: Duration,
    /// How long an interaction's token lives.
    pub token_life: Duration,
    /// How long a nonce gives the same message back.
    pub nonce_life: Duration,
    /// Whether the routes' own rates hold.
    pub rates: bool,
    /// Requests a second over all routes; those of interactions do not count.
    pub global_a_second: u32,
    /// Requests within ten minutes that may be answered 401, 403 or 429 before the address is shut out.
    pub invalid_in_ten_minutes: u32,
    /// Commands that may be created in a day.
    pub command_creates_a_day: u32,
    /// Members of the guild that are told with GUILD_CREATE: above it `large` is true.
    pub large_threshold: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            heartbeat: Duration::from_millis(41_250),
            privileged: 0,
            identify_every: Duration::from_secs(5),
            identifies_a_day: 1000,
            sends_a_minute: 120,
            answer_within: Duration::from_secs(3),
            token_life: Duration::from_secs(15 * 60),
            nonce_life: Duration::from_secs(5 * 60),
            rates: true,
            global_a_second: 50,
            invalid_in_ten_minutes: 10_000,
            command_creates_a_day: 200,
            large_threshold: 250,
        }
    }
}

impl Options {
    /// For tests that reconnect and speak a lot: no waits between IDENTIFYs and no rates; every other limit holds.
    pub fn hurried() -> Self {
        Self { identify_every: Duration::ZERO, rates: false, ..Self::default() }
    }
}

/// How events are delivered at the moment.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Delivery {
    /// Each event is sent twice.
    pub doubled: bool,
    /// Each event is sent so much later.
    pub late: Duration,
    /// Nothing is sent, and heartbeats are not answered: the connection only looks alive.
    pub zombie: bool,
    /// Where READY says that a session can be taken up again nobody listens.
    pub resume_away: bool,
    /// No connection is accepted, and every call is answered 503.
    pub offline: bool,
}
