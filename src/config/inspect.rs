//! What a sound configuration finds on this machine: secrets, files, programs. The one part that looks at the world.

use std::path::Path;

use super::finding::{Finding, Severity, join};
use super::secret::Environment;
use super::{Config, TenantConfig};

impl Config {
    /// Looks at everything outside the file that the file refers to. Nothing is opened for longer, made or altered.
    ///
    /// All findings are warnings: the machine that checks a file is often not the one that runs it.
    pub fn inspect(&self, environment: Environment<'_>) -> Vec<Finding> {
        self.tenants.iter().flat_map(|tenant| inspect(tenant, environment)).collect()
    }
}

fn inspect(tenant: &TenantConfig, environment: Environment<'_>) -> Vec<Finding> {
    let base = join("tenants", tenant.name.as_str());
    let mut out = Vec::new();
    let mut warn = |path: &str, problem: String, hint: String| {
        out.push(Finding { severity: Severity::Warning, path: format!("{base}.{path}"), line: None, problem, hint });
    };
    if let Some((problem, hint)) = tenant.rancher.token.concern(environment) {
        warn("rancher.token", problem, hint);
    }
    let files =
        [("rancher.ca_file", &tenant.rancher.ca_file), ("runner.cli_config_file", &tenant.runner.cli_config_file)];
    let profiles = tenant.aws.as_ref().map(|aws| ("aws.profile_file", &aws.profile_file));
    for (key, file) in files.into_iter().chain(profiles) {
        if let Some(file) = file.as_deref().filter(|f| !f.is_file()) {
            warn(key, format!("there is no file {}", file.display()), "kaas has to be able to read it.".to_owned());
        }
    }
    if let Some(dir) = tenant.templates_dir.as_deref().filter(|d| !d.is_dir()) {
        let problem = format!("there is no folder {}", dir.display());
        warn("render.templates_dir", problem, "Make it, or leave the key out to use kaas' own templates.".to_owned());
    }
    if let Some(program) = tenant.runner.program.as_deref().filter(|p| !is_program(p, environment)) {
        let problem = format!("there is no program {}", program.display());
        warn("runner.program", problem, "Install terraform 1.5 or tofu 1.6 or later, or name where it is.".to_owned());
    }
    out
}

fn is_program(program: &Path, environment: Environment<'_>) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let runs = |path: &Path| path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
    if program.components().count() > 1 || program.is_absolute() {
        return runs(program);
    }
    let path = environment("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| runs(&dir.join(program)))
}
