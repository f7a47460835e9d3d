//! modules/example-network under the real terraform and the real provider, against moto; then looked at as kaas does.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use kaas::lifecycle::cloud::{Order, PoolOrder, Weight};
use kaas::ports::{Cloud as _, Traces};
use serde_json::{Value, json};

use super::landscape::traces;
use super::proxy::Trouble;
use super::world::{REGION, World};

/// Names a folder that holds the provider.
const MIRROR: &str = "KAAS_PROVIDER_MIRROR";
const PROVIDER: &str = "registry.terraform.io/hashicorp/aws";
/// How long one terraform may take; the provider alone takes half a minute to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// The mirror: the one that is named, or the first of the usual places that has the provider.
fn mirror() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(MIRROR).map(PathBuf::from) {
        assert!(named.join(PROVIDER).is_dir(), "{MIRROR} is {}, which holds no {PROVIDER}", named.display());
        return Some(named);
    }
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let places = ["/opt", "/usr/local/share", "/usr/share/terraform"].map(PathBuf::from);
    let places = places.into_iter().chain([home.join(".terraform.d"), home.join(".local/share/terraform")]);
    let below = |place: PathBuf| {
        let entries = std::fs::read_dir(&place).into_iter().flatten().flatten().map(|entry| entry.path());
        entries.flat_map(|folder| [folder.clone(), folder.join("plugins")]).collect::<Vec<_>>()
    };
    places.flat_map(below).find(|folder| folder.join(PROVIDER).is_dir())
}

async fn terraform(directory: &Path, mirrored: bool, arguments: &[&str]) -> Output {
    #[expect(clippy::disallowed_methods, reason = "a test starts terraform")]
    let mut command = tokio::process::Command::new("terraform");
    command.args(arguments).current_dir(directory.join("root")).env_clear();
    // The way to a registry only where it is needed.
    let network = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"];
    for (name, value) in std::env::vars_os() {
        if name == "PATH" || !mirrored && network.contains(&name.to_string_lossy().to_uppercase().as_str()) {
            command.env(name, value);
        }
    }
    command
        .env("HOME", directory)
        .env("TF_CLI_CONFIG_FILE", directory.join("terraform.rc"))
        .env("TF_IN_AUTOMATION", "1");
    command.env("AWS_EC2_METADATA_DISABLED", "true").stdin(Stdio::null()).kill_on_drop(true);
    tokio::time::timeout(PATIENCE, command.output())
        .await
        .expect("terraform ends in time")
        .expect("terraform is on the PATH")
}

/// Applies the module in an account; its outputs. `None` where the provider is not to be had.
async fn apply(world: &World, directory: &Path) -> Option<Value> {
    let from = mirror();
    let installation = from
        .as_ref()
        .map(|path| format!("provider_installation {{\n  filesystem_mirror {{\n    path = {path:?}\n  }}\n}}\n"));
    std::fs::create_dir(directory.join("root")).unwrap();
    std::fs::write(
        directory.join("terraform.rc"),
        format!("disable_checkpoint = true\n{}", installation.unwrap_or_default()),
    )
    .unwrap();
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("modules/example-network");
    let endpoints = json!({ "ec2": world.proxy.url, "sts": world.proxy.url, "iam": world.proxy.url });
    let outputs = ["vpc_id", "private_subnet_ids", "zones", "node_security_group_name"];
    let outputs: serde_json::Map<String, Value> = outputs
        .iter()
        .map(|name| ((*name).to_owned(), json!({ "value": format!("${{module.network.{name}}}") })))
        .collect();
    let root = json!({
        "terraform": { "required_providers": { "aws": { "source": "hashicorp/aws" } } },
        "provider": { "aws": {
            "region": REGION, "access_key": "AKIATEST", "secret_key": "secret", "skip_credentials_validation": true,
            "skip_requesting_account_id": true, "skip_metadata_api_check": "true", "endpoints": [endpoints],
        } },
        "module": { "network": { "source": module, "region": REGION, "zones": ["a", "b"] } },
        "output": outputs,
    });
    std::fs::write(directory.join("root/main.tf.json"), root.to_string()).unwrap();
    let run = async |arguments: &[&str]| terraform(directory, from.is_some(), arguments).await;
    let init = run(&["init", "-input=false", "-no-color"]).await;
    if !init.status.success() {
        let said = String::from_utf8_lossy(&init.stderr).into_owned();
        assert!(
            from.is_none(),
            "the mirror that was found has no version of hashicorp/aws that the module takes:\n{said}"
        );
        // Not through the test's own output, which nobody sees of a test that passes.
        let line = format!(
            "\nLEFT OUT: modules/example-network was not applied: hashicorp/aws is not here and could not be fetched. Set {MIRROR} to a folder that holds {PROVIDER}.\n{said}\n"
        );
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return None;
    }
    let applied = run(&["apply", "-input=false", "-auto-approve", "-no-color"]).await;
    assert!(
        applied.status.success(),
        "{}{}",
        String::from_utf8_lossy(&applied.stdout),
        String::from_utf8_lossy(&applied.stderr)
    );
    Some(serde_json::from_slice(&run(&["output", "-json"]).await.stdout).unwrap())
}

