//! The written files: exactly what was meant, or nothing at all.

use super::*;
use crate::render::samples;
use proptest::prelude::*;

fn render(settings: &Settings, class: &Class, form: &Form, by: &Person) -> Result<Vec<RenderedFile>, RenderError> {
    cluster_files(settings, &Templates::default(), class, form, ChangeNumber(42), by, &samples::person("alice"))
}

fn sample() -> String {
    let files = render(&samples::settings(), &samples::class(), &samples::form(), &samples::person("alice")).unwrap();
    assert_eq!(files[0].path, "clusters/crucial-sandbox/main.tf");
    files[0].content.clone()
}

/// The example in the repository is what the renderer writes for a tenant called acme. `KAAS_REFRESH_EXAMPLES=1 cargo test --lib render::module` writes it again.
#[test]
fn the_example_in_the_repository_is_this_renderers_own_output() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/clusters/crucial-sandbox/main.tf");
    let written = sample();
    if std::env::var_os("KAAS_REFRESH_EXAMPLES").is_some() {
        std::fs::write(path, &written).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(kept, written, "refresh it with KAAS_REFRESH_EXAMPLES=1 cargo test --lib render::module");
}

#[test]
fn the_written_file() {
    insta::assert_snapshot!(sample());
}

#[test]
fn a_tenant_with_local_states_and_many_values() {
    let mut settings = samples::settings();
    settings.backend = Backend::Local { dir: "/var/lib/kaas/states/".into() };
    settings.foundation = Some(StateAt::Local { path: "/var/lib/kaas/foundation.tfstate".into() });
    let random = Provider { source: "hashicorp/random".into(), version: ">= 3.6, < 4".into() };
    settings.providers.insert("random".into(), random);
    let mut class = samples::class();
    let tags: BTreeMap<String, String> =
        (0..8).map(|n| (format!("cost centre {n}"), format!("${{n}} é {n}"))).collect();
    class.values.insert("tags".into(), Value::Map(tags));
    let cidrs = (0..12).map(|n| format!("10.{n}.0.0/16")).collect();
    class.values.insert("cidrs".into(), Value::List(cidrs));
    class.values.insert("few".into(), Value::Map(BTreeMap::from([("team".into(), "billing".into())])));
    class.values.insert("none".into(), Value::Map(BTreeMap::new()));
    class.values.insert("root_size_gb".into(), Value::Number(-50));
    class.values.insert("spot".into(), Value::Flag(false));
    let by =
        Person { name: "Zoë\n} resource \"x\" \"y\" {}\u{2028}# \u{202e}O'Hara*/".into(), ..samples::person("zoe") };
    let files = render(&settings, &class, &samples::form(), &by).unwrap();
    assert_fmt_agrees(&files[0].content);
    insta::assert_snapshot!(files[0].content);
}

#[test]
fn further_arguments_of_a_bucket() {
    let mut settings = samples::settings();
    let role = Value::Map(BTreeMap::from([("role_arn".into(), "arn:aws:iam::123456789012:role/kaas".into())]));
    let extra = BTreeMap::from([("encrypt".into(), Value::Flag(true)), ("assume_role".into(), role)]);
    if let Backend::S3 { extra: e, lockfile, .. } = &mut settings.backend {
        (*e, *lockfile) = (extra, false);
    }
    let files = render(&settings, &samples::class(), &samples::form(), &samples::person("alice")).unwrap();
    assert_fmt_agrees(&files[0].content);
    let from = files[0].content.find("  backend").unwrap();
    insta::assert_snapshot!(&files[0].content[from..files[0].content.find("\ndata").unwrap()]);
}

#[test]
fn what_cannot_be_written_is_said() {
    let problem = |change: &dyn Fn(&mut Settings, &mut Class)| {
        let (mut settings, mut class) = (samples::settings(), samples::class());
        change(&mut settings, &mut class);
        render(&settings, &class, &samples::form(), &samples::person("alice")).unwrap_err().to_string()
    };
    let text = |t: &str| Value::Text(t.into());
    let extra = |s: &mut Settings, name: &str| {
        if let Backend::S3 { extra, .. } = &mut s.backend {
            extra.insert(name.into(), text("x"));
        }
    };
    insta::assert_snapshot!(
        [
            problem(&|_, c| c.name = "azure".parse().unwrap()),
            problem(&|_, c| c.module = "../../etc".into()),
            problem(&|_, c| c.module = "a..b".into()),
            problem(&|_, c| _ = c.values.insert("worker_num".into(), Value::Number(99))),
            problem(&|_, c| _ = c.values.insert("for_each".into(), text("x"))),
            problem(&|_, c| _ = c.values.insert("a b".into(), text("x"))),
            problem(&|_, c| _ = c.values.insert("vpc_id".into(), text("x"))),
            problem(&|_, c| _ = c.foundation.insert("x".into(), "a.b".into())),
            problem(&|s, _| s.foundation = None),
            problem(&|s, _| extra(s, "secret_key")),
            problem(&|s, _| extra(s, "bucket")),
            problem(&|_, c| c.template = "absent".into()),
        ]
        .join("\n")
    );
}

