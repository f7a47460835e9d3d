//! The order of the house, held by reading the tree: which module may use which, how long a file may be, that every link leads somewhere, that
//! ARCHITECTURE.md names the folders that there are, and that nothing lies around unused.
//!
//! Nothing of kaas is called here. A rule that has to change is changed in the tables below, in the same commit, with its reason.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Which module may use which other modules of kaas, in the order of the dependencies. `render::plan` allows that part of `render` alone.
const MAY_USE: &[(&str, &[&str])] = &[
    ("lifecycle", &[]),
    ("clock", &[]),
    ("exit", &[]),
    ("priority", &[]),
    ("command", &["lifecycle"]),
    ("render", &["lifecycle"]),
    ("record", &["lifecycle"]),
    ("store", &["lifecycle", "record"]),
    // A message is what a chat is given.
    ("ports", &["lifecycle", "render::message"]),
    // A configuration is valid when what it configures can be made of it.
    ("config", &["lifecycle", "render::module", "render::plan", "render::templates"]),
    ("engine", &["clock", "command", "lifecycle", "ports", "record", "render", "store"]),
    // Adapters: ports and values, and never each other.
    // What Discord offers is made from the one table of commands, and what was chosen there becomes a line.
    ("chat", &["clock", "command", "lifecycle", "ports", "render::message"]),
    // The digest of what a branch holds is the renderer's, so that both mean the same.
    ("forge", &["clock", "lifecycle", "ports", "priority", "render::module"]),
    // What terraform prints is read, summed up and redacted by pure code.
    ("runner", &["clock", "lifecycle", "ports", "priority", "render::plan", "render::redact"]),
    ("rancher", &["clock", "lifecycle", "ports"]),
    ("cloud", &["clock", "lifecycle", "ports"]),
    // It stands for the outside, so it knows nothing of the inside.
    ("sim", &["clock", "exit"]),
    // Whoever serves HTTP hands deliveries on; what they mean, adapters know.
    ("web", &["ports"]),
    (
        "cli",
        &[
            "chat",
            "clock",
            "cloud",
            "command",
            "config",
            "engine",
            "exit",
            "forge",
            "lifecycle",
            "ports",
            "rancher",
            "record",
            "render",
            "runner",
            "sim",
            "store",
            "web",
        ],
    ),
    ("main", &["cli"]),
    ("lib", &[]),
];

/// What the tests inside a module may use besides.
const TESTS_MAY_USE: &[(&str, &[&str])] = &[("rancher", &["sim::rancher"]), ("chat", &["render::say"])];

/// The pure part of kaas, and words that would make it impure.
const PURE: &[&str] = &["lifecycle", "command", "render", "record"];
const IMPURE: &[&str] = &[
    "async fn",
    ".await",
    "tokio",
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "std::thread",
    "Timestamp::now",
    "Zoned::now",
    "RandomState",
];

/// The most lines of a file under `src`.
const LINES_MAX: usize = 500;

/// Files that were longer when the limit came, with the length that they may not exceed. Entries go; none is added.
const LONGER: &[(&str, usize)] = &[];

/// Dependencies that are used without being named in the code, and why.
const UNNAMED: &[(&str, &str)] = &[];

// ---- the rules ----

