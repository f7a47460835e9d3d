//! A request out of a form's fields instead of a line: the same checks, and each mistake told by its field.
//!
//! Nothing here does I/O, reads a clock or draws a random number.

use crate::lifecycle::catalogue::Catalogue;

use super::normalise::fold;
use super::read::Reading;
use super::table::Verb;
use super::words::Word;
use super::{Command, request};

/// The field of a form that holds the name.
pub const NAME: &str = "name";

/// Reads the filled-in fields of a request, by the names that flags have (`size`), and `name`. Empty fields are left to their defaults.
///
/// # Errors
/// What is wrong, by field. Never empty.
pub fn filled(fields: &[(&str, &str)], catalogue: &Catalogue) -> Result<Command, Vec<(String, String)>> {
    let plain = |value: &str| fold(value).split_whitespace().collect::<Vec<_>>().join(" ");
    let tidy = fields.iter().map(|(field, value)| (*field, plain(value)));
    let words: Vec<Word> =
        tidy.filter(|(_, value)| !value.is_empty()).map(|(field, value)| word(field, &value)).collect();
    if !fields.iter().any(|(field, value)| *field == NAME && !value.trim().is_empty()) {
        return Err(vec![(NAME.to_owned(), "give it a name, such as teal-otter".to_owned())]);
    }
    let mut reading = Reading::of(Verb::Request.entry(), &words);
    let command = request::read(&mut reading, catalogue);
    reading.refuse_loose();
    reading.finish(command).map_err(|wrong| {
        let by_field = |what: &str| {
            let flag = what.split('=').next().unwrap_or_default();
            fields.iter().find(|(field, _)| *field == flag).map_or(NAME, |(field, _)| *field).to_owned()
        };
        wrong.mistakes.into_iter().map(|mistake| (by_field(&mistake.what), mistake.problem)).collect()
    })
}

/// What would have been typed for it: `size=small`, or the name in quotes, so that nothing in it is taken for a flag.
fn word(field: &str, value: &str) -> Word {
    if field == NAME {
        return Word { text: value.to_owned(), equals: None, quoted: true, raw: value.to_owned() };
    }
    let text = format!("{field}={value}");
    Word { equals: Some(field.len()), quoted: false, raw: text.clone(), text }
}

#[cfg(test)]
mod tests {
    use super::super::parse::tests::catalogue;
    use super::*;

    fn read(fields: &[(&str, &str)]) -> Result<Command, Vec<(String, String)>> {
        filled(fields, &catalogue())
    }

    fn field(wrong: Result<Command, Vec<(String, String)>>) -> Vec<String> {
        wrong.expect_err("is wrong").into_iter().map(|(field, _)| field).collect()
    }

    #[test]
    fn a_form_is_as_good_as_a_line() {
        let fields = [
            ("class", ""),
            ("name", " teal-otter "),
            ("size", "small"),
            ("workers", "2"),
            ("ttl", ""),
            ("reason", "load \"test\"\nof = billing — because"),
            ("ticket", "OPS-77"),
        ];
        let Ok(Command::Request { form, dry_run: false }) = read(&fields) else { panic!("understood") };
        assert_eq!((form.name.as_str(), form.size.as_str(), form.workers), ("teal-otter", "small", 2));
        let reason = form.reason.expect("a reason");
        assert_eq!(reason.as_str(), "load \"test\" of = billing — because");
    }

    #[test]
    fn every_mistake_stands_at_its_field() {
        let wrong = read(&[("name", "--size=small"), ("size", "smal"), ("workers", "two"), ("ttl", "soon")]);
        assert_eq!(field(wrong), ["name", "size", "workers", "ttl"]);
        assert_eq!(field(read(&[("name", "teal-otter"), ("reason", "@channel come here")])), ["reason"]);
        assert_eq!(field(read(&[("size", "small")])), ["name"]);
    }
}
