//! A cluster's workspace: laid out like the repository, warm from run to run.
//!
//! ```text
//! <data>/work/<tenant>/<cluster>/
//!   alive.lock  alive.pid     what still lives here (alive.rs)
//!   modules.json              which modules lie in tree/
//!   init.print                what the last init was made for
//!   applies                   there while an apply goes on, also one that outlived kaas
//!   home/  tmp/               HOME and TMPDIR of terraform
//!   plan/                     a plan file and what terraform writes, for as long as they are used (they hold secrets)
//!   tree/modules/…            as on the base branch
//!   tree/clusters/<cluster>/  the rendered files; terraform's .terraform and .terraform.lock.hcl
//! <data>/work/.seeds/<print>/ providers that were installed once, for every cluster that needs the same
//! ```

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::lifecycle::ClusterKey;
use crate::ports::FileEdit;
use crate::runner::log::private_dir;

/// How much is taken over of what an earlier run wrote when nobody listened any more.
const OUTPUT_END: u64 = 1024 * 1024;

/// The depth of a provider's package below `.terraform/providers`: host, namespace, type, version, platform.
const PACKAGE_DEPTH: usize = 5;

/// The folders of one cluster.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// Its root.
    pub root: PathBuf,
    /// Where terraform works.
    pub dir: PathBuf,
    seeds: PathBuf,
}

impl Workspace {
    /// The workspace of a cluster; nothing is made yet.
    pub fn of(data: &Path, cluster: &ClusterKey) -> Self {
        let work = data.join("work");
        let root = work.join(cluster.tenant.as_str()).join(cluster.name.as_str());
        let dir = root.join("tree/clusters").join(cluster.name.as_str());
        Self { root, dir, seeds: work.join(".seeds") }
    }

    /// Makes the folders.
    pub fn make(&self) -> io::Result<()> {
        // Before anything else, so that what lies below is never open to others.
        private_dir(&self.root)?;
        for dir in [&self.dir, &self.home(), &self.tmp(), &self.root.join("plan")] {
            private_dir(dir)?;
        }
        Ok(())
    }

    /// HOME of terraform.
    pub fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// TMPDIR of terraform.
    pub fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// The repository's root.
    pub fn tree(&self) -> PathBuf {
        self.root.join("tree")
    }

    /// A plan file, as long as it is used.
    pub fn plan_file(&self) -> PlanFile {
        let file = PlanFile(self.root.join("plan/tfplan"));
        file.remove();
        file
    }

    /// What a terraform that holds the state's lock writes to, so that it outlives kaas. Not redacted: gone when the run is over.
    pub fn output(&self) -> PathBuf {
        self.root.join("plan/run.out")
    }

    /// Takes away what was written there, and answers it: all of it, if it is not much, or its end.
    pub fn take_output(&self) -> Option<String> {
        let paths = [self.output(), self.output().with_extension("err")];
        let mut said = String::new();
        for path in &paths {
            said.push_str(&end_of(path).unwrap_or_default());
            let _ = fs::remove_file(path);
        }
        (!said.is_empty()).then_some(said)
    }

    /// Whether an apply was begun here of which nobody saw the end.
    pub fn applies(&self) -> bool {
        self.root.join("applies").exists()
    }

    /// Notes that an apply begins, or has ended.
    pub fn set_applies(&self, applies: bool) -> io::Result<()> {
        let path = self.root.join("applies");
        match applies {
            true => fs::write(path, ""),
            false => match fs::remove_file(path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
                _ => Ok(()),
            },
        }
    }

    /// What terraform leaves where it could not save the state to its backend.
    pub fn unsaved_state(&self) -> PathBuf {
        self.dir.join("errored.tfstate")
    }

