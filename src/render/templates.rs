//! The handlebars templates: the ones that kaas brings, and a tenant's own in their place.
//!
//! A template's name says what it writes, and so how a plain `{{value}}` is escaped there: `.tf.hbs` for the inside of an HCL string, `.md.hbs` for
//! Markdown, `.txt.hbs` for one line of plain text. Unescaped output (`{{{…}}}`), partials and decorators are refused, and an unknown name is an error.

use std::collections::BTreeMap;

use handlebars::template::{HelperTemplate, Parameter, Template, TemplateElement};
use handlebars::{Context, Handlebars, Helper, HelperResult, Output, RenderContext, RenderErrorReason};
use serde::Serialize;
use serde_json::Value;

use super::hcl::{self, Expr};
use super::markdown;

/// The templates that kaas brings, by file name.
pub const BUILT_IN: [(&str, &str); 6] = [
    ("cluster.tf.hbs", include_str!("../../templates/cluster.tf.hbs")),
    ("pull-title.txt.hbs", include_str!("../../templates/pull-title.txt.hbs")),
    ("pull-commit.txt.hbs", include_str!("../../templates/pull-commit.txt.hbs")),
    ("pull-create.md.hbs", include_str!("../../templates/pull-create.md.hbs")),
    ("pull-destroy.md.hbs", include_str!("../../templates/pull-destroy.md.hbs")),
    ("pull-undo.md.hbs", include_str!("../../templates/pull-undo.md.hbs")),
];

/// The largest template that is taken, in bytes.
pub const TEMPLATE_MAX: usize = 256 * 1024;

/// A set of templates, parsed and ready.
#[derive(Debug, Clone)]
pub struct Templates {
    registries: BTreeMap<Kind, Handlebars<'static>>,
}

/// What a template writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Hcl,
    Markdown,
    Text,
}

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the template {name}{}: {problem}", line.map(|l| format!(", line {l}")).unwrap_or_default())]
pub struct TemplateError {
    /// The template's file name.
    pub name: String,
    /// The line, from 1, where it is known.
    pub line: Option<usize>,
    /// What is wrong.
    pub problem: String,
}

impl TemplateError {
    fn new(name: &str, line: Option<usize>, problem: impl Into<String>) -> Self {
        Self { name: name.to_owned(), line, problem: problem.into() }
    }
}

impl Default for Templates {
    /// The templates that kaas brings.
    fn default() -> Self {
        Self::with(std::iter::empty()).expect("the built-in templates are held by a test")
    }
}

impl Templates {
    /// The templates that kaas brings, with these (file name and text) in their place or beside them.
    pub fn with(own: impl IntoIterator<Item = (String, String)>) -> Result<Self, TemplateError> {
        let mut registries = BTreeMap::from([Kind::Hcl, Kind::Markdown, Kind::Text].map(|k| (k, registry(k))));
        let built_in = BUILT_IN.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        let all: BTreeMap<String, String> = built_in.chain(own).collect();
        for (name, text) in all {
            let kind = Kind::of(&name)
                .ok_or_else(|| TemplateError::new(&name, None, "a name ends in .tf.hbs, .md.hbs or .txt.hbs"))?;
            let template = compile(&name, &text)?;
            if let Some(registry) = registries.get_mut(&kind) {
                registry.register_template(&name, template);
            }
        }
        Ok(Self { registries })
    }

    /// Whether there is a template of that file name.
    pub fn has(&self, name: &str) -> bool {
        self.registries.values().any(|r| r.has_template(name))
    }

    /// Fills in a template.
    pub(super) fn fill(&self, name: &str, values: &impl Serialize) -> Result<String, TemplateError> {
        let registry = self.registries.values().find(|r| r.has_template(name));
        let registry = registry.ok_or_else(|| TemplateError::new(name, None, "there is no template of that name"))?;
        registry.render(name, values).map_err(|e| TemplateError::new(name, e.line_no, e.reason().to_string()))
    }
}

impl Kind {
    fn of(name: &str) -> Option<Self> {
        let kinds = [(".tf.hbs", Self::Hcl), (".md.hbs", Self::Markdown), (".txt.hbs", Self::Text)];
        kinds.into_iter().find(|(end, _)| name.ends_with(end)).map(|(_, kind)| kind)
    }
}

fn registry(kind: Kind) -> Handlebars<'static> {
    let mut registry = Handlebars::new();
    registry.set_strict_mode(true);
    registry.register_helper("hcl", Box::new(write_hcl));
    registry.register_helper("code", Box::new(write_code));
    registry.register_escape_fn(match kind {
        Kind::Hcl => hcl::escape,
        Kind::Markdown => markdown::escape,
        Kind::Text => markdown::plain_line,
    });
    registry
}

fn compile(name: &str, text: &str) -> Result<Template, TemplateError> {
    if text.len() > TEMPLATE_MAX {
        return Err(TemplateError::new(name, None, format!("is larger than {} KiB", TEMPLATE_MAX / 1024)));
    }
    let template = Template::compile(text)
        .map_err(|e| TemplateError::new(name, e.pos().map(|(line, _)| line), e.reason().to_string()))?;
    refuse(name, &template)?;
    Ok(template)
}

