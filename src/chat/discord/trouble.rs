//! What a failed call means to the engine and to people: whether to try again, and what a person would have to change.

use super::api::Failure;
use super::rights::Right;
use crate::ports::Trouble;

/// Discord's code for what is in no channel that kaas sees.
pub(super) const NO_ACCESS: i64 = 50_001;
/// Discord's code for a right that is missing.
pub(super) const NO_PERMISSION: i64 = 50_013;
/// Discord's code for a channel or a thread that is not there.
pub(super) const NO_CHANNEL: i64 = 10_003;
/// Discord's code for a server that is not there.
pub(super) const NO_GUILD: i64 = 10_004;
/// Discord's code for somebody who is no member.
pub(super) const NO_MEMBER: i64 = 10_007;
/// Discord's code for a message that is not there.
pub(super) const NO_MESSAGE: i64 = 10_008;
/// Discord's code for nobody.
pub(super) const NO_USER: i64 = 10_013;
/// Discord's code for an interaction that was acknowledged.
pub(super) const ACKNOWLEDGED: i64 = 40_060;
/// Discord's code for somebody who takes no direct messages.
pub(super) const NO_DIRECT: i64 = 50_007;
/// Discord's code for a thread that is archived.
pub(super) const ARCHIVED: i64 = 50_083;
/// Discord's code for a message that has a thread.
pub(super) const HAS_THREAD: i64 = 160_004;

impl Failure {
    /// As trouble of a port; `channel` is what people call the place that was written to, `missing` the rights that kaas lacks there.
    pub fn trouble(self, channel: &str, missing: &[Right]) -> Trouble {
        match &self {
            Self::Limited { wait, .. } => Trouble::Passing {
                line: "Discord asks kaas to slow down".to_owned(),
                wait: Some(*wait),
                source: Some(self.into()),
            },
            Self::Silent { .. } => Trouble::passing("Discord does not answer", self),
            Self::Refused { .. } => {
                let line = self.remedy(channel, missing);
                Trouble::lasting(line, self)
            }
        }
    }

    /// What is wrong, and what a person would have to do about it.
    pub fn remedy(&self, channel: &str, missing: &[Right]) -> String {
        let Self::Refused { call, status, code, said } = self else {
            return format!("Discord does not answer ({self})");
        };
        match (*status, *code) {
            (401, _) => {
                "Discord: the token is not valid; reset it in the developer portal and give kaas the new one".to_owned()
            }
            (_, NO_ACCESS | NO_PERMISSION) if !missing.is_empty() => lacking(channel, missing),
            (_, NO_ACCESS) => format!("Discord: kaas does not see {channel}; give its role View Channel there"),
            (_, NO_PERMISSION) => {
                format!("Discord: kaas may not {call} in {channel}; give its role the rights of its invitation there")
            }
            (_, NO_CHANNEL) => {
                format!("Discord: there is no {channel}; give kaas the id of a text channel of its server")
            }
            (_, NO_GUILD) => {
                "Discord: there is no such server, or kaas is not in it; invite it, and give kaas the server's id"
                    .to_owned()
            }
            (_, NO_MEMBER | NO_USER) => "Discord: there is nobody with that id in the server".to_owned(),
            (_, NO_DIRECT) => "Discord: they take no direct messages from members of this server".to_owned(),
            (_, ARCHIVED) => "Discord: the thread is locked; unlock it".to_owned(),
            (413, _) => "Discord: the file is too large".to_owned(),
            _ if said.is_empty() => format!("Discord refuses to {call} ({status}/{code})"),
            _ => format!("Discord refuses to {call} ({code}: {said})"),
        }
    }
}

/// Which rights are missing, and where to give them.
pub(super) fn lacking(channel: &str, missing: &[Right]) -> String {
    let names: Vec<&str> = missing.iter().map(|right| right.name).collect();
    format!("Discord: kaas lacks {} in {channel}; give its role that there", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::discord::rights;

    #[test]
    fn every_refusal_says_what_to_do() {
        for (status, code, expect) in [
            (401, 0, "reset it"),
            (403, NO_ACCESS, "View Channel"),
            (403, NO_PERMISSION, "its invitation"),
            (404, NO_CHANNEL, "there is no #clusters"),
            (404, NO_GUILD, "invite it"),
            (404, NO_MEMBER, "nobody"),
            (403, NO_DIRECT, "no direct messages"),
            (400, ARCHIVED, "unlock it"),
            (413, 40_005, "too large"),
            (400, 50_035, "50035: Invalid Form Body"),
            (418, 1, "418/1"),
        ] {
            let said = if code == 50_035 { "Invalid Form Body" } else { "" }.to_owned();
            match (Failure::Refused { call: "write", status, code, said }).trouble("#clusters", &[]) {
                Trouble::Lasting { line, .. } => assert!(line.contains(expect), "{code}: {line}"),
                other => panic!("{code}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_missing_right_is_named() {
        let failure = Failure::Refused { call: "write", status: 403, code: NO_PERMISSION, said: String::new() };
        let line = failure.remedy("#clusters", &rights::missing(0)[..2]);
        assert_eq!(line, "Discord: kaas lacks View Channel, Send Messages in #clusters; give its role that there");
    }

    #[test]
    fn a_limit_passes_after_the_wait_and_silence_passes() {
        let limited = Failure::Limited { call: "write", wait: jiff::SignedDuration::from_secs(7) };
        let Trouble::Passing { wait, .. } = limited.trouble("#clusters", &[]) else { panic!("it passes") };
        assert_eq!(wait, Some(jiff::SignedDuration::from_secs(7)));
        let silent = Failure::Silent { call: "write", what: "HTTP 502".to_owned() };
        let Trouble::Passing { line, wait, .. } = silent.trouble("#clusters", &[]) else { panic!("it passes") };
        assert_eq!((line.as_str(), wait), ("Discord does not answer", None));
    }
}
