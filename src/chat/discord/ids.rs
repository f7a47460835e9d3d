//! What a button or a form carries so that it is known again: its custom id.
//!
//! `k1:a:acme/crucial-sandbox/42:Xyz…` names the version, what is meant, the card, and the plan that was shown. Whatever is no such id, or one of another
//! version, means nothing. Discord takes 100 characters: a whole digest fits beside names of 51 characters together; where the names are longer, the id
//! holds the digest's beginning and the card's footer holds all of it. What people press comes with the message that they pressed it on, so nothing has
//! to be remembered here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::lifecycle::{ChangeNumber, ClusterKey, PlanDigest};
use crate::ports::CardKey;
use crate::render::message::Press;

/// The longest custom id that Discord takes.
pub(super) const ID_MAX: usize = 100;
/// The form for a new cluster.
pub(super) const FORM: &str = "k1:form";
/// The button under a form that was not right: it opens the form again, filled in.
pub(super) const AGAIN: &str = "k1:again";
/// What every id of cards starts with.
const VERSION: &str = "k1";
/// What the beginning of a digest starts with.
const BEGINS: char = '~';
/// The fewest digits of a digest that say which plan was shown.
const DIGITS_MIN: usize = 6;
/// The letter of the form for the reason of a rejection.
const REASON: &str = "w";

/// What a custom id means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meant {
    /// A button of a card.
    Press { card: CardKey, plan: Option<Shown>, press: Press },
    /// The form for the reason of a rejection.
    Reason { card: CardKey, plan: Option<Shown> },
    /// The form for a new cluster.
    Form,
    /// The button that opens the form again.
    Again,
}

/// Which plan a card showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shown {
    /// This one.
    Whole(PlanDigest),
    /// The one whose digest begins like this.
    Begins(String),
}

impl Shown {
    /// The whole digest, with what the message's footer says where the id holds only its beginning.
    pub fn whole(&self, message: &Value) -> Option<PlanDigest> {
        match self {
            Self::Whole(digest) => Some(digest.clone()),
            Self::Begins(digits) => footer_words(message)
                .filter(|word| word.starts_with(digits.as_str()))
                .find_map(|word| word.parse::<PlanDigest>().ok()),
        }
    }
}

/// The custom id of a card's button.
pub(super) fn button(card: &CardKey, plan: Option<&PlanDigest>, press: Press) -> String {
    id(letter(press), card, plan)
}

/// The custom id of the form for the reason of a rejection.
pub(super) fn reason(card: &CardKey, plan: Option<&PlanDigest>) -> String {
    id(REASON, card, plan)
}

/// Whether the whole digest fits into the custom ids of a card.
pub(super) fn holds_whole(card: &CardKey, plan: &PlanDigest) -> bool {
    matches!(read(&button(card, Some(plan), Press::Plan)), Some(Meant::Press { plan: Some(Shown::Whole(_)), .. }))
}

/// What a custom id means; `None` for what kaas did not write, or not in this version.
pub(super) fn read(id: &str) -> Option<Meant> {
    if id.chars().count() > ID_MAX {
        return None;
    }
    match id {
        FORM => return Some(Meant::Form),
        AGAIN => return Some(Meant::Again),
        _ => {}
    }
    let mut parts = id.split(':');
    let (version, kind, card) = (parts.next()?, parts.next()?, parts.next()?);
    let plan = match parts.next() {
        Some(plan) => Some(shown(plan)?),
        None => None,
    };
    if version != VERSION || parts.next().is_some() {
        return None;
    }
    let card = card_key(card)?;
    if kind == REASON {
        return Some(Meant::Reason { card, plan });
    }
    let press = PRESSES.into_iter().find(|press| letter(*press) == kind)?;
    Some(Meant::Press { card, plan, press })
}

/// Which card a message of kaas is, and which plan it shows: by its buttons, or else by its footer.
pub(super) fn of_message(message: &Value) -> Option<(CardKey, Option<PlanDigest>)> {
    let rows = message["components"].as_array().into_iter().flatten();
    let parts = rows.flat_map(|row| row["components"].as_array().into_iter().flatten());
    let by_button = parts.filter_map(|part| part["custom_id"].as_str()).find_map(|id| match read(id)? {
        Meant::Press { card, plan, .. } => Some((card, plan.and_then(|plan| plan.whole(message)))),
        Meant::Reason { .. } | Meant::Form | Meant::Again => None,
    });
    by_button.or_else(|| Some((footer_words(message).find_map(card_key)?, None)))
}

