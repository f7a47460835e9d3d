//! What a configuration asks `init` for, read from its text: backend, providers, module sources. Pure.

use std::collections::BTreeSet;

use hcl_edit::structure::{Block, Body};

/// What of a configuration `init` depends on.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Everything, as text: it changes exactly when `init` has to run again.
    pub init: String,
    /// The same without backend and modules: it changes when other providers may be needed.
    pub providers: String,
    /// The module sources that lie in the repository: `../../modules/aws`.
    pub local_modules: BTreeSet<String>,
}

/// Reads one file. What is no HCL is taken whole, and terraform will say what is wrong with it.
pub fn needs(text: &str) -> Needs {
    let Ok(body) = text.parse::<Body>() else {
        return Needs { init: text.to_owned(), providers: text.to_owned(), local_modules: BTreeSet::new() };
    };
    let mut needs = Needs::default();
    for block in body.blocks() {
        let label = block.labels.first().map_or("", |label| label.as_str());
        match block.ident.as_str() {
            "terraform" => {
                needs.init.push_str(&text_of(block.clone()));
                let mut without = block.clone();
                without.body.remove_blocks("backend");
                without.body.remove_blocks("cloud");
                needs.providers.push_str(&text_of(without));
            }
            "module" => {
                let value = |key| block.body.get_attribute(key).and_then(|attribute| attribute.value.as_str());
                let source = value("source").unwrap_or_default();
                let version = value("version").unwrap_or_default();
                needs.init.push_str(&format!("module {label} {source} {version}\n"));
                if source.starts_with("./") || source.starts_with("../") {
                    needs.local_modules.insert(source.to_owned());
                }
            }
            // A provider may be asked for by nothing but the type of a resource.
            kind @ ("resource" | "data" | "ephemeral" | "provider") => {
                let line = format!("{kind} {label}\n");
                needs.init.push_str(&line);
                needs.providers.push_str(&line);
            }
            _ => {}
        }
    }
    needs
}

/// Resolves a module source relative to the folder that names it; `None` where it leaves the repository.
pub fn resolve(folder: &str, source: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in source.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// A block without what stands before and after it: kaas' own files begin with a comment that names the change.
fn text_of(mut block: Block) -> String {
    use hcl_edit::Decorate as _;
    block.decor_mut().clear();
    Body::builder().block(block).build().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
        terraform {
          required_version = ">= 1.5"
          backend "s3" { key = "a" }
        }
        data "terraform_remote_state" "main" {}
        module "demo" {
          source = "../../modules/aws"
          worker_num = 3
        }
    "#;

    #[test]
    fn only_what_init_depends_on_counts() {
        let needs_of = |from: &str, to: &str| needs(&FILE.replace(from, to));
        let plain = needs(FILE);
        assert_eq!(plain.local_modules, BTreeSet::from(["../../modules/aws".to_owned()]));
        assert_eq!(needs_of("worker_num = 3", "worker_num = 5"), plain);
        let commented = needs(&format!("# Written by kaas for change 42, asked by alice.{FILE}"));
        assert_eq!(commented.init, needs(&format!("# Written by kaas for change 43, asked by bob.{FILE}")).init);
        assert_eq!(commented.providers, plain.providers);
        let backend = needs_of("key = \"a\"", "key = \"b\"");
        assert_ne!(backend.init, plain.init);
        assert_eq!(backend.providers, plain.providers);
        assert_ne!(needs_of("modules/aws", "modules/gcp").init, plain.init);
        assert_ne!(needs_of("1.5", "1.6").providers, plain.providers);
        assert_ne!(needs_of("terraform_remote_state", "aws_ami").providers, plain.providers);
    }

    #[test]
    fn sources_stay_in_the_repository() {
        assert_eq!(resolve("clusters/demo", "../../modules/aws").as_deref(), Some("modules/aws"));
        assert_eq!(resolve("modules/aws", "./nodes//").as_deref(), Some("modules/aws/nodes"));
        assert_eq!(resolve("clusters/demo", "../../../etc"), None);
        assert_eq!(resolve("a", ".."), None);
    }
}
