//! The words of the form for a new cluster and of a person's own page, and what somebody is told who may not decide because of what they are.
//!
//! Nothing here does I/O, reads a clock or draws a random number.

use crate::lifecycle::catalogue::{Catalogue, Class, Size};
use crate::render::message::Message;
use crate::render::when;

use super::words::Say;

/// The title of the form for a new cluster. At most 24 characters.
pub const FORM_TITLE: &str = "Request a cluster";

/// What is on the form's button. At most 24 characters.
pub const FORM_SUBMIT: &str = "Request";

/// What a field of the form is called, and what helps to fill it in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldWords {
    /// What it is called.
    pub label: &'static str,
    /// What helps.
    pub hint: Option<String>,
}

/// The words of a field, by its name.
pub fn field_words(field: &str, catalogue: &Catalogue) -> FieldWords {
    let first = catalogue.default_class();
    let words = |label, hint: Option<String>| FieldWords { label, hint };
    match field {
        "class" => words("Class", None),
        "name" => words("Name", Some("Lower-case letters, digits and -, such as teal-otter.".to_owned())),
        "size" => words("Size", None),
        "workers" => words("Workers", Some("Left empty: what is usual for the size.".to_owned())),
        "ttl" => {
            let usual =
                first.and_then(|class| class.ttl_default).map(|ttl| format!("Left empty: {ttl}. ")).unwrap_or_default();
            let most = first.and_then(|class| class.ttl_max).map(|ttl| format!(", at most {ttl}")).unwrap_or_default();
            words("Lifetime", Some(format!("{usual}Such as 12h or 3d{most}.")))
        }
        "reason" => words("Reason", Some("What it is for. Approvers read it.".to_owned())),
        _ => words("Ticket", Some("Such as OPS-77.".to_owned())),
    }
}

/// How a class reads in a list to choose from.
pub fn class_choice(class: &Class) -> String {
    if class.description.is_empty() { class.name.to_string() } else { format!("{}: {}", class.name, class.description) }
}

/// How a size reads in a list to choose from: `small: 1 + 3 nodes m6i.large, about $412 a month`.
pub fn size_choice(size: &Size) -> String {
    let cost = size.dollars_a_month(size.workers_default);
    let cost = cost.map(|dollars| format!(", about {} a month", when::dollars(dollars))).unwrap_or_default();
    format!("{}: {} + {} nodes {}{cost}", size.name, size.control_planes, size.workers_default, size.instance_type)
}

/// The titles of the sections of a person's own page.
pub const HOME: [&str; 3] = ["My clusters", "Waiting for your vote", "All clusters"];

/// A guest, a stranger or a program wanted to ask or decide.
pub fn not_a_member(who: &str) -> Message {
    Say::of(format!(
        "That was not done: kaas listens to full members only, and you are {who}. Ask a colleague who is one."
    ))
    .message()
}

/// Who is in some groups that approve is not known, so nobody counts as one of their members.
pub fn unknown_groups(groups: &[String]) -> Message {
    let groups = groups.join(", ");
    Say::of(format!(
        "The chat does not say who is in {groups}, so nobody counts as a member just now. Try again in a few minutes."
    ))
    .message()
}

/// A reaction or a button that was meant for an earlier plan, and came in after the plan had changed.
pub fn too_early() -> Message {
    Say::of("Your reaction was given before the plan that is on the card now, so it does not count. Look at the plan, then react again or press Approve.")
        .message()
}