#[test]
fn dependencies_point_one_way() {
    let mut wrong = Vec::new();
    for file in sources() {
        let allowed = table(MAY_USE, &file.module)
            .unwrap_or_else(|| panic!("{}: MAY_USE does not know {}", file.path, file.module));
        let in_tests = table(TESTS_MAY_USE, &file.module).unwrap_or_default();
        for usage in uses(&file.text) {
            let own = usage.path.first().is_some_and(|first| *first == file.module);
            let listed = |table: &[&str]| table.iter().any(|may| usage.fits(may));
            let allowed_here = own || listed(allowed) || (file.is_test_at(usage.line) && listed(in_tests));
            if !allowed_here {
                wrong.push(format!("{}:{} uses {}", file.path, usage.line, usage.path.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "these lines point the wrong way (see MAY_USE):\n{}", wrong.join("\n"));
}

#[test]
fn the_table_of_dependencies_has_no_circle_and_no_idle_edge() {
    let order: Vec<&str> = MAY_USE.iter().map(|(module, _)| *module).collect();
    let mut used: BTreeMap<String, Vec<Use>> = BTreeMap::new();
    for file in sources() {
        used.entry(file.module.clone()).or_default().extend(uses(&file.text));
    }
    for (module, allowed) in MAY_USE {
        let place = order.iter().position(|m| m == module);
        for may in *allowed {
            let target = order.iter().position(|m| Some(*m) == may.split("::").next());
            assert!(target.is_some() && target < place, "{module} may not use {may}, which does not come before it");
            let is_used = used.get(*module).is_some_and(|uses| uses.iter().any(|usage| usage.fits(may)));
            assert!(is_used, "{module} does not use {may}: take it out of MAY_USE");
        }
    }
}

#[test]
fn the_pure_part_stays_pure() {
    let mut wrong = Vec::new();
    for file in sources().iter().filter(|file| PURE.contains(&file.module.as_str())) {
        for (number, line) in code_lines(&file.text) {
            if !file.is_test_at(number)
                && let Some(word) = IMPURE.iter().find(|word| line.contains(**word))
            {
                wrong.push(format!("{}:{number} has {word}", file.path));
            }
        }
    }
    assert!(wrong.is_empty(), "no I/O, no async, no clock and no randomness here:\n{}", wrong.join("\n"));
}

#[test]
fn every_file_says_what_it_is_for_and_fits_in_the_head() {
    let mut wrong = Vec::new();
    for file in sources() {
        if !file.text.starts_with("//! ") {
            wrong.push(format!("{}: its first line does not say what it is for (//! …)", file.path));
        }
        let lines = file.text.lines().count();
        let most = LONGER.iter().find(|(path, _)| *path == file.path).map_or(LINES_MAX, |(_, most)| *most);
        if lines > most {
            wrong.push(format!("{}: {lines} lines are more than {most}", file.path));
        }
        if most > LINES_MAX && lines <= LINES_MAX {
            wrong.push(format!("{}: short by now; take it out of LONGER", file.path));
        }
    }
    for (path, _) in LONGER {
        assert!(root().join(path).is_file(), "{path} is gone; take it out of LONGER");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_is_left_undone() {
    let marks =
        [["TO", "DO"].concat(), ["FIX", "ME"].concat(), ["to", "do!("].concat(), ["unimple", "mented!("].concat()];
    let mut wrong = Vec::new();
    for path in files_under(&root(), &["rs", "tf", "hbs", "toml", "md", "sh"]) {
        for (index, line) in read(&path).lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark.as_str())) {
                wrong.push(format!("{}:{}: {}", shown(&path), index + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "left undone:\n{}", wrong.join("\n"));
}

#[test]
fn every_link_of_the_documentation_leads_somewhere() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    // What lies under src is a part of a document elsewhere.
    for path in files_under(&root(), &["md"]).into_iter().filter(|path| !path.starts_with(root().join("src"))) {
        for link in links(&read(&path)) {
            seen += 1;
            let (target, anchor) = link.split_once('#').unwrap_or((link.as_str(), ""));
            let file =
                if target.is_empty() { path.clone() } else { path.parent().unwrap_or(Path::new("")).join(target) };
            if !file.exists() {
                wrong.push(format!("{}: {link} is not there", shown(&path)));
            } else if !anchor.is_empty()
                && file.extension().is_some_and(|e| e == "md")
                && !anchors(&read(&file)).contains(anchor)
            {
                wrong.push(format!("{}: {link} has no such heading", shown(&path)));
            }
        }
    }
    assert!(seen > 10, "only {seen} links were found: the reader of links is broken");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_documentation_is_all_in_the_index() {
    let index = read(&root().join("README.md"));
    let known: BTreeSet<String> =
        links(&index).into_iter().map(|link| link.split('#').next().unwrap_or_default().to_owned()).collect();
    for path in files_under(&root().join("docs"), &["md"]) {
        let name = shown(&path);
        let in_folder = Path::new(&name)
            .parent()
            .is_some_and(|folder| known.contains(&format!("{}/", folder.display())) && folder != Path::new("docs"));
        assert!(known.contains(&name) || in_folder, "README.md does not lead to {name}");
    }
}

#[test]
fn the_architecture_names_every_folder() {
    let text = read(&root().join("ARCHITECTURE.md"));
    let tree = text
        .split("## Module tree")
        .nth(1)
        .and_then(|rest| rest.split("```").nth(1))
        .expect("a module tree in a code block");
    let mut named = BTreeSet::new();
    // A line is `  name/  what it is`; what is indented more lies inside.
    let mut inside: Vec<(usize, String)> = Vec::new();
    for line in tree.lines() {
        let indent = line.len() - line.trim_start().len();
        let Some(name) = line.split_whitespace().next().and_then(|word| word.strip_suffix('/')) else { continue };
        inside.retain(|(depth, _)| *depth < indent);
        inside.push((indent, name.to_owned()));
        named.insert(inside.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join("/"));
    }
    let there: BTreeSet<String> = sources()
        .iter()
        .filter_map(|file| Path::new(&file.path).parent().map(|folder| folder.display().to_string()))
        .filter(|folder| !folder.ends_with("/tests"))
        .collect();
    assert_eq!(named, there, "the module tree of ARCHITECTURE.md (left) is not that of src (right)");
}

#[test]
fn every_dependency_is_used() {
    let manifest: toml::Table = read(&root().join("Cargo.toml")).parse().expect("Cargo.toml is TOML");
    let places = |folders: &[&str]| -> String {
        folders.iter().flat_map(|f| files_under(&root().join(f), &["rs"])).map(|path| read(&path)).collect()
    };
    let (code, tests) = (places(&["src"]), places(&["src", "tests", "benches"]));
    let mut idle = Vec::new();
    for (section, code) in [("dependencies", &code), ("dev-dependencies", &tests)] {
        for name in manifest.get(section).and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::keys) {
            let krate = name.replace('-', "_");
            let named = ["::", " as ", ";"].iter().any(|after| is_named(code, &krate, after));
            if !named && !UNNAMED.iter().any(|(unnamed, _)| unnamed == name) {
                idle.push(format!("{section}: {name}"));
            }
        }
    }
    assert!(idle.is_empty(), "not used:\n{}", idle.join("\n"));
}

#[test]
fn every_snapshot_belongs_to_a_test() {
    let mut idle = Vec::new();
    for path in files_under(&root(), &["snap"]) {
        let text = read(&path);
        let source = text.lines().find_map(|line| line.strip_prefix("source: ")).unwrap_or_default();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        // `crate__module__name`, and `name-2` for the second one of a test.
        let name = stem.rsplit("__").next().unwrap_or_default();
        let name = name.rsplit_once('-').filter(|(_, n)| n.parse::<u32>().is_ok()).map_or(name, |(name, _)| name);
        let code = fs::read_to_string(root().join(source)).unwrap_or_default();
        if !code.contains(&format!("fn {name}(")) && !code.contains(&format!("\"{name}\"")) {
            idle.push(format!("{} (of {source})", shown(&path)));
        }
    }
    assert!(idle.is_empty(), "no test makes these snapshots any more:\n{}", idle.join("\n"));
}

// ---- reading the tree ----

struct Source {
    /// Relative to the repository: `src/render/plan/mod.rs`.
    path: String,
    /// The module that it belongs to: `render`.
    module: String,
    text: String,
    /// The first line of its tests, from 1; 1 where all of it is for tests.
    tests_from: usize,
}

impl Source {
    fn is_test_at(&self, line: usize) -> bool {
        line >= self.tests_from
    }
}

fn sources() -> Vec<Source> {
    let source = |path: PathBuf| {
        let (text, path) = (read(&path), shown(&path));
        let inner = path.strip_prefix("src/").unwrap_or(&path);
        let module = inner.split('/').next().unwrap_or(inner).trim_end_matches(".rs").to_owned();
        let whole = inner.contains("/tests/") || inner.ends_with("tests.rs") || is_test_module(&path);
        let inline = text.lines().collect::<Vec<_>>().windows(2).position(|pair| {
            pair[0].trim() == "#[cfg(test)]"
                && pair[1].trim_start().starts_with("mod ")
                && pair[1].trim_end().ends_with('{')
        });
        let tests_from = if whole { 1 } else { inline.map_or(usize::MAX, |index| index + 1) };
        Source { path, module, text, tests_from }
    };
    let found: Vec<Source> = files_under(&root().join("src"), &["rs"]).into_iter().map(source).collect();
    assert!(found.len() > 50, "only {} sources were found", found.len());
    found
}

/// Whether the file's parent declares it for tests only: `#[cfg(test)] mod sample;`.
fn is_test_module(path: &str) -> bool {
    let path = Path::new(path);
    let (Some(folder), Some(name)) = (path.parent(), path.file_stem().and_then(|stem| stem.to_str())) else {
        return false;
    };
    let beside = [folder.join("mod.rs"), folder.with_extension("rs"), folder.join("lib.rs")];
    beside.iter().filter_map(|parent| fs::read_to_string(root().join(parent)).ok()).any(|parent| {
        let lines: Vec<&str> = parent.lines().map(str::trim).collect();
        lines.windows(2).any(|pair| {
            pair[0] == "#[cfg(test)]"
                && ["mod", "pub mod", "pub(crate) mod"].iter().any(|m| pair[1] == format!("{m} {name};"))
        })
    })
}

struct Use {
    line: usize,
    path: Vec<String>,
}

impl Use {
    /// Whether it lies within what `may` allows: `render::say` lies within `render`, not the other way round.
    fn fits(&self, may: &str) -> bool {
        let may: Vec<&str> = may.split("::").collect();
        may.len() <= self.path.len() && may.iter().zip(&self.path).all(|(may, used)| may == used)
    }
}

/// Every `crate::…` and `kaas::…` of the code, `{…}` taken apart.
fn uses(text: &str) -> Vec<Use> {
    let mut found = Vec::new();
    // One text, so that a `use` may stretch over lines; comments are blanked and lines kept.
    let mut code = String::new();
    let mut starts = Vec::new();
    for (number, line) in all_lines(text) {
        starts.push((code.len(), number));
        code.push_str(line);
        code.push('\n');
    }
    for start in ["crate::", "kaas::"] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$' || c == '"') {
                continue;
            }
            let line = starts.iter().rev().find(|(from, _)| *from <= at).map_or(0, |(_, number)| *number);
            for path in expand(&code[at + start.len()..]) {
                found.push(Use { line, path });
            }
        }
    }
    found
}

/// `render::{pull, say}` is `render::pull` and `render::say`: the first two parts of each path.
fn expand(text: &str) -> Vec<Vec<String>> {
    if let Some(list) = text.strip_prefix('{') {
        return entries(list).into_iter().flat_map(|entry| expand(&entry)).collect();
    }
    let (first, rest) = word(text);
    let Some(rest) = rest.strip_prefix("::") else { return vec![vec![first]] };
    if let Some(list) = rest.strip_prefix('{') {
        return entries(list).into_iter().map(|entry| vec![first.clone(), word(&entry).0]).collect();
    }
    vec![vec![first, word(rest).0]]
}

/// The entries of a list whose `{` was read, up to its `}`.
fn entries(list: &str) -> Vec<String> {
    let (mut depth, mut entries) = (0, vec![String::new()]);
    for c in list.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                entries.push(String::new());
                continue;
            }
            _ => {}
        }
        entries.last_mut().expect("there is one").push(c);
    }
    entries.into_iter().map(|entry| entry.trim().to_owned()).filter(|entry| !entry.is_empty()).collect()
}

