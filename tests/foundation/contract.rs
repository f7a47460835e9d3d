//! What others rely on: outputs by their names, the tables of the README, and that nothing else opens a port.

use std::collections::{BTreeMap, BTreeSet};

use super::{ROOTS, files};

/// What clusters may read of a foundation, whatever class they are of.
const CONTRACT: [&str; 7] = [
    "vpc_id",
    "public_subnet_ids",
    "private_subnet_ids",
    "node_security_group_name",
    "zones",
    "availability_zones",
    "region",
];

fn outputs() -> BTreeSet<String> {
    files::blocks(ROOTS[0], "outputs.tf", "output").iter().map(files::name).collect()
}

/// Class and output of every input that a class of the file takes from the foundation.
fn read_by_classes(path: &str) -> Vec<(String, String)> {
    let file: toml::Table = files::read(path).parse().unwrap();
    let mut all = Vec::new();
    for tenant in file["tenants"].as_table().unwrap().values() {
        for (class, settings) in tenant["classes"].as_table().unwrap() {
            for output in
                settings.get("foundation").and_then(toml::Value::as_table).into_iter().flat_map(|t| t.values())
            {
                all.push((class.clone(), output.as_str().unwrap().to_owned()));
            }
        }
    }
    all
}

#[test]
fn what_classes_read_is_an_output() {
    let outputs = outputs();
    for name in CONTRACT {
        assert!(outputs.contains(name), "deploy/foundation has no output {name}");
    }
    for path in ["kaas.example.toml", "src/config/demo.toml"] {
        let read = read_by_classes(path);
        assert!(!read.is_empty(), "no class of {path} reads the foundation");
        for (class, output) in read {
            assert!(
                outputs.contains(&output),
                "{path}: the class {class} reads {output}, which deploy/foundation has not"
            );
        }
    }
    let example = files::read("clusters/crucial-sandbox/main.tf");
    let read: Vec<&str> = example.split("terraform_remote_state.main.outputs.").skip(1).collect();
    assert!(read.len() >= 3, "the example reads the foundation");
    for rest in read {
        let output = rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap();
        assert!(outputs.contains(output), "clusters/crucial-sandbox reads {output}, which deploy/foundation has not");
    }
}

/// The rows of the README are those of the code: `UPDATE_DOCS=1` writes them again.
#[test]
fn the_readme_names_all_inputs_and_outputs() {
    let path = "deploy/foundation/README.md";
    let mut expected = files::read(path);
    for root in ROOTS {
        for (what, table) in [("inputs", inputs_table(root)), ("outputs", outputs_table(root))] {
            let (begin, end) = (format!("<!-- {what} of {root} -->\n"), format!("<!-- end of {what} -->"));
            let (before, rest) = expected.split_once(&begin).unwrap_or_else(|| panic!("{path} has no {begin}"));
            let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("{path} has no {end}"));
            expected = format!("{before}{begin}{table}{end}{after}");
        }
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(files::repository().join(path), &expected).unwrap();
    }
    assert_eq!(files::read(path), expected, "refresh it with UPDATE_DOCS=1 cargo test --test foundation readme");
}

fn inputs_table(root: &str) -> String {
    let mut rows = "| name | what it is | type | default |\n|---|---|---|---|\n".to_owned();
    for variable in files::blocks(root, "variables.tf", "variable") {
        let (name, what) = (files::name(&variable), described(&variable));
        let kind = files::written(&variable, "type").expect("an input has a type");
        let default = files::written(&variable, "default").map_or("required".to_owned(), |value| format!("`{value}`"));
        assert!(variable.body.has_blocks("validation"), "{root}: {name} takes anything");
        rows += &format!("| `{name}` | {what} | `{kind}` | {default} |\n");
    }
    rows
}

fn outputs_table(root: &str) -> String {
    let mut rows = "| name | what it is |\n|---|---|\n".to_owned();
    for output in files::blocks(root, "outputs.tf", "output") {
        rows += &format!("| `{}` | {} |\n", files::name(&output), described(&output));
    }
    rows
}

fn described(block: &hcl_edit::structure::Block) -> String {
    let what = files::text(block, "description").unwrap_or_default();
    assert!(what.ends_with('.'), "{} has no sentence that describes it", files::name(block));
    what.replace('<', "&lt;")
}

/// The assertions in nodes.tftest.hcl know these rules; another resource that lets somebody in would pass them by.
#[test]
fn nothing_but_the_two_rules_lets_anybody_in() {
    let mut kinds: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for resource in files::blocks(ROOTS[0], ".tf", "resource") {
        let kind = resource.labels[0].as_str().to_owned();
        let inline =
            ["ingress", "egress"].map(|rule| resource.body.has_blocks(rule) || resource.body.has_attribute(rule));
        assert_eq!(inline, [false, false], "{kind} {} has rules of its own", files::name(&resource));
        kinds.entry(kind).or_default().push(files::name(&resource));
    }
    let groups: Vec<_> =
        kinds.iter().filter(|(kind, _)| kind.contains("security_group") || kind.contains("acl")).collect();
    let expected = [
        ("aws_default_security_group", vec!["closed"]),
        ("aws_security_group", vec!["nodes"]),
        ("aws_vpc_security_group_egress_rule", vec!["nodes", "outside"]),
        ("aws_vpc_security_group_ingress_rule", vec!["nodes", "rancher"]),
    ]
    .map(|(kind, names)| (kind.to_owned(), names.into_iter().map(str::to_owned).collect::<Vec<_>>()));
    assert_eq!(groups, expected.iter().map(|(kind, names)| (kind, names)).collect::<Vec<_>>());
    // A module could hide anything.
    assert!(files::blocks(ROOTS[0], ".tf", "module").is_empty());
}
