//! The file that makes a cluster: `clusters/<name>/main.tf`, one module call and nothing else.
//!
//! What leaves here was parsed back, and holds exactly the blocks, literals and references that were meant, whatever the template or a value tried.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::hcl::{self, Body, Expr};
use super::templates::{TemplateError, Templates};
use crate::lifecycle::catalogue::{Class, Value};
use crate::lifecycle::form::{ClassName, ClusterName, Form};
use crate::lifecycle::{ChangeNumber, ContentDigest, Person};

/// A file that kaas wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenderedFile {
    /// Relative to the repository's root: `clusters/crucial-sandbox/main.tf`.
    pub path: String,
    /// What it holds.
    pub content: String,
}

/// What the tenant's configuration says about the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What comes before a class's module in `source`: `../../modules/`.
    pub modules: String,
    /// Which terraform may run it: `>= 1.5`.
    pub required_version: String,
    /// The providers that the modules need, pinned, by local name.
    pub providers: BTreeMap<String, Provider>,
    /// Where a cluster's state lives; the cluster's name and `.tfstate` are put behind `prefix` or into `dir`.
    pub backend: Backend,
    /// Where the foundation's state lives. Needed by classes that take inputs from it.
    pub foundation: Option<StateAt>,
}

/// A provider, pinned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Its address: `rancher/rancher2`.
    pub source: String,
    /// Which versions: `~> 14.1`.
    pub version: String,
}

/// Where the states of clusters live: one a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backend {
    /// A bucket.
    S3 {
        /// Its name.
        bucket: String,
        /// Its region.
        region: String,
        /// What comes before a cluster's name in the key: `clusters/`.
        prefix: String,
        /// Whether terraform locks with a file in the bucket (terraform 1.10 and later).
        lockfile: bool,
        /// Further arguments, such as `encrypt`, `kms_key_id`, `assume_role`. Credentials are refused.
        extra: BTreeMap<String, Value>,
    },
    /// A directory.
    Local {
        /// Absolute, or relative to the cluster's folder.
        dir: String,
    },
}

/// Where one state lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateAt {
    /// In a bucket.
    S3 {
        /// The bucket's name.
        bucket: String,
        /// The bucket's region.
        region: String,
        /// The state's key.
        key: String,
        /// Further arguments, such as `kms_key_id`. Credentials are refused.
        extra: BTreeMap<String, Value>,
    },
    /// In a file.
    Local {
        /// Absolute, or relative to the cluster's folder.
        path: String,
    },
}

impl Settings {
    /// The settings of a tenant with this backend, and the provider that kaas is made for.
    pub fn new(backend: Backend, foundation: Option<StateAt>) -> Self {
        let rancher2 = Provider { source: "rancher/rancher2".to_owned(), version: "~> 14.1".to_owned() };
        Self {
            modules: "../../modules/".to_owned(),
            required_version: ">= 1.5".to_owned(),
            providers: BTreeMap::from([("rancher2".to_owned(), rancher2)]),
            backend,
            foundation,
        }
    }
}

/// Why nothing was rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// A template is wrong.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The configuration holds something that cannot be written.
    #[error("the configuration of {what}: {problem}")]
    Setting {
        /// Which part.
        what: String,
        /// What is wrong.
        problem: String,
    },
    /// The form was filled in for another class.
    #[error("the form was filled in for the class {form}, and not for {class}")]
    OtherClass {
        /// The form's.
        form: ClassName,
        /// The one that was handed over.
        class: ClassName,
    },
    /// What was rendered is not what was meant, so it is held back.
    #[error("{path} would not hold what was asked for: {difference}")]
    NotAsMeant {
        /// The file.
        path: String,
        /// The first difference.
        difference: String,
    },
}

/// The inputs that come first, in the order in which they are written.
const FIRST: [&str; 7] =
    ["source", "name", "vpc_id", "public_subnet_ids", "private_subnet_ids", "instance_type", "worker_num"];

/// The inputs that come last, in the order in which they are written.
const LAST: [&str; 5] = ["region", "kubernetes_version", "control_plane_num", "request_id", "owner"];

/// What a module call understands by itself.
const META: [&str; 6] = ["source", "version", "providers", "count", "for_each", "depends_on"];