#[tokio::test]
async fn what_the_real_provider_makes_is_sound_for_the_witness() {
    let mut world = World::new().await;
    let directory = tempfile::tempdir().unwrap();
    let Some(outputs) = apply(&world, directory.path()).await else { return };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    world.vpc = text(&outputs["vpc_id"]["value"]);
    let (subnets, zones) = (&outputs["private_subnet_ids"]["value"], &outputs["zones"]["value"]);
    let pool = |index: usize, group: &str| PoolOrder {
        name: format!("worker-{}", text(&zones[index])),
        count: 2,
        region: Some(REGION.to_owned()),
        zone: Some(text(&zones[index])),
        vpc: Some(world.vpc.clone()),
        subnet: Some(text(&subnets[index])),
        image: Some(world.image.clone()),
        instance_type: Some("m6i.large".to_owned()),
        groups: vec![group.to_owned()],
        tags: Some("kaas:cluster,teal-otter".to_owned()),
        ..PoolOrder::default()
    };
    let quota = json!({ "Quota": { "Value": 64.0 } });
    world.proxy.trouble("GetServiceQuota", Trouble::json(200, &quota), None);
    let group = text(&outputs["node_security_group_name"]["value"]);
    let order = |group: &str| Order { pools: vec![pool(0, group), pool(1, group)] };
    assert_eq!(world.witness().preflight(&order(&group)).await.unwrap(), []);
    let mistyped = world.witness().preflight(&order("kaas-exmaple-nodes")).await.unwrap();
    assert_eq!(
        (mistyped.len(), mistyped[0].weight, mistyped[0].remedy.as_deref()),
        (1, Weight::Fails, Some("kaas-example-nodes"))
    );
    let swapped = Order { pools: vec![PoolOrder { zone: Some("b".to_owned()), ..pool(0, &group) }] };
    let swapped = world.witness().preflight(&swapped).await.unwrap();
    assert!(
        swapped[0].what.contains("lies in eu-west-1a")
            && swapped[0].remedy.as_ref().unwrap().contains("kaas-example-private-b"),
        "{swapped:?}"
    );

    // The network itself is nobody's leftover; a machine in it is.
    let mut gone: Traces = traces(&world, "teal-otter");
    gone.footprint.groups = [group].into();
    let certificate = world.witness().sweep(&gone, &[]).await.unwrap();
    assert!(certificate.is_clean(), "{certificate:#?}");
    world.subnet = text(&subnets[0]);
    let left = world.instance(None, &[("kaas:cluster", "teal-otter")]).await;
    let certificate = world.witness().sweep(&gone, &[]).await.unwrap();
    assert_eq!(certificate.sure.iter().map(|left| &left.id).collect::<Vec<_>>(), [&left]);
}