/// Refuses what would let a template pull in others, write unescaped, or look around.
fn refuse(name: &str, template: &Template) -> Result<(), TemplateError> {
    for (element, position) in template.elements.iter().zip(&template.mapping) {
        let not = |what: &str| Err(TemplateError::new(name, Some(position.0), format!("{what} cannot be used")));
        match element {
            TemplateElement::RawString(_) | TemplateElement::Comment(_) => {}
            TemplateElement::HtmlExpression(_) => return not("unescaped output"),
            TemplateElement::Expression(helper) | TemplateElement::HelperBlock(helper) => {
                if let Some(word) = unwanted(helper) {
                    return not(&format!("`{word}`"));
                }
                for inner in [&helper.template, &helper.inverse].into_iter().flatten() {
                    refuse(name, inner)?;
                }
            }
            TemplateElement::DecoratorExpression(_) | TemplateElement::DecoratorBlock(_) => return not("a decorator"),
            TemplateElement::PartialExpression(_) | TemplateElement::PartialBlock(_) => return not("a partial"),
            _ => return not("this element"),
        }
    }
    Ok(())
}

/// `lookup` and `log` are handlebars' own; neither has a use here.
fn unwanted(helper: &HelperTemplate) -> Option<&str> {
    match &helper.name {
        Parameter::Name(name) if matches!(name.as_str(), "lookup" | "log") => Some(name),
        _ => None,
    }
}

/// `{{hcl value}}`: an HCL expression, from an [`Expr`]. With `lines=true` a list or a map gets a line an entry.
fn write_hcl(
    helper: &Helper<'_>,
    _: &Handlebars<'_>,
    _: &Context,
    _: &mut RenderContext<'_, '_>,
    out: &mut dyn Output,
) -> HelperResult {
    let value = helper.param(0).ok_or(RenderErrorReason::ParamNotFoundForIndex("hcl", 0))?.value();
    let value = expr(value).ok_or_else(|| RenderErrorReason::Other("hcl takes a value that kaas made".to_owned()))?;
    let lines = helper.hash_get("lines").is_some_and(|l| l.value() == &Value::Bool(true));
    out.write(&if lines { hcl::literal_in_lines(&value) } else { hcl::literal(&value) })?;
    Ok(())
}

fn expr(value: &Value) -> Option<Expr> {
    let (kind, value) = value.as_object()?.iter().next()?;
    match (kind.as_str(), value) {
        ("text", Value::String(text)) => Some(Expr::Text(text.clone())),
        ("number", Value::Number(number)) => number.as_i64().map(Expr::Number),
        ("flag", Value::Bool(flag)) => Some(Expr::Flag(*flag)),
        ("list", Value::Array(items)) => items.iter().map(expr).collect::<Option<_>>().map(Expr::List),
        ("map", Value::Object(map)) => {
            map.iter().map(|(k, v)| Some((k.clone(), expr(v)?))).collect::<Option<_>>().map(Expr::Map)
        }
        ("path", Value::Array(parts)) => {
            parts.iter().map(|p| p.as_str().map(str::to_owned)).collect::<Option<_>>().map(Expr::Path)
        }
        _ => None,
    }
}

/// `{{code "text " value}}`: its parts as one piece of Markdown code, in which nothing has a meaning.
fn write_code(
    helper: &Helper<'_>,
    _: &Handlebars<'_>,
    _: &Context,
    _: &mut RenderContext<'_, '_>,
    out: &mut dyn Output,
) -> HelperResult {
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let text: String = helper.params().iter().map(|p| word(p.value())).collect();
    out.write(&markdown::code(&text))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(name: &str, text: &str) -> Result<Templates, TemplateError> {
        Templates::with([(name.to_owned(), text.to_owned())])
    }

    #[test]
    fn what_a_template_may_not_do_is_named_with_its_line() {
        for (text, problem) in [
            ("a\n{{> other}}", "the template x.tf.hbs, line 2: a partial cannot be used"),
            ("{{{a}}}", "the template x.tf.hbs, line 1: unescaped output cannot be used"),
            ("{{&a}}", "the template x.tf.hbs, line 1: unescaped output cannot be used"),
            ("\n\n{{#if a}}{{{b}}}{{/if}}", "the template x.tf.hbs, line 3: unescaped output cannot be used"),
            ("{{* decorate}}", "the template x.tf.hbs, line 1: a decorator cannot be used"),
            ("{{#*inline \"a\"}}{{/inline}}", "the template x.tf.hbs, line 1: a decorator cannot be used"),
            ("{{lookup a b}}", "the template x.tf.hbs, line 1: `lookup` cannot be used"),
        ] {
            assert_eq!(own("x.tf.hbs", text).unwrap_err().to_string(), problem);
        }
        assert!(own("x.tf.hbs", "ok\n{{#if a}}").unwrap_err().line.is_some());
        assert!(own("x.hbs", "").is_err());
        assert!(own("x.tf.hbs", &" ".repeat(TEMPLATE_MAX + 1)).is_err());
    }

    #[test]
    fn an_unknown_name_is_an_error_with_its_line() {
        let templates = own("x.txt.hbs", "fine\n{{nonsense}}").unwrap();
        let error = templates.fill("x.txt.hbs", &serde_json::json!({})).unwrap_err();
        assert_eq!((error.line, error.name.as_str()), (Some(2), "x.txt.hbs"));
        assert!(error.problem.contains("nonsense"), "{error}");
        assert!(templates.fill("absent.txt.hbs", &()).is_err());
    }

    #[test]
    fn a_plain_value_is_escaped_for_where_it_stands() {
        let values = serde_json::json!({ "v": "${a}\n@team <b> `" });
        for (name, text) in [
            ("x.tf.hbs", "$${a}\\n@team <b> `"),
            ("x.md.hbs", "$\\{a\\} @\u{2060}team &lt;b&gt; \\`"),
            ("x.txt.hbs", "${a} @\u{2060}team <b> `"),
        ] {
            assert_eq!(own(name, "{{v}}").unwrap().fill(name, &values).unwrap(), text);
        }
    }
}
