//! The configurations as they lie in the repository, read as HCL.

use std::path::{Path, PathBuf};

use hcl_edit::expr::Expression;
use hcl_edit::structure::{Block, Body};

/// The folder of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of the repository.
pub fn read(path: &str) -> String {
    std::fs::read_to_string(repository().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The files of a configuration and of its tests, by their place in it. What somebody's own use of it left there is left out.
pub fn all(root: &str) -> Vec<(PathBuf, String)> {
    let mut all = Vec::new();
    for (folder, end) in [("", ".tf"), ("tests", ".tftest.hcl")] {
        for entry in std::fs::read_dir(repository().join(root).join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(end) && name != "backend.tf" {
                let path = Path::new(folder).join(name);
                let text = std::fs::read_to_string(repository().join(root).join(&path)).unwrap();
                all.push((path, text));
            }
        }
    }
    all.sort();
    all
}

/// The blocks of that kind in the files of a configuration with that ending.
pub fn blocks(root: &str, ending: &str, kind: &str) -> Vec<Block> {
    let mut found = Vec::new();
    for (path, text) in all(root).iter().filter(|(path, _)| path.to_str().unwrap().ends_with(ending)) {
        let body: Body = text.parse().unwrap_or_else(|e| panic!("{root}/{}: {e}", path.display()));
        found.extend(body.into_blocks().filter(|block| block.ident.as_str() == kind));
    }
    found
}

/// How many runs the tests of a configuration have.
pub fn runs(root: &str) -> usize {
    blocks(root, ".tftest.hcl", "run").len()
}

/// The last label of a block: its name.
pub fn name(block: &Block) -> String {
    block.labels.last().expect("the block has a name").as_str().to_owned()
}

/// An attribute that is plain text.
pub fn text(block: &Block, attribute: &str) -> Option<String> {
    Some(block.body.get_attribute(attribute)?.value.as_str()?.to_owned())
}

/// An attribute as it is written.
pub fn written(block: &Block, attribute: &str) -> Option<String> {
    let mut value: Expression = block.body.get_attribute(attribute)?.value.clone();
    hcl_edit::Decorate::decor_mut(&mut value).clear();
    Some(value.to_string())
}
