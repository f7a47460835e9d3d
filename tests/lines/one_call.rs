//! Whether rendered files are exactly one module call: looked at with the HCL parser alone, and without the code that rendered them.

use hcl_edit::expr::Expression;
use hcl_edit::structure::{Block, Body};
use kaas::lifecycle::form::Form;
use kaas::render::module::RenderedFile;

/// What else there is in the file, if anything.
pub fn check(files: &[RenderedFile], form: &Form) -> Result<(), String> {
    let [file] = files else { return Err(format!("{} files", files.len())) };
    if file.path != format!("clusters/{}/main.tf", form.name) {
        return Err(format!("the file {:?}", file.path));
    }
    let body: Body = file.content.parse().map_err(|error| format!("it is no HCL: {error}"))?;
    if let Some(stray) = body.attributes().next() {
        return Err(format!("an attribute beside the blocks: {}", stray.key.as_str()));
    }
    let mut calls = 0;
    for block in body.blocks() {
        let labels: Vec<&str> = block.labels.iter().map(|label| label.as_str()).collect();
        match (block.ident.as_str(), &labels[..]) {
            ("module", [name]) if *name == form.name.as_str() => {
                calls += 1;
                call(block, form)?;
            }
            ("terraform", []) => {}
            ("data", ["terraform_remote_state", "main"]) => {}
            ("output", ["cluster_id" | "cluster_name"]) => {}
            (other, labels) => return Err(format!("a block {other} {labels:?}")),
        }
    }
    if calls == 1 { Ok(()) } else { Err(format!("{calls} module calls")) }
}

fn call(block: &Block, form: &Form) -> Result<(), String> {
    if let Some(inner) = block.body.blocks().next() {
        return Err(format!("a block in the call: {}", inner.ident.as_str()));
    }
    for (key, expected) in [
        ("name", form.name.as_str()),
        ("instance_type", &form.instance_type),
        ("region", form.region.as_str()),
        ("kubernetes_version", form.kubernetes.as_str()),
    ] {
        let given = block.body.get_attribute(key).map(|attribute| &attribute.value);
        if given.and_then(Expression::as_str) != Some(expected) {
            return Err(format!("{key} is not {expected:?}: {given:?}"));
        }
    }
    for attribute in block.body.attributes() {
        plain(&attribute.value).map_err(|what| format!("{} holds {what}", attribute.key.as_str()))?;
    }
    Ok(())
}

/// Literals and references; nothing that terraform would compute.
fn plain(expression: &Expression) -> Result<(), String> {
    match expression {
        Expression::String(_) | Expression::Number(_) | Expression::Bool(_) => Ok(()),
        Expression::Array(items) => items.iter().try_for_each(plain),
        Expression::Object(entries) => entries.iter().try_for_each(|(_, value)| plain(value.expr())),
        Expression::Traversal(path) => match &path.expr {
            Expression::Variable(root) if root.as_str() == "data" => Ok(()),
            other => Err(format!("a reference to {other:?}")),
        },
        other => Err(format!("{other:?}")),
    }
}