/// Backend arguments that carry a credential, which belongs in the environment.
const CREDENTIALS: [&str; 6] =
    ["access_key", "secret_key", "token", "session_token", "sse_customer_key", "web_identity_token"];

/// The longest name that the head of a file shows, in characters.
const BY_MAX: usize = 60;

/// Writes the files of a cluster's folder.
pub fn cluster_files(
    settings: &Settings,
    templates: &Templates,
    class: &Class,
    form: &Form,
    change: ChangeNumber,
    by: &Person,
    owner: &Person,
) -> Result<Vec<RenderedFile>, RenderError> {
    if form.class != class.name {
        return Err(RenderError::OtherClass { form: form.class.clone(), class: class.name.clone() });
    }
    let call = Call::new(settings, class, form, change, owner)?;
    let sheet = call.sheet(change, &in_comment(by));
    let content = hcl::tidy(&templates.fill(&template_name(class), &sheet)?);
    let path = format!("{}/main.tf", folder(&form.name));
    let difference = match hcl::parse(&content) {
        Ok(body) => body.difference(&call.body()),
        Err(unexpected) => Some(unexpected.to_string()),
    };
    match difference {
        None => Ok(vec![RenderedFile { path, content }]),
        Some(difference) => Err(RenderError::NotAsMeant { path, difference }),
    }
}

/// The folder of a cluster: `clusters/crucial-sandbox`.
pub fn folder(name: &ClusterName) -> String {
    format!("clusters/{name}")
}

/// What the branches of all changes begin with, and no other branch of kaas' does.
pub const BRANCHES: &str = "kaas/";

/// The branch of a change: `kaas/crucial-sandbox/42`.
pub fn branch(name: &ClusterName, change: ChangeNumber) -> String {
    format!("{BRANCHES}{name}/{change}")
}

/// Whose branch it is; `None` where it is none that kaas would write.
pub fn whose_branch(text: &str) -> Option<(ClusterName, ChangeNumber)> {
    let (name, change) = text.strip_prefix(BRANCHES)?.split_once('/')?;
    let (name, change) = (name.parse().ok()?, ChangeNumber(change.parse().ok()?));
    // `+7` and `007` are numbers too, and not as kaas writes them.
    (branch(&name, change) == text).then_some((name, change))
}

/// The file name of a class's template: `cluster` and `cluster.tf.hbs` both name `cluster.tf.hbs`.
pub fn template_name(class: &Class) -> String {
    let base = class.template.trim_end_matches(".hbs").trim_end_matches(".tf");
    format!("{base}.tf.hbs")
}

/// sha256 over the files, sorted by path: the length of the path and the path, the length of the content and the content.
pub fn content_digest(files: &[RenderedFile]) -> ContentDigest {
    let mut sorted: Vec<&RenderedFile> = files.iter().collect();
    sorted.sort();
    let mut hash = Sha256::new();
    for part in sorted.iter().flat_map(|f| [&f.path, &f.content]) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    super::hex(&hash.finalize()).parse().expect("a sha256 in hex is a content digest")
}

impl PartialOrd for RenderedFile {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RenderedFile {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (&self.path, &self.content).cmp(&(&other.path, &other.content))
    }
}

/// Who asked, as the comment in the head can hold it: letters, digits and a little punctuation on one line.
fn in_comment(by: &Person) -> String {
    let kept = |c: char| if c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '\'') { c } else { ' ' };
    let words: String = by.name.chars().take(BY_MAX).map(kept).collect();
    let words: Vec<&str> = words.split_whitespace().collect();
    if words.is_empty() { by.id.as_str().to_owned() } else { words.join(" ") }
}