/// What identifies a card in its footer: `acme/crucial-sandbox/42`, and the whole digest where the buttons' ids do not hold it.
pub(super) fn mark(card: &CardKey, plan: Option<&PlanDigest>) -> String {
    match plan.filter(|plan| !holds_whole(card, plan)) {
        Some(plan) => format!("{} {}", path(card), plan.as_str()),
        None => path(card),
    }
}

const PRESSES: [Press; 5] = [Press::Approve, Press::Reject, Press::Plan, Press::Cancel, Press::Retry];

fn letter(press: Press) -> &'static str {
    match press {
        Press::Approve => "a",
        Press::Reject => "r",
        Press::Plan => "p",
        Press::Cancel => "c",
        Press::Retry => "t",
    }
}

fn id(kind: &str, card: &CardKey, plan: Option<&PlanDigest>) -> String {
    let head = format!("{VERSION}:{kind}:{}", path(card));
    let Some(plan) = plan else { return head };
    let whole = format!("{head}:{}", URL_SAFE_NO_PAD.encode(bytes(plan.as_str())));
    if whole.len() <= ID_MAX {
        return whole;
    }
    let left = ID_MAX.saturating_sub(head.len() + 2).clamp(DIGITS_MIN, plan.as_str().len());
    format!("{head}:{BEGINS}{}", &plan.as_str()[..left])
}

fn path(card: &CardKey) -> String {
    let ClusterKey { tenant, name } = &card.cluster;
    format!("{tenant}/{name}/{}", card.change)
}

fn card_key(path: &str) -> Option<CardKey> {
    let mut parts = path.split('/');
    let (tenant, name, change) = (parts.next()?, parts.next()?, parts.next()?);
    let is_number = !change.is_empty() && change.bytes().all(|byte| byte.is_ascii_digit());
    if parts.next().is_some() || !is_number {
        return None;
    }
    let cluster = ClusterKey { tenant: tenant.parse().ok()?, name: name.parse().ok()? };
    Some(CardKey { cluster, change: ChangeNumber(change.parse().ok()?) })
}

fn shown(plan: &str) -> Option<Shown> {
    if let Some(digits) = plan.strip_prefix(BEGINS) {
        let is_hex = digits.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        return (is_hex && digits.len() >= DIGITS_MIN).then(|| Shown::Begins(digits.to_owned()));
    }
    let bytes = URL_SAFE_NO_PAD.decode(plan).ok()?;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(Shown::Whole(hex.parse().ok()?))
}

/// The bytes that hex digits stand for; digits are checked where a digest is made.
fn bytes(hex: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).unwrap_or(0);
    hex.as_bytes().chunks(2).map(|pair| pair.iter().fold(0, |sum, byte| sum << 4 | digit(*byte))).collect()
}

