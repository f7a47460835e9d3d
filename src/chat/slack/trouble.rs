//! What a failed call means to the engine and to people: whether to try again, and what a person would have to change.

use super::api::Failure;
use crate::ports::Trouble;

impl Failure {
    /// As trouble of a port; `channel` is what people call the place that was written to.
    pub fn trouble(self, channel: &str) -> Trouble {
        match &self {
            Self::Limited { wait, .. } => Trouble::Passing {
                line: "Slack asks kaas to slow down".to_owned(),
                wait: Some(*wait),
                source: Some(self.into()),
            },
            Self::Silent { .. } => Trouble::passing("Slack does not answer", self),
            Self::Refused { .. } => {
                let line = self.remedy(channel);
                Trouble::lasting(line, self)
            }
        }
    }

    /// What is wrong, and what a person would have to do about it.
    pub fn remedy(&self, channel: &str) -> String {
        let Self::Refused { method, code, detail } = self else { return format!("Slack does not answer ({self})") };
        match code.as_str() {
            "invalid_auth"
            | "not_authed"
            | "account_inactive"
            | "token_revoked"
            | "token_expired"
            | "no_permission"
            | "not_allowed_token_type" => {
                format!("Slack: the token is not valid ({code}); install the app again and give kaas the new one")
            }
            "org_login_required" | "ekm_access_denied" | "team_access_not_granted" => {
                format!("Slack: the workspace does not let kaas in ({code}); ask its administrators")
            }
            "not_in_channel" => format!("Slack: kaas is not in {channel}; invite it with /invite @kaas"),
            "channel_not_found" => {
                format!(
                    "Slack: there is no {channel} that kaas can see; if it is there, invite kaas with /invite @kaas"
                )
            }
            "is_archived" => format!("Slack: {channel} is archived; unarchive it, or give kaas another channel"),
            "restricted_action" | "restricted_action_read_only_channel" | "restricted_action_thread_locked" => {
                format!("Slack: kaas may not write in {channel}; let apps post there")
            }
            "missing_scope" => {
                let needed = detail.as_deref().unwrap_or("a scope");
                format!(
                    "Slack: the app lacks {needed}; add it (kaas slack manifest has them all) and install the app again"
                )
            }
            "users_not_found" | "user_not_found" => "Slack: there is nobody with that id or address".to_owned(),
            "user_disabled" | "cannot_dm_bot" | "user_not_visible" => {
                format!("Slack: they cannot be written to ({code})")
            }
            _ => match detail {
                Some(detail) => format!("Slack refuses {method}: {code} ({})", short(detail)),
                None => format!("Slack refuses {method}: {code}"),
            },
        }
    }
}

/// The longest detail that is shown, in characters.
const DETAIL_MAX: usize = 160;

fn short(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(DETAIL_MAX).collect()
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn refused(code: &str, detail: Option<&str>) -> Trouble {
        let detail = detail.map(str::to_owned);
        Failure::Refused { method: "chat.postMessage".to_owned(), code: code.to_owned(), detail }.trouble("#clusters")
    }

    #[test]
    fn a_refusal_lasts_and_names_its_remedy() {
        for (code, detail, expect) in [
            ("not_in_channel", None, "Slack: kaas is not in #clusters; invite it with /invite @kaas"),
            ("missing_scope", Some("files:write"), "lacks files:write"),
            ("invalid_auth", None, "install the app again"),
            ("channel_not_found", None, "#clusters"),
            ("cant_update_message", None, "Slack refuses chat.postMessage: cant_update_message"),
        ] {
            match refused(code, detail) {
                Trouble::Lasting { line, source } => {
                    assert!(line.contains(expect), "{code}: {line}");
                    assert!(source.is_some_and(|chain| chain.to_string().contains(code)));
                }
                other => panic!("{code}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_limit_passes_after_the_wait_and_silence_passes() {
        let limited = Failure::Limited { method: "chat.update".to_owned(), wait: SignedDuration::from_secs(7) };
        let Trouble::Passing { wait, .. } = limited.trouble("#clusters") else { panic!("it passes") };
        assert_eq!(wait, Some(SignedDuration::from_secs(7)));
        let silent = Failure::Silent { method: "chat.update".to_owned(), what: "HTTP 502".to_owned() };
        let Trouble::Passing { line, wait, .. } = silent.trouble("#clusters") else { panic!("it passes") };
        assert_eq!((line.as_str(), wait), ("Slack does not answer", None));
    }
}
