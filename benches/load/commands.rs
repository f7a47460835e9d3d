//! What kaas adds from the command to the plan in the thread, over bare `terraform init && plan` of the same files: the real module, the real terraform, the
//! stand-in for the provider and the simulated Rancher. And what a change that waits for people costs.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use kaas::lifecycle::ClusterKey;
use kaas::store::Store;
use kaas::store::sled::SledStore;

use crate::demo::Demo;
use crate::house::runtime;
use crate::measure::{self, Times, command, folder, heading, line, ms, now, ratio};

/// How often each is measured, in turns.
const ROUNDS: usize = 12;
/// What the card's thread says when the plan is there.
const PLAN: &str = "the plan is here";

pub fn figures() {
    heading("from the command to the plan in the thread, beside bare terraform init && plan");
    let folder = folder();
    let dir = folder.path();
    let mut demo = Demo::start(dir, "alice> /kaas list");
    demo.hears("kaas>");
    // The first one of all lays out the module and asks git for it.
    let first = plan(&mut demo, "first-one");
    end(&mut demo, "first-one");
    let (mut cold, mut warm, mut bare_cold, mut bare_warm) = <(Times, Times, Times, Times)>::default();
    let (mut over_cold, mut over_warm) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let name = format!("box-{round}");
        let kaas_cold = plan(&mut demo, &name);
        let copy = copy(dir, &name);
        end(&mut demo, &name);
        let one = bare(dir, &copy, &name);
        let kaas_warm = plan(&mut demo, &name);
        end(&mut demo, &name);
        let other = bare(dir, &copy, &name);
        cold.push(kaas_cold);
        warm.push(kaas_warm);
        bare_cold.push(one);
        bare_warm.push(other);
        over_cold.push(kaas_cold.as_secs_f64() - one.as_secs_f64());
        over_warm.push(kaas_warm.as_secs_f64() - other.as_secs_f64());
    }
    line("the first cluster of all", ms(first));
    line("cold: a cluster that was never seen", format!("{}; bare {}", cold.spread(), bare_cold.spread()));
    line("warm: the same cluster again", format!("{}; bare {}", warm.spread(), bare_warm.spread()));
    let over = |mut over: Vec<f64>, kaas: &Times, bare: &Times| {
        over.sort_unstable_by(f64::total_cmp);
        format!(
            "{:+.0} ms (median of the pairs), {:.2} times bare",
            over[over.len() / 2] * 1000.0,
            ratio(kaas.median(), bare.median())
        )
    };
    line("kaas over bare, cold", over(over_cold, &cold, &bare_cold));
    line("kaas over bare, warm", over(over_warm, &warm, &bare_warm));
    waiting(dir, demo);
}

/// Asks for a cluster: how long until its plan is in the thread.
fn plan(demo: &mut Demo, name: &str) -> Duration {
    let begun = demo.type_line(&format!("alice> /kaas request {name} size=small"));
    demo.hears(&format!("{name}: {PLAN}")) - begun
}

fn end(demo: &mut Demo, name: &str) {
    demo.type_line(&format!("alice> /kaas cancel {name}"));
    demo.hears("cancelled");
    // What follows from it is not measured with the next one.
    std::thread::sleep(Duration::from_millis(400));
}

/// The same files elsewhere, without what terraform made of them.
fn copy(dir: &Path, name: &str) -> PathBuf {
    let (from, to) = (dir.join("work/demo").join(name).join("tree"), dir.join("bare").join(name));
    let run = |program: &str, args: &[&std::ffi::OsStr]| {
        assert!(command(program).args(args).status().expect("started").success(), "{program} failed");
    };
    std::fs::create_dir_all(&to).expect("made");
    run("cp", &["-R".as_ref(), from.join("modules").as_ref(), to.as_ref()]);
    let files = to.join("clusters").join(name);
    std::fs::create_dir_all(&files).expect("made");
    std::fs::copy(from.join("clusters").join(name).join("main.tf"), files.join("main.tf")).expect("copied");
    files
}

/// What a person would do by hand.
fn bare(dir: &Path, files: &Path, name: &str) -> Duration {
    let log = std::fs::read_to_string(dir.join("kaas.log")).expect("kaas' log");
    let url = log.lines().rev().find_map(|line| {
        let (_, rest) = line.split_once("rancher.url=")?;
        Some(rest.split_whitespace().next()?.trim_matches('"').to_owned())
    });
    let url = url.expect("where Rancher is");
    let token = std::fs::read_to_string(dir.join("rancher/token")).expect("the token");
    bare_with(dir, files, name, &url, token.trim())
}

/// The same for a cluster that a kaas has just planned whose data lie in `dir`.
pub fn bare_beside(dir: &Path, name: &str, url: &str, token: &str) -> Duration {
    bare_with(dir, &copy(dir, name), name, url, token)
}

fn bare_with(dir: &Path, files: &Path, name: &str, url: &str, token: &str) -> Duration {
    let program = measure::terraform().expect("terraform or tofu is on the PATH");
    let begun = now();
    for args in [&["init", "-input=false"][..], &["plan", "-input=false", "-out=tfplan"]] {
        let out = command(&program)
            .args(args)
            .current_dir(files)
            .env("TF_CLI_CONFIG_FILE", dir.join("providers/terraform.rc"))
            .env("TF_DISABLE_PLUGIN_TLS", "1")
            .env("CHECKPOINT_DISABLE", "1")
            .env("RANCHER_URL", url)
            .env("RANCHER_TOKEN_KEY", token)
            .stdin(Stdio::null())
            .output()
            .expect("started");
        assert!(out.status.success(), "{name}: {}", String::from_utf8_lossy(&out.stderr));
    }
    begun.elapsed()
}

/// What a change costs that waits for people.
fn waiting(dir: &Path, mut demo: Demo) {
    heading("a change that waits for approval");
    plan(&mut demo, "waiting");
    std::thread::sleep(Duration::from_secs(2));
    let children = demo.children();
    line("processes", format!("{} {}", children.len(), children.join(" ")));
    demo.end();
    let key = ClusterKey { tenant: "demo".parse().expect("a name"), name: "waiting".parse().expect("a name") };
    let store = SledStore::open(&dir.join("store")).expect("the store");
    let (record, journal) = runtime().block_on(async {
        let record = store.load(&key).await.expect("read").expect("there");
        (record, store.journal(&key).await.expect("read"))
    });
    assert_eq!(record.cluster.change.state.name(), "reviewing");
    let journal: Vec<usize> = journal.iter().map(|entry| serde_json::to_vec(entry).expect("JSON").len()).collect();
    let record = serde_json::to_vec(&record).expect("JSON").len();
    let all: usize = journal.iter().sum();
    line("its record in the store", format!("{record} bytes"));
    line("its journal so far", format!("{all} bytes in {} entries", journal.len()));
}