    /// Writes the rendered files, where they differ, and removes configuration that is not among them. Everything else (a local state, `.terraform`) stays.
    pub fn write(&self, files: &[FileEdit]) -> io::Result<()> {
        let mut keep = BTreeSet::new();
        for file in files {
            let path = self.inside(&file.path)?;
            match &file.content {
                Some(content) => {
                    if fs::read(&path).ok().as_deref() != Some(content.as_bytes()) {
                        if let Some(folder) = path.parent() {
                            private_dir(folder)?;
                        }
                        fs::write(&path, content)?;
                    }
                    keep.insert(path);
                }
                None => drop(fs::remove_file(&path)),
            }
        }
        for entry in fs::read_dir(&self.dir)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let is_configuration = [".tf", ".tf.json", ".tofu", ".tofu.json", ".tfvars", ".tfvars.json"];
            if is_configuration.iter().any(|end| name.ends_with(end)) && !keep.contains(&path) {
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    }

    /// Where a file of the repository lies here.
    fn inside(&self, path: &str) -> io::Result<PathBuf> {
        let plain = |part: &str| !matches!(part, "" | "." | "..");
        if path.split('/').all(plain) {
            Ok(self.tree().join(path))
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{path:?} is not a path of the repository")))
        }
    }

    /// What the last `init` was made for.
    pub fn init_print(&self) -> Option<String> {
        self.dir.join(".terraform").is_dir().then(|| fs::read_to_string(self.root.join("init.print")).ok()).flatten()
    }

    /// Notes what the last `init` was made for; `None` before it begins.
    pub fn set_init_print(&self, print: Option<&str>) -> io::Result<()> {
        let path = self.root.join("init.print");
        match (print, fs::remove_file(&path)) {
            (Some(print), _) => fs::write(path, print),
            (None, Err(e)) if e.kind() != io::ErrorKind::NotFound => Err(e),
            (None, _) => Ok(()),
        }
    }

    /// Takes the repository's lock file, if it has one for the module: whether it has.
    pub fn take_lock_file(&self, module: &str, laid: bool) -> io::Result<bool> {
        if laid {
            let from = self.tree().join("modules").join(module).join(".terraform.lock.hcl");
            fs::copy(from, self.dir.join(".terraform.lock.hcl"))?;
        }
        Ok(laid)
    }

    /// Starts a cluster that was never initialised from providers that another one installed: links, and their lock file.
    pub fn plant(&self, print: &str) -> io::Result<()> {
        let (seed, providers) = (self.seeds.join(print), self.dir.join(".terraform/providers"));
        if providers.exists() || !seed.is_dir() {
            return Ok(());
        }
        for package in packages(&seed.join("providers"))? {
            let link = providers.join(&package);
            if let Some(folder) = link.parent() {
                private_dir(folder)?;
            }
            symlink(seed.join("providers").join(&package), link)?;
        }
        let lock = self.dir.join(".terraform.lock.hcl");
        if !lock.exists() {
            fs::copy(seed.join("lock.hcl"), lock)?;
        }
        Ok(())
    }

    /// Keeps the providers that an `init` downloaded here for others, and links to them: one copy for all clusters.
    ///
    /// Where a mirror on this machine gives links, there is nothing to keep: `init` from the mirror takes half the time of checking an installed package
    /// against a lock file (measured with a provider of 675 MB: 0.5 s and 1.4 s of CPU).
    pub fn harvest(&self, print: &str, id: &str) -> io::Result<()> {
        let (seed, providers) = (self.seeds.join(print), self.dir.join(".terraform/providers"));
        let lock = self.dir.join(".terraform.lock.hcl");
        if seed.exists() || !providers.is_dir() || !lock.is_file() {
            return Ok(());
        }
        let packages = packages(&providers)?;
        let is_link = |package: &PathBuf| fs::read_link(providers.join(package)).is_ok();
        if packages.iter().all(is_link) {
            return Ok(());
        }
        let aside = self.seeds.join(format!("{print}.{id}"));
        for package in &packages {
            let (from, to) = (providers.join(package), aside.join("providers").join(package));
            if let Some(folder) = to.parent() {
                private_dir(folder)?;
            }
            match fs::read_link(&from) {
                Ok(target) => symlink(target, to)?,
                Err(_) => fs::rename(&from, to)?,
            }
        }
        fs::copy(lock, aside.join("lock.hcl"))?;
        // Somebody else may have been quicker: then theirs is as good, and links to it mend this workspace.
        if fs::rename(&aside, &seed).is_err() {
            fs::remove_dir_all(&aside)?;
        }
        for package in &packages {
            let link = providers.join(package);
            if fs::symlink_metadata(&link).is_err() {
                symlink(seed.join("providers").join(package), link)?;
            }
        }
        Ok(())
    }
}

/// A plan file: it holds every secret of the plan, so it is gone when it is not used any more.
#[derive(Debug)]
pub struct PlanFile(pub PathBuf);

impl PlanFile {
    fn remove(&self) {
        let _ = fs::remove_file(&self.0);
    }
}

impl Drop for PlanFile {
    fn drop(&mut self) {
        self.remove();
    }
}

/// sha256 over some pieces, in hex; every piece ends before the next begins.
pub fn print_of<'a>(pieces: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for piece in pieces {
        hash.update((piece.len() as u64).to_le_bytes());
        hash.update(piece);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The last lines of a file.
fn end_of(path: &Path) -> io::Result<String> {
    let mut file = fs::File::open(path)?;
    let skip = file.metadata()?.len().saturating_sub(OUTPUT_END);
    io::Seek::seek(&mut file, io::SeekFrom::Start(skip))?;
    let mut bytes = Vec::new();
    file.take(OUTPUT_END).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(if skip == 0 { text } else { text.split_once('\n').map_or(String::new(), |(_, rest)| rest.to_owned()) })
}

/// The packages below a providers folder, relative to it.
fn packages(providers: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = vec![PathBuf::new()];
    for _ in 0..PACKAGE_DEPTH {
        let mut next = Vec::new();
        for folder in found {
            for entry in fs::read_dir(providers.join(&folder))? {
                let entry = entry?;
                if entry.path().is_dir() {
                    next.push(folder.join(entry.file_name()));
                }
            }
        }
        found = next;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace(data: &Path, name: &str) -> Workspace {
        let key = ClusterKey { tenant: "acme".parse().unwrap(), name: name.parse().unwrap() };
        let workspace = Workspace::of(data, &key);
        workspace.make().unwrap();
        workspace
    }

    fn file(path: &str, content: &str) -> FileEdit {
        FileEdit { path: path.into(), content: Some(content.into()) }
    }

    #[test]
    fn rendered_files_replace_old_ones_and_a_state_stays() {
        let data = tempfile::tempdir().unwrap();
        let demo = workspace(data.path(), "demo");
        demo.write(&[file("clusters/demo/main.tf", "a"), file("clusters/demo/extra.tf", "b")]).unwrap();
        fs::write(demo.dir.join("terraform.tfstate"), "{}").unwrap();
        demo.write(&[file("clusters/demo/main.tf", "c")]).unwrap();
        let mut names: Vec<_> = fs::read_dir(&demo.dir).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["main.tf", "terraform.tfstate"]);
        assert_eq!(fs::read_to_string(demo.dir.join("main.tf")).unwrap(), "c");
    }

    #[test]
    fn a_path_that_leaves_the_repository_is_refused() {
        let data = tempfile::tempdir().unwrap();
        let demo = workspace(data.path(), "demo");
        for path in ["../x.tf", "clusters/../../x.tf", "/etc/x.tf", "", "clusters//x.tf", "./x.tf"] {
            assert_eq!(demo.write(&[file(path, "a")]).unwrap_err().kind(), io::ErrorKind::InvalidInput, "{path}");
        }
    }

    #[test]
    fn providers_are_installed_once_for_all_clusters() {
        let data = tempfile::tempdir().unwrap();
        let (one, two) = (workspace(data.path(), "one-a"), workspace(data.path(), "two-b"));
        let package = ".terraform/providers/example.org/rancher/rancher2/14.1.1/linux_amd64";
        fs::create_dir_all(one.dir.join(package)).unwrap();
        fs::write(one.dir.join(package).join("provider"), "binary").unwrap();
        fs::write(one.dir.join(".terraform.lock.hcl"), "lock").unwrap();
        one.harvest("print", "id").unwrap();
        one.harvest("print", "again").unwrap();
        two.plant("another").unwrap();
        assert!(!two.dir.join(package).exists());
        two.plant("print").unwrap();
        for workspace in [&one, &two] {
            assert_eq!(fs::read_to_string(workspace.dir.join(package).join("provider")).unwrap(), "binary");
            assert!(fs::symlink_metadata(workspace.dir.join(package)).unwrap().is_symlink());
        }
        assert_eq!(fs::read_to_string(two.dir.join(".terraform.lock.hcl")).unwrap(), "lock");
    }

    #[test]
    fn links_into_a_mirror_are_not_kept() {
        let data = tempfile::tempdir().unwrap();
        let one = workspace(data.path(), "one-a");
        let version = one.dir.join(".terraform/providers/example.org/rancher/rancher2/14.1.1");
        fs::create_dir_all(&version).unwrap();
        symlink(data.path(), version.join("linux_amd64")).unwrap();
        fs::write(one.dir.join(".terraform.lock.hcl"), "lock").unwrap();
        one.harvest("print", "id").unwrap();
        assert!(!one.seeds.exists());
    }

    #[test]
    fn a_print_knows_where_pieces_end() {
        assert_ne!(print_of(["ab", "c"]), print_of(["a", "bc"]));
        assert_eq!(print_of(["a"]).len(), 64);
    }
}
