//! Times, lengths of time and money, as people read them.
//!
//! Nothing here does I/O, reads a clock or draws a random number: now and the time zone are arguments.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A day: `Sun 29 Nov`, with the year where it is not this one.
pub fn day(at: Timestamp, now: Timestamp, tz: &TimeZone) -> String {
    let (at, now) = (at.to_zoned(tz.clone()), now.to_zoned(tz.clone()));
    let format = if at.year() == now.year() { "%a %-d %b" } else { "%a %-d %b %Y" };
    at.strftime(format).to_string()
}

/// A moment: `14:02` today, `Tue 24 Nov 14:02` on another day.
pub fn moment(at: Timestamp, now: Timestamp, tz: &TimeZone) -> String {
    let time = at.to_zoned(tz.clone());
    let clock = time.strftime("%H:%M");
    if time.date() == now.to_zoned(tz.clone()).date() {
        clock.to_string()
    } else {
        format!("{} {clock}", day(at, now, tz))
    }
}

/// How long ago: `10 min ago`, `just now`.
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    let passed = now.duration_since(at);
    if passed.as_secs() < 1 { "just now".to_owned() } else { format!("{} ago", length(passed)) }
}

/// How long until then, to the nearest of its unit: `in 6 days`, `now`.
pub fn ahead(at: Timestamp, now: Timestamp) -> String {
    let left = at.duration_since(now);
    if left.as_secs() < 1 { "now".to_owned() } else { format!("in {}", about(left)) }
}

/// A length of time in its largest unit, rounded down: `40 s`, `9 min`, `3 hours`, `6 days`.
pub fn length(length: SignedDuration) -> String {
    let seconds = length.as_secs().max(0);
    let many = |number: i64, unit: &str| format!("{number} {unit}{}", if number == 1 { "" } else { "s" });
    match seconds {
        s if s < MINUTE => format!("{s} s"),
        s if s < HOUR => format!("{} min", s / MINUTE),
        s if s < DAY => many(seconds / HOUR, "hour"),
        _ => many(seconds / DAY, "day"),
    }
}

/// A length of time that is only known about: rounded to the nearest of its unit, never to nothing.
pub fn about(length: SignedDuration) -> String {
    let seconds = length.as_secs().max(1);
    let half = match seconds {
        s if s < MINUTE => 0,
        s if s < HOUR => MINUTE / 2,
        s if s < DAY => HOUR / 2,
        _ => DAY / 2,
    };
    self::length(SignedDuration::from_secs(seconds + half))
}

/// Whole US dollars: `$2,310`.
pub fn dollars(dollars: u32) -> String {
    let digits = dollars.to_string();
    let mut out = String::from("$");
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn days_and_moments() {
        let now = at("2026-11-22T14:02:00Z");
        assert_eq!(day(at("2026-11-29T09:00:00Z"), now, &TimeZone::UTC), "Sun 29 Nov");
        assert_eq!(day(at("2027-01-03T09:00:00Z"), now, &TimeZone::UTC), "Sun 3 Jan 2027");
        assert_eq!(moment(at("2026-11-22T09:05:00Z"), now, &TimeZone::UTC), "09:05");
        assert_eq!(moment(at("2026-11-24T09:05:00Z"), now, &TimeZone::UTC), "Tue 24 Nov 09:05");
        let auckland = TimeZone::fixed(jiff::tz::offset(13));
        assert_eq!(moment(at("2026-11-22T23:05:00Z"), now, &auckland), "12:05", "both are the 23rd there");
    }

    #[test]
    fn lengths() {
        for (seconds, down, near) in [
            (0, "0 s", "1 s"),
            (40, "40 s", "40 s"),
            (59, "59 s", "59 s"),
            (60, "1 min", "1 min"),
            (530, "8 min", "9 min"),
            (3_599, "59 min", "1 hour"),
            (3_600, "1 hour", "1 hour"),
            (11_000, "3 hours", "3 hours"),
            (86_399, "23 hours", "1 day"),
            (6 * 86_400 + 80_000, "6 days", "7 days"),
            (-5, "0 s", "1 s"),
        ] {
            let duration = SignedDuration::from_secs(seconds);
            assert_eq!((length(duration).as_str(), about(duration).as_str()), (down, near), "{seconds}");
        }
    }

    #[test]
    fn ago_and_ahead() {
        let now = at("2026-11-22T14:02:00Z");
        assert_eq!(ago(at("2026-11-22T13:52:00Z"), now), "10 min ago");
        assert_eq!(ago(now, now), "just now");
        assert_eq!(ago(at("2026-11-23T13:52:00Z"), now), "just now", "clocks differ");
        assert_eq!(ahead(at("2026-11-29T14:01:00Z"), now), "in 7 days", "the nearest");
        assert_eq!(ahead(at("2026-11-28T20:01:00Z"), now), "in 6 days");
        assert_eq!(ahead(at("2026-11-22T14:01:00Z"), now), "now");
    }

    #[test]
    fn money() {
        assert_eq!([0, 412, 2_310, 1_234_567].map(dollars), ["$0", "$412", "$2,310", "$1,234,567"]);
    }
}
