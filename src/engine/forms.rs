//! What the desk offers besides lines, buttons and reactions: the form for a new cluster, and a person's own page.

use crate::command::{Command, filled};
use crate::lifecycle::catalogue::{Catalogue, Class};
use crate::ports::{Field, FormField, RequestForm, Standing, Takes};
use crate::render::say;

/// The form, filled in with what a request would be if nothing was chosen.
pub(super) fn form(catalogue: &Catalogue) -> RequestForm {
    let fields = Field::ALL.into_iter().filter_map(|field| form_field(catalogue, field)).collect();
    RequestForm { title: say::form::FORM_TITLE.to_owned(), submit: say::form::FORM_SUBMIT.to_owned(), fields }
}

fn form_field(catalogue: &Catalogue, field: Field) -> Option<FormField> {
    let words = say::form::field_words(field.name(), catalogue);
    let needed = |needs: fn(&Class) -> bool| !catalogue.classes.is_empty() && catalogue.classes.iter().all(needs);
    let (takes, optional) = match field {
        // One class is no choice.
        Field::Class if catalogue.classes.len() < 2 => return None,
        Field::Class => {
            let choice = |class: &Class| (class.name.to_string(), say::form::class_choice(class));
            (Takes::OneOf(catalogue.classes.iter().map(choice).collect()), false)
        }
        Field::Size => (Takes::OneOf(sizes(catalogue)), false),
        Field::Name => (Takes::Line(String::new()), false),
        Field::Workers | Field::Lifetime => (Takes::Line(String::new()), true),
        Field::Ticket => (Takes::Line(String::new()), !needed(|class| class.ticket_required)),
        Field::Reason => (Takes::Lines, !needed(|class| class.reason_required)),
    };
    Some(FormField { field, label: words.label.to_owned(), hint: words.hint, optional, takes })
}

/// The sizes of all classes, each name once: the form cannot change while a class is chosen. A size that the class does not have is told when it is sent.
fn sizes(catalogue: &Catalogue) -> Vec<(String, String)> {
    let mut sizes: Vec<(String, String)> = Vec::new();
    for size in catalogue.classes.iter().flat_map(|class| &class.sizes) {
        if sizes.iter().all(|(name, _)| name != size.name.as_str()) {
            sizes.push((size.name.to_string(), say::form::size_choice(size)));
        }
    }
    sizes
}

/// The request that the fields make, or what is wrong with which.
pub(super) fn request(catalogue: &Catalogue, fields: &[(Field, String)]) -> Result<Command, Vec<(Field, String)>> {
    let fields: Vec<(&str, &str)> = fields.iter().map(|(field, value)| (field.name(), value.as_str())).collect();
    filled(&fields, catalogue).map_err(|wrong| {
        let named = |(name, problem): (String, String)| (Field::named(&name).unwrap_or(Field::Name), problem);
        wrong.into_iter().map(named).collect()
    })
}

/// What somebody is who is no full member; `None` for a member.
pub(super) fn stranger(standing: Standing) -> Option<&'static str> {
    match standing {
        Standing::Member => None,
        Standing::Guest => Some("a guest"),
        Standing::Outside => Some("from elsewhere"),
        Standing::Bot => Some("a program"),
        Standing::Deactivated => Some("deactivated or timed out"),
    }
}