fn footer_words(message: &Value) -> impl Iterator<Item = &str> {
    let embeds = message["embeds"].as_array().into_iter().flatten();
    embeds.filter_map(|embed| embed["footer"]["text"].as_str()).flat_map(str::split_whitespace)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn card(tenant: &str, name: &str, change: u64) -> CardKey {
        let cluster = ClusterKey { tenant: tenant.parse().expect("a tenant"), name: name.parse().expect("a name") };
        CardKey { cluster, change: ChangeNumber(change) }
    }

    fn digest(part: &str) -> PlanDigest {
        part.repeat(64 / part.len()).parse().expect("a digest")
    }

    #[test]
    fn what_was_written_is_read_again() {
        let card = card("acme", "crucial-sandbox", 42);
        for press in PRESSES {
            for plan in [None, Some(digest("9f3ac1b2"))] {
                let id = button(&card, plan.as_ref(), press);
                assert!(id.len() <= ID_MAX, "{id}");
                let plan = plan.map(Shown::Whole);
                assert_eq!(read(&id), Some(Meant::Press { card: card.clone(), plan, press }));
            }
        }
        let id = reason(&card, Some(&digest("ab")));
        assert_eq!(read(&id), Some(Meant::Reason { card, plan: Some(Shown::Whole(digest("ab"))) }));
        assert_eq!((read(FORM), read(AGAIN)), (Some(Meant::Form), Some(Meant::Again)));
    }

    #[test]
    fn the_longest_names_leave_the_plan_to_the_footer() {
        let card = card(&"t".repeat(32), &"n".repeat(40), 9_999_999);
        let plan = digest("9f3ac1b2");
        let id = button(&card, Some(&plan), Press::Approve);
        assert_eq!(id.len(), ID_MAX);
        let Some(Meant::Press { card: read_card, plan: Some(shown), press: Press::Approve }) = read(&id) else {
            panic!("{id} is read")
        };
        assert_eq!(read_card, card);
        assert!(matches!(&shown, Shown::Begins(digits) if plan.as_str().starts_with(digits.as_str())));
        let footer = format!("change 9999999 · {}", mark(&card, Some(&plan)));
        let message = json!({ "embeds": [{ "footer": { "text": footer } }],
            "components": [{ "components": [{ "custom_id": id }] }] });
        assert_eq!(shown.whole(&message), Some(plan.clone()));
        assert_eq!(of_message(&message), Some((card, Some(plan))));
        assert_eq!(shown.whole(&json!({})), None, "nothing is guessed");
        let other = json!({ "embeds": [{ "footer": { "text": digest("ab").as_str() } }] });
        assert_eq!(shown.whole(&other), None);
    }

    #[test]
    fn a_card_without_buttons_is_known_by_its_footer() {
        let card = card("acme", "crucial-sandbox", 42);
        let footer = format!("change 42 · {}", mark(&card, None));
        assert_eq!(footer, "change 42 · acme/crucial-sandbox/42");
        let message = json!({ "embeds": [{ "footer": { "text": footer } }] });
        assert_eq!(of_message(&message), Some((card, None)));
    }

    #[test]
    fn what_others_wrote_means_nothing() {
        let whole = "A".repeat(43);
        for id in [
            "",
            "k1",
            "kaas",
            "k0:a:acme/x1/1",
            "k2:a:acme/x1/1",
            "k1:z:acme/x1/1",
            "k1:a:acme/x1",
            "k1:a:acme/x1/one",
            "k1:a:acme/x1/+1",
            "k1:a:acme/x1/-1",
            "k1:a:acme/../1",
            "k1:a:ACME/x1/1",
            "k1:a:acme/x1/1/2",
            "k1:a:acme/x1/1:",
            "k1:a:acme/x1/1:~",
            "k1:a:acme/x1/1:~zzzzzz",
            "k1:a:acme/x1/1:AAAA",
            "k1:a:acme/x1/99999999999999999999999",
            "k1:form:",
            "k1:FORM",
            &format!("k1:a:acme/x1/1:{whole}:{whole}"),
            &format!("k1:a:acme/x1/1:{whole}="),
            &format!("k1:a:acme/x1/1 :{whole}"),
        ] {
            assert_eq!(read(id), None, "{id}");
        }
        assert_eq!(of_message(&json!({ "content": "acme/x1/1" })), None);
        assert_eq!(of_message(&json!({ "embeds": [{ "footer": { "text": "change 42" } }] })), None);
    }

    proptest! {
        #[test]
        fn every_id_fits_and_is_read_again(tenant in "[a-z][a-z0-9]{0,31}", name in "[a-z]{2}[a-z0-9]{0,38}", change in 0..99_999_999u64, hex in "[0-9a-f]{64}") {
            prop_assume!(name.parse::<crate::lifecycle::form::ClusterName>().is_ok());
            let (card, plan) = (card(&tenant, &name, change), hex.parse::<PlanDigest>().expect("a digest"));
            let id = button(&card, Some(&plan), Press::Cancel);
            prop_assert!(id.len() <= ID_MAX, "{id}");
            let footer = json!({ "embeds": [{ "footer": { "text": mark(&card, Some(&plan)) } }] });
            let Some(Meant::Press { card: read_card, plan: Some(shown), .. }) = read(&id) else { panic!("{id} is read") };
            prop_assert_eq!(read_card, card);
            prop_assert_eq!(shown.whole(&footer), Some(plan));
        }

        #[test]
        fn nothing_that_is_sent_here_breaks_it(id in "\\PC{0,120}", tail in "[a-z0-9:/~_-]{0,110}") {
            let _ = read(&id);
            if let Some(Meant::Press { card, plan: None, press }) = read(&format!("k1:a:{tail}")) {
                prop_assert_eq!(button(&card, None, press).len() <= ID_MAX, true);
            }
        }
    }
}
