//! Any values of a form, a class and a person: an error, or one file with exactly one module call.

#![no_main]

use std::sync::LazyLock;

use kaas::lifecycle::catalogue::Value;
use kaas::lifecycle::form::Form;
use kaas::lifecycle::{ChangeNumber, Person};
use kaas::render::module::cluster_files;
use kaas::render::templates::Templates;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

#[path = "../../tests/lines/generate.rs"]
#[expect(dead_code, reason = "only the catalogue and the settings are used")]
mod generate;
#[path = "../../tests/lines/one_call.rs"]
mod one_call;

static TEMPLATES: LazyLock<Templates> = LazyLock::new(Templates::default);

/// What somebody typed or configured.
#[derive(Debug, Arbitrary)]
struct Typed<'a> {
    name: &'a str,
    instance_type: &'a str,
    region: Option<&'a str>,
    reason: &'a str,
    ticket: &'a str,
    by: &'a str,
    module: Option<&'a str>,
    values: Vec<(&'a str, Configured<'a>)>,
    foundation: Vec<(&'a str, &'a str)>,
    workers: u32,
}

#[derive(Debug, Arbitrary)]
enum Configured<'a> {
    Text(&'a str),
    Number(i64),
    Flag(bool),
    List(Vec<&'a str>),
    Map(Vec<(&'a str, &'a str)>),
}

impl Configured<'_> {
    fn value(&self) -> Value {
        let text = |text: &&str| (*text).to_owned();
        match self {
            Self::Text(t) => Value::Text(text(t)),
            Self::Number(n) => Value::Number(*n),
            Self::Flag(flag) => Value::Flag(*flag),
            Self::List(items) => Value::List(items.iter().map(text).collect()),
            Self::Map(entries) => Value::Map(entries.iter().map(|(k, v)| (text(k), text(v))).collect()),
        }
    }
}

fuzz_target!(|typed: Typed<'_>| {
    let catalogue = generate::catalogue();
    let mut class = catalogue.classes[0].clone();
    class.values.extend(typed.values.iter().map(|(key, value)| ((*key).to_owned(), value.value())));
    class.foundation.extend(typed.foundation.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
    if let Some(module) = typed.module {
        module.clone_into(&mut class.module);
    }
    let form = Form {
        // What is no name never becomes a form, so another stands in for it.
        name: typed.name.parse().unwrap_or_else(|_| "teal-otter".parse().unwrap()),
        class: class.name.clone(),
        size: class.sizes[0].name.clone(),
        workers: typed.workers,
        control_planes: 1,
        instance_type: typed.instance_type.to_owned(),
        kubernetes: class.kubernetes[0].clone(),
        region: typed.region.and_then(|r| r.parse().ok()).unwrap_or_else(|| class.regions[0].clone()),
        ttl: None,
        reason: typed.reason.parse().ok(),
        ticket: typed.ticket.parse().ok(),
        dollars_a_month: None,
    };
    let by = Person { id: "alice".parse().unwrap(), name: typed.by.to_owned() };
    if let Ok(files) = cluster_files(&generate::settings(), &TEMPLATES, &class, &form, ChangeNumber(42), &by, &by) {
        if let Err(what) = one_call::check(&files, &form) {
            panic!("{what}\n{}", files[0].content);
        }
    }
});