fn word(text: &str) -> (String, &str) {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    (text[..end].to_owned(), &text[end..])
}

fn is_named(code: &str, krate: &str, after: &str) -> bool {
    code.match_indices(krate).any(|(at, _)| {
        let free = !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let follows = code[at + krate.len()..].starts_with(after);
        // `use toml;` and `use sled as store;` name a crate; `sled;` in a sentence does not.
        free && follows && (after == "::" || code[..at].ends_with("use "))
    })
}

/// Lines with comments blanked.
fn all_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, if line.trim_start().starts_with("//") { "" } else { line }))
}

/// Lines of code.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    all_lines(text).filter(|(_, line)| !line.trim().is_empty())
}

/// Links to files: `[text](target)`, outside of code.
fn links(text: &str) -> Vec<String> {
    let prose = text.split("```").step_by(2).collect::<Vec<_>>().join("\n");
    let prose = prose.split('`').step_by(2).collect::<Vec<_>>().join("`");
    let targets = prose
        .match_indices("](")
        .filter_map(|(at, _)| prose[at + 2..].split_once(')').map(|(target, _)| target.to_owned()));
    targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:")).collect()
}

/// The anchors of a document's headings, as forges make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| line.trim_start_matches('#').trim().to_lowercase());
    headings
        .map(|h| {
            h.chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect()
        })
        .collect()
}

fn files_under(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            found.extend(files_under(&path, extensions));
        } else if path.extension().is_some_and(|e| extensions.iter().any(|extension| e == *extension)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn table(table: &[(&str, &'static [&'static str])], module: &str) -> Option<&'static [&'static str]> {
    table.iter().find(|(name, _)| *name == module).map(|(_, allowed)| *allowed)
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}