/// All that a file is to say, before it is written.
struct Call<'a> {
    name: &'a ClusterName,
    required_version: Expr,
    providers: Arguments,
    backend: (&'static str, Arguments),
    foundation: Option<(&'static str, Arguments)>,
    inputs: Arguments,
    outputs: Arguments,
}

/// Names with their values, in the order in which they are written.
type Arguments = Vec<(String, Expr)>;

impl<'a> Call<'a> {
    fn new(
        settings: &Settings,
        class: &Class,
        form: &'a Form,
        change: ChangeNumber,
        owner: &Person,
    ) -> Result<Self, RenderError> {
        let mut providers = Vec::new();
        for (name, provider) in &settings.providers {
            checked_name("the providers", name)?;
            let pin = [("source", &provider.source), ("version", &provider.version)];
            let pin = pin.map(|(k, v)| (k.to_owned(), Expr::text(v)));
            providers.push((name.clone(), Expr::Map(BTreeMap::from(pin))));
        }
        let foundation = match (&settings.foundation, class.foundation.is_empty()) {
            (_, true) => None,
            (Some(state), false) => Some(state.arguments()?),
            (None, false) => {
                let problem = "takes inputs from the foundation, and the foundation's state is not configured";
                return Err(setting(&format!("the class {}", class.name), problem));
            }
        };
        let reference = |output: &str| Expr::Path(vec!["module".to_owned(), form.name.to_string(), output.to_owned()]);
        Ok(Self {
            name: &form.name,
            required_version: Expr::text(&settings.required_version),
            providers,
            backend: settings.backend.arguments(&form.name)?,
            foundation,
            inputs: inputs(settings, class, form, change, owner)?,
            outputs: ["cluster_id", "cluster_name"].map(|o| (o.to_owned(), reference(o))).to_vec(),
        })
    }

    /// The values that the template is filled in with.
    fn sheet(&self, change: ChangeNumber, by: &str) -> serde_json::Value {
        let list = |arguments: &Arguments| -> Vec<serde_json::Value> {
            arguments.iter().map(|(name, value)| serde_json::json!({ "name": name, "value": value })).collect()
        };
        let state =
            |(kind, arguments): &(&str, Arguments)| serde_json::json!({ "kind": kind, "arguments": list(arguments) });
        serde_json::json!({
            "change": change,
            "by": by,
            "cluster": self.name,
            "required_version": self.required_version,
            "providers": list(&self.providers),
            "backend": state(&self.backend),
            "foundation": self.foundation.as_ref().map(state),
            "inputs": list(&self.inputs),
            "outputs": list(&self.outputs),
        })
    }

    /// What the file has to hold when it is read back.
    fn body(&self) -> Body {
        let block = |arguments: &Arguments| Body { attributes: arguments.iter().cloned().collect(), ..Body::default() };
        let id = |parts: &[&str]| parts.iter().map(|p| (*p).to_owned()).collect::<Vec<String>>();
        let mut terraform = block(&vec![("required_version".to_owned(), self.required_version.clone())]);
        terraform.blocks.insert(id(&["required_providers"]), block(&self.providers));
        terraform.blocks.insert(id(&["backend", self.backend.0]), block(&self.backend.1));
        let mut body = Body::default();
        body.blocks.insert(id(&["terraform"]), terraform);
        if let Some((kind, arguments)) = &self.foundation {
            let config = Expr::Map(arguments.iter().cloned().collect());
            let data = vec![("backend".to_owned(), Expr::text(kind)), ("config".to_owned(), config)];
            body.blocks.insert(id(&["data", "terraform_remote_state", "main"]), block(&data));
        }
        body.blocks.insert(id(&["module", self.name.as_str()]), block(&self.inputs));
        for (name, value) in &self.outputs {
            body.blocks.insert(id(&["output", name]), block(&vec![("value".to_owned(), value.clone())]));
        }
        body
    }
}

/// The inputs of the module call: the ones of every module first, then the class's, then what the form and the change say.
fn inputs(
    settings: &Settings,
    class: &Class,
    form: &Form,
    change: ChangeNumber,
    owner: &Person,
) -> Result<Arguments, RenderError> {
    let what = format!("the class {}", class.name);
    let plain = |part: &str| part.starts_with(|c: char| c.is_ascii_alphanumeric()) && !part.contains("..");
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if !(plain(&class.module) && class.module.bytes().all(allowed)) {
        return Err(setting(&what, "its module is not the name of a folder under modules/"));
    }
    let number = |n: u32| Expr::Number(i64::from(n));
    let mut all = BTreeMap::from(
        [
            ("source", Expr::text(&format!("{}{}", settings.modules, class.module))),
            ("name", Expr::text(form.name.as_str())),
            ("instance_type", Expr::text(&form.instance_type)),
            ("worker_num", number(form.workers)),
            ("region", Expr::text(form.region.as_str())),
            ("kubernetes_version", Expr::text(form.kubernetes.as_str())),
            ("control_plane_num", number(form.control_planes)),
            ("request_id", Expr::text(&change.to_string())),
            ("owner", Expr::text(owner.id.as_str())),
        ]
        .map(|(k, v)| (k.to_owned(), v)),
    );
    let mut of_class = BTreeSet::new();
    let mut given: Vec<(&String, Expr)> = class.values.iter().map(|(input, value)| (input, expr(value))).collect();
    for (input, output) in &class.foundation {
        checked_name(&what, output)?;
        given.push((input, Expr::path(&format!("data.terraform_remote_state.main.outputs.{output}"))));
    }
    for (input, value) in given {
        checked_name(&what, input)?;
        if META.contains(&input.as_str()) {
            return Err(setting(&what, &format!("{input} is terraform's own word and no input")));
        }
        if all.insert(input.clone(), value).is_some() {
            return Err(setting(&what, &format!("the input {input} is given twice; kaas itself gives some")));
        }
        if !FIRST.contains(&input.as_str()) {
            of_class.insert(input.clone());
        }
    }
    let (first, last) = (FIRST.map(str::to_owned), LAST.map(str::to_owned));
    let order = first.into_iter().chain(of_class).chain(last);
    Ok(order.filter_map(|name| all.remove(&name).map(|value| (name, value))).collect())
}

impl Backend {
    fn arguments(&self, name: &ClusterName) -> Result<(&'static str, Arguments), RenderError> {
        match self {
            Self::S3 { bucket, region, prefix, lockfile, extra } => {
                let key = format!("{prefix}{name}.tfstate");
                let lock = lockfile.then(|| ("use_lockfile".to_owned(), Expr::Flag(true)));
                let known = [("bucket", bucket), ("key", &key), ("region", region)].map(|(k, v)| (k, Expr::text(v)));
                Ok(("s3", state_arguments("the backend", known.into(), lock, extra)?))
            }
            Self::Local { dir } => {
                let path = format!("{}/{name}.tfstate", dir.trim_end_matches('/'));
                Ok(("local", vec![("path".to_owned(), Expr::text(&path))]))
            }
        }
    }
}

impl StateAt {
    fn arguments(&self) -> Result<(&'static str, Arguments), RenderError> {
        match self {
            Self::S3 { bucket, region, key, extra } => {
                let known = [("bucket", bucket), ("key", key), ("region", region)].map(|(k, v)| (k, Expr::text(v)));
                Ok(("s3", state_arguments("the foundation", known.into(), None, extra)?))
            }
            Self::Local { path } => Ok(("local", vec![("path".to_owned(), Expr::text(path))])),
        }
    }
}

fn state_arguments(
    what: &str,
    known: Vec<(&str, Expr)>,
    lock: Option<(String, Expr)>,
    extra: &BTreeMap<String, Value>,
) -> Result<Arguments, RenderError> {
    let mut all: Arguments = known.into_iter().map(|(k, v)| (k.to_owned(), v)).chain(lock).collect();
    for (name, value) in extra {
        checked_name(what, name)?;
        if CREDENTIALS.contains(&name.as_str()) {
            return Err(setting(what, &format!("{name} is a credential, and belongs in terraform's environment")));
        }
        if all.iter().any(|(known, _)| known == name) {
            return Err(setting(what, &format!("{name} is given twice")));
        }
        all.push((name.clone(), expr(value)));
    }
    Ok(all)
}

fn expr(value: &Value) -> Expr {
    match value {
        Value::Text(text) => Expr::text(text),
        Value::Number(number) => Expr::Number(*number),
        Value::Flag(flag) => Expr::Flag(*flag),
        Value::List(items) => Expr::List(items.iter().map(|i| Expr::text(i)).collect()),
        Value::Map(map) => Expr::Map(map.iter().map(|(k, v)| (nfc(k), Expr::text(v))).collect()),
    }
}

fn nfc(text: &str) -> String {
    unicode_normalization::UnicodeNormalization::nfc(text).collect()
}

fn checked_name(what: &str, name: &str) -> Result<(), RenderError> {
    if hcl::is_identifier(name) {
        Ok(())
    } else {
        Err(setting(what, &format!("{name:?} is not a name that terraform takes")))
    }
}

fn setting(what: &str, problem: &str) -> RenderError {
    RenderError::Setting { what: what.to_owned(), problem: problem.to_owned() }
}

#[cfg(test)]
#[path = "module_tests.rs"]
mod tests;
