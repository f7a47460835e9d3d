//! Whether a delivery over HTTP is Slack's own: the signature over its raw bytes, and its age.
//!
//! See <https://docs.slack.dev/authentication/verifying-requests-from-slack>. Nothing here reads a clock.

use jiff::Timestamp;

use crate::ports::is_signed;

/// The greatest difference between Slack's clock and this one, in seconds, in either direction.
pub(super) const SKEW_MAX: i64 = 300;

/// Why a delivery is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// It does not come from Slack.
    Forged,
    /// It did once: too long ago, or its clock is wrong.
    Stale,
}

/// Checks a delivery: `timestamp` and `signature` are its headers.
pub(super) fn check(
    secret: &[u8],
    timestamp: &str,
    body: &[u8],
    signature: &str,
    now: Timestamp,
) -> Result<(), Refused> {
    let is_number = (1..=12).contains(&timestamp.len()) && timestamp.bytes().all(|byte| byte.is_ascii_digit());
    let given = signature.strip_prefix("v0=").unwrap_or_default();
    if !is_number || !is_signed(secret, &[b"v0:", timestamp.as_bytes(), b":", body], given) {
        return Err(Refused::Forged);
    }
    let at: i64 = timestamp.parse().map_err(|_| Refused::Forged)?;
    if (now.as_second() - at).abs() > SKEW_MAX { Err(Refused::Stale) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example that Slack publishes.
    const SECRET: &[u8] = b"8f742231b10e8888abcd99yyyzzz85a5";
    const TIMESTAMP: &str = "1531420618";
    const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_531_420_618 + seconds).expect("a moment")
    }

    #[test]
    fn slacks_published_example_is_genuine() {
        assert_eq!(check(SECRET, TIMESTAMP, BODY.as_bytes(), SIGNATURE, at(0)), Ok(()));
    }

    #[test]
    fn five_minutes_either_way_and_no_more() {
        let check = |now| check(SECRET, TIMESTAMP, BODY.as_bytes(), SIGNATURE, now);
        assert_eq!((check(at(300)), check(at(-300))), (Ok(()), Ok(())));
        assert_eq!((check(at(301)), check(at(-301))), (Err(Refused::Stale), Err(Refused::Stale)));
    }

    #[test]
    fn whatever_is_altered_is_forged() {
        let other_body = BODY.replace("roadrunner", "coyote");
        let long = format!("{SIGNATURE}00");
        let upper = SIGNATURE.to_uppercase();
        let spread = SIGNATURE.replace("a2", "+2");
        for (what, secret, timestamp, body, signature) in [
            ("the secret", &b"other"[..], TIMESTAMP, BODY, SIGNATURE),
            ("no secret", b"", TIMESTAMP, BODY, SIGNATURE),
            ("the time", SECRET, "1531420619", BODY, SIGNATURE),
            ("a time that is none", SECRET, "1531420618 ", BODY, SIGNATURE),
            ("a signed time", SECRET, "+1531420618", BODY, SIGNATURE),
            ("a huge time", SECRET, "99999999999999999999", BODY, SIGNATURE),
            ("no time", SECRET, "", BODY, SIGNATURE),
            ("the body", SECRET, TIMESTAMP, &other_body, SIGNATURE),
            ("no signature", SECRET, TIMESTAMP, BODY, ""),
            ("half a signature", SECRET, TIMESTAMP, BODY, &SIGNATURE[..20]),
            ("a longer signature", SECRET, TIMESTAMP, BODY, &long),
            ("another scheme", SECRET, TIMESTAMP, BODY, &upper),
            ("digits that are none", SECRET, TIMESTAMP, BODY, &spread),
        ] {
            assert_eq!(check(secret, timestamp, body.as_bytes(), signature, at(0)), Err(Refused::Forged), "{what}");
        }
    }
}