#[test]
fn a_template_that_writes_anything_else_is_held_back() {
    let built_in = include_str!("../../templates/cluster.tf.hbs");
    let try_with = |template: String| {
        let templates = Templates::with([("cluster.tf.hbs".to_owned(), template)]).unwrap();
        let (settings, class, form) = (samples::settings(), samples::class(), samples::form());
        let alice = samples::person("alice");
        cluster_files(&settings, &templates, &class, &form, ChangeNumber(42), &alice, &alice)
    };
    assert!(try_with(format!("# ours\n\n\n{built_in}")).unwrap()[0].content.starts_with("# ours\n\n# Written"));
    let more = [
        "provider \"rancher2\" {\n}\n",
        "resource \"null_resource\" \"x\" {\n}\n",
        "locals {\n  a = 1\n}\n",
        "output \"more\" {\n  value = 1\n}\n",
        "module \"other\" {\n  source = \"./x\"\n}\n",
        "variable \"x\" {\n}\n",
        "x = 1\n",
        "module \"{{cluster}}\" {\n}\n",
        "check \"x\" {\n}\n",
        "}",
    ];
    let mut said: Vec<String> =
        more.iter().map(|m| try_with(format!("{built_in}\n{m}")).unwrap_err().to_string()).collect();
    for (from, to) in [
        (
            "  {{name}} = {{hcl value}}\n{{/each}}\n}",
            "  {{name}} = {{hcl value}}\n{{/each}}\n  provisioner \"local-exec\" {\n  }\n}",
        ),
        ("  {{name}} = {{hcl value}}\n{{/each}}\n}", "  {{name}} = {{hcl value}}\n{{/each}}\n  extra = 1\n}"),
        ("{{#each inputs}}\n  {{name}} = {{hcl value}}", "{{#each inputs}}\n  {{name}} = \"7\""),
        ("{{#each inputs}}\n  {{name}} = {{hcl value}}", "{{#each inputs}}\n  {{name}} = file(\"/etc/passwd\")"),
        ("{{#each inputs}}\n  {{name}} = {{hcl value}}\n{{/each}}", ""),
        ("  required_version = {{hcl required_version}}\n", ""),
    ] {
        assert!(built_in.contains(from));
        said.push(try_with(built_in.replace(from, to)).unwrap_err().to_string());
    }
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn the_digest_of_files() {
    let file = |path: &str, content: &str| RenderedFile { path: path.into(), content: content.into() };
    let digest = |files: &[RenderedFile]| content_digest(files).to_string();
    assert_eq!(digest(&[]), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_eq!(digest(&[file("a", "1"), file("b", "2")]), digest(&[file("b", "2"), file("a", "1")]));
    let others = [file("a", "12"), file("a1", "2"), file("", "a12"), file("a1", "")];
    assert!(others.iter().all(|o| digest(std::slice::from_ref(o)) != digest(&[file("a", "1"), file("2", "")])));
    assert_ne!(digest(&[file("ab", "c")]), digest(&[file("a", "bc")]));
}

#[test]
fn terraform_fmt_has_nothing_to_add() {
    assert_fmt_agrees(&sample());
}

/// Asks `terraform fmt`, where there is one.
fn assert_fmt_agrees(content: &str) {
    use std::io::Write as _;
    #[expect(clippy::disallowed_methods, reason = "the test asks terraform for its own layout")]
    let child = std::process::Command::new("terraform")
        .args(["fmt", "-"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn();
    let Ok(mut child) = child else { return };
    child.stdin.take().unwrap().write_all(content.as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert_eq!(String::from_utf8(out.stdout).unwrap(), content);
}

/// The check above rests on another parser than terraform's; this one asks terraform what the written values mean.
#[test]
fn terraform_reads_the_values_that_were_meant() {
    let texts = [
        "plain",
        "${file(\"/etc/passwd\")}",
        "%{ if true }x%{ endif }",
        "$${x}",
        "$$${x}",
        "%%{x}",
        "$%{",
        "$",
        "%",
        "${",
        "a\"b\\c\\\"",
        "line\nfeed\r\ttab",
        "\u{1}\u{1b}[31m\u{7f}\u{85}",
        "\u{200b}\u{202e}\u{2028}\u{feff}",
        "é José e\u{301} 東京 🦀",
        "#//*",
        "<<EOF\nx\nEOF",
        "\\u0041",
    ];
    let values: BTreeMap<String, Expr> = texts.iter().map(|t| (format!("k {}", nfc(t)), Expr::text(t))).collect();
    let content = hcl::tidy(&format!("output \"v\" {{\nvalue = {}\n}}\n", hcl::literal(&Expr::Map(values.clone()))));
    assert_fmt_agrees(&content);
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("main.tf"), content).unwrap();
    for args in [["init", "-no-color"].as_slice(), &["apply", "-auto-approve", "-no-color"], &["output", "-json", "v"]]
    {
        #[expect(clippy::disallowed_methods, reason = "the test asks terraform what it reads")]
        let out = std::process::Command::new("terraform").args(args).current_dir(dir.path()).output();
        let Ok(out) = out else { return };
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        if args[0] == "output" {
            let read: BTreeMap<String, String> = serde_json::from_slice(&out.stdout).unwrap();
            let read: BTreeMap<String, Expr> = read.into_iter().map(|(k, v)| (k, Expr::Text(v))).collect();
            assert_eq!(read, values);
        }
    }
}

proptest! {
    #[test]
    fn whatever_the_values_are_the_file_is_one_module_call_or_none(
        values in proptest::collection::btree_map(hostile_name(), hostile_value(), 0..6),
        foundation in proptest::collection::btree_map(hostile_name(), hostile_name(), 0..3),
        by in hostile(),
        module in prop_oneof![Just("aws-rancher-cluster".to_owned()), hostile()],
        instance_type in hostile(),
        bucket in hostile(),
    ) {
        let (mut settings, mut class, mut form) = (samples::settings(), samples::class(), samples::form());
        if let Backend::S3 { bucket: b, .. } = &mut settings.backend {
            *b = bucket;
        }
        class.values = values.clone();
        class.foundation = foundation.clone();
        class.module = module;
        form.instance_type = instance_type.clone();
        let by = Person { name: by, ..samples::person("alice") };
        match render(&settings, &class, &form, &by) {
            Err(RenderError::Setting { .. }) => {}
            Err(other) => prop_assert!(false, "{other}"),
            Ok(files) => {
                let body = hcl::parse(&files[0].content).unwrap();
                let kinds: Vec<&str> = body.blocks.keys().map(|id| id[0].as_str()).collect();
                let modules = kinds.iter().filter(|k| **k == "module").count();
                prop_assert_eq!(modules, 1);
                prop_assert!(kinds.iter().all(|k| ["terraform", "data", "module", "output"].contains(k)));
                let call = &body.blocks[&vec!["module".to_owned(), "crucial-sandbox".to_owned()]];
                prop_assert!(call.blocks.is_empty() && body.attributes.is_empty());
                prop_assert_eq!(&call.attributes["instance_type"], &Expr::text(&instance_type));
                for (name, value) in &values {
                    prop_assert_eq!(&call.attributes[name], &expr(value));
                }
                prop_assert_eq!(call.attributes.len(), 9 + values.len() + foundation.len());
            }
        }
    }
}

fn hostile() -> impl Strategy<Value = String> {
    let words = prop_oneof![
        Just("\"\n}\nresource \"x\" \"y\" {\n"),
        Just("${file(\"/etc/passwd\")}"),
        Just("%{ if true }"),
        Just("$${"),
        Just("\\"),
        Just("\\\""),
        Just("*/"),
        Just("#"),
        Just("<<EOF\n"),
        Just("\u{2028}"),
        Just("\u{0}"),
        Just("é"),
        Just("e\u{301}"),
        Just("\r"),
        Just("a"),
    ];
    prop_oneof![any::<String>(), proptest::collection::vec(words, 0..6).prop_map(|w| w.concat())]
}

fn hostile_name() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[a-z_][a-z0-9_]{0,8}", 1 => hostile()]
}

fn hostile_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        hostile().prop_map(Value::Text),
        any::<i64>().prop_map(Value::Number),
        any::<bool>().prop_map(Value::Flag),
        proptest::collection::vec(hostile(), 0..5).prop_map(Value::List),
        proptest::collection::btree_map(hostile(), hostile(), 0..4).prop_map(Value::Map),
    ]
}

#[test]
fn a_branch_leads_back_to_its_change() {
    let name: ClusterName = "crucial-sandbox".parse().expect("a name");
    let written = branch(&name, ChangeNumber(42));
    assert_eq!(written, "kaas/crucial-sandbox/42");
    assert_eq!(whose_branch(&written), Some((name, ChangeNumber(42))));
    for other in [
        "main",
        "kaas/crucial-sandbox",
        "kaas/crucial-sandbox/",
        "kaas/crucial-sandbox/x",
        "kaas/crucial-sandbox/+42",
        "kaas/crucial-sandbox/042",
        "kaas/crucial-sandbox/42/1",
        "kaas/No Name/42",
        "kaas//42",
        "other/kaas/crucial-sandbox/42",
    ] {
        assert_eq!(whose_branch(other), None, "{other}");
    }
}
