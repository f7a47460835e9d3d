//! What a house begins with: its configuration, its repository, the foundation that its clusters stand on.

use std::fs;
use std::path::Path;

use kaas::clock::SystemClock;
use kaas::forge::local::seed;
use kaas::ports::FileEdit;
use kaas::sim::provider::mirror::install_mirror;

use super::house::{Forge, House, PEOPLE};
use super::talk::Platform;

/// The configuration of the demo, of which chat and forge are replaced.
const CONFIG: &str = include_str!("../../src/config/demo.toml");

/// What the repository holds to begin with.
pub const MODULE: [(&str, &str); 4] = [
    ("modules/aws-rancher-cluster/main.tf", include_str!("../../modules/aws-rancher-cluster/main.tf")),
    ("modules/aws-rancher-cluster/outputs.tf", include_str!("../../modules/aws-rancher-cluster/outputs.tf")),
    ("modules/aws-rancher-cluster/variables.tf", include_str!("../../modules/aws-rancher-cluster/variables.tf")),
    ("modules/aws-rancher-cluster/versions.tf", include_str!("../../modules/aws-rancher-cluster/versions.tf")),
];

/// The state of a foundation, as far as the module takes anything from it.
const FOUNDATION: &str = r#"{"version":4,"terraform_version":"1.5.0","serial":1,"lineage":"6f1d1c6e-8f0e-4c62-9d2b-6a1d1f0c3b7a","outputs":{
"vpc_id":{"value":"vpc-0a1b2c3d4e5f60718","type":"string"},
"public_subnet_ids":{"value":["subnet-0a00000000000000a","subnet-0b00000000000000b","subnet-0c00000000000000c"],"type":["list","string"]},
"private_subnet_ids":{"value":["subnet-0d00000000000000d","subnet-0e00000000000000e","subnet-0f00000000000000f"],"type":["list","string"]}
},"resources":[],"check_results":null}"#;

/// What webhooks are signed with.
pub const WEBHOOK_SECRET: &str = "a webhook's own secret";

impl House {
    /// Writes it all down.
    pub async fn furnish(&self, crowd: usize) {
        let data = self.data();
        fs::create_dir_all(&data).unwrap();
        fs::write(data.join("rancher-token"), &self.rancher.bot_token).unwrap();
        fs::write(data.join("foundation.tfstate"), FOUNDATION).unwrap();
        seed(&data.join("forge.git"), &module(), &SystemClock::shared()).await.unwrap();
        let terraform = install_mirror(&data.join("providers"), Path::new(env!("CARGO_BIN_EXE_kaas")), &[]).unwrap();
        let chats = self.platforms.iter().zip(["chat", "second_chat"]);
        let chat = chats
            .map(|(platform, key)| format!("{key} = {}", self.chat_config(*platform)))
            .collect::<Vec<_>>()
            .join("\n");
        let runner = format!(
            "[tenants.demo.runner]\ncli_config_file = \"{}\"\npass_environment = [\"TF_DISABLE_PLUGIN_TLS\"]\n\n[tenants.demo.rancher]\n",
            terraform.display()
        );
        fs::write(data.join("app.pem"), self.github.app_key()).unwrap();
        let forge = format!(
            "forge = {{ kind = \"github\", repository = \"acme/clusters\", api_url = \"{}\", git_url = \"{}\", app_id = {}, installation_id = {}, credential = {{ file = \"app.pem\" }}, webhook_secret = {{ env = \"HOOK\" }}, labels = [\"kaas\"] }}",
            self.github.api_url(),
            self.github.git_url(),
            self.github.app_id(),
            self.github.installation_id()
        );
        let mut config = CONFIG
            .replace("chat = { kind = \"terminal\", channel = \"#clusters\" }", &chat)
            .replace("[tenants.demo.rancher]\n", &runner)
            .replace("http://127.0.0.1:8444", &self.rancher.url)
            .replace("[tenants.demo]\n", "[web]\nlisten = \"WEB\"\n\n[log]\nlevel = \"info\"\n\n[tenants.demo]\n");
        config = config.replace("\"WEB\"", &format!("\"{}\"", self.web()));
        if self.forge == Forge::GitHub {
            config = config.replace("forge = { kind = \"local\", path = \"forge.git\" }", &forge);
        }
        for name in PEOPLE {
            config = config.replace(
                &format!("rancher = \"u-{name}\""),
                &format!("github = \"{name}\", discord = \"{}\", rancher = \"u-{name}\"", self.discord_id(name)),
            );
            // Their names in Slack are in another company's domain.
            config = config.replace(&format!("{name}@example.com"), &format!("{name}@bank.example"));
        }
        if crowd > 0 {
            config = config.replace("requesters = [\"alice\", \"erin\", \"bob\", \"carol\"]\n", "");
            let more: String = (0..crowd)
                .map(|nth| {
                    let discord = self.discord_id(&format!("p{nth}"));
                    format!("p{nth} = {{ email = \"p{nth}@bank.example\", discord = \"{discord}\", rancher = \"u-p{nth}\" }}\n")
                })
                .collect();
            config = config.replace("[tenants.demo.people]\n", &format!("[tenants.demo.people]\n{more}"));
        }
        fs::write(self.config(), config).unwrap();
    }

    fn chat_config(&self, platform: Platform) -> String {
        match platform {
            Platform::Slack => format!(
                "{{ kind = \"slack\", channel = \"{}\", api_url = \"{}\", bot_token = {{ env = \"BOT\" }}, app_token = {{ env = \"APP\" }} }}",
                self.channel,
                self.slack.api_url()
            ),
            Platform::Discord => format!(
                "{{ kind = \"discord\", server = \"{}\", channel = \"{}\", api_url = \"{}\", bot_token = {{ env = \"DISCORD\" }} }}",
                self.discord.guild(),
                self.discord_channel,
                self.discord.url()
            ),
        }
    }

    /// The network that clusters are put in is another one from now on.
    pub fn move_the_foundation(&self) {
        let moved = FOUNDATION
            .replace("subnet-0d00000000000000d", "subnet-0d0000000000000dd")
            .replace("\"serial\":1", "\"serial\":2");
        fs::write(self.data().join("foundation.tfstate"), moved).unwrap();
    }
}

/// What a repository holds to begin with, as files.
pub fn module() -> Vec<FileEdit> {
    let file = |(path, text): &(&str, &str)| FileEdit { path: (*path).to_owned(), content: Some((*text).to_owned()) };
    MODULE.iter().map(file).collect()
}
