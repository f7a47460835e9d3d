//! The modules that a cluster's files use, taken out of the bare mirror as they are on the base branch: no clone, and no git at all when nothing moved.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::anyhow;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::source;
use crate::ports::{FileEdit, Mirror, Trouble};
use crate::runner::process::{Spec, Why, run_keeping};

/// How long git may take.
const GIT_TIME: Duration = Duration::from_secs(60);

/// The most bytes that the modules of one cluster may hold.
const MODULES_MAX: usize = 128 * 1024 * 1024;

/// The most bytes of modules that are kept in memory.
const PACK_MAX: usize = 4 * 1024 * 1024;

/// How deep modules may use each other.
const DEPTH_MAX: usize = 16;

/// What lies in a workspace, beside the rendered files.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Laid {
    /// The base commit that it comes from.
    base: String,
    /// The folders of the modules that are used.
    folders: BTreeSet<String>,
    /// Every file: its git object and mode.
    files: BTreeMap<String, (String, String)>,
    /// What the modules need of `init`.
    needs: (String, String),
}

impl Laid {
    /// Changes exactly when a module changes.
    pub fn print(&self) -> impl Iterator<Item = &str> {
        self.files.iter().flat_map(|(path, (object, mode))| [path.as_str(), object.as_str(), mode.as_str()])
    }

    /// What the modules need in the way of providers.
    pub fn providers(&self) -> &str {
        &self.needs.1
    }

    fn mode(&self, path: &str) -> &str {
        self.files.get(path).map_or("", |(_, mode)| mode)
    }

    /// Whether this file lies there.
    pub fn holds(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }
}

/// The modules that were laid last, so that the next cluster of the same class costs no git.
#[derive(Debug, Default)]
pub struct Pack(Mutex<Option<Packed>>);

#[derive(Debug)]
struct Packed {
    mirror: PathBuf,
    wanted: BTreeSet<String>,
    laid: Laid,
    contents: Vec<(String, Vec<u8>)>,
}

impl Pack {
    /// Lays what is packed, if that is what is wanted.
    fn lay(&self, mirror: &Mirror, wanted: &BTreeSet<String>, tree: &Path) -> Result<Option<Laid>, Trouble> {
        let packed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |p: &&Packed| p.mirror == mirror.path && p.laid.base == mirror.base.as_str() && p.wanted == *wanted;
        let Some(packed) = packed.as_ref().filter(fits) else { return Ok(None) };
        for folder in &packed.laid.folders {
            clear(&tree.join(folder)).map_err(io_trouble)?;
        }
        for (path, content) in &packed.contents {
            write(tree, path, packed.laid.mode(path), content)?;
        }
        Ok(Some(packed.laid.clone()))
    }

    fn put(&self, packed: Packed) {
        if packed.contents.iter().map(|(_, content)| content.len()).sum::<usize>() <= PACK_MAX {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(packed);
        }
    }
}

/// Lays the modules that `files` use (and `module`, whether or not it is used) into `tree`. `record` keeps what lies there.
pub async fn lay(
    mirror: &Mirror,
    module: &str,
    files: &[FileEdit],
    tree: &Path,
    record: &Path,
    search_path: &str,
    pack: &Pack,
) -> Result<Laid, Trouble> {
    let wanted = wanted(module, files);
    let known = fs::read(record).ok().and_then(|bytes| serde_json::from_slice::<Laid>(&bytes).ok());
    let mut known = known.filter(|known| wanted.is_subset(&known.folders));
    if let Some(known) = known.take_if(|known| known.base == mirror.base.as_str()) {
        return Ok(known);
    }
    let git = Git { mirror, search_path, scratch: tree.with_extension("objects") };
    if let Some(mut known) = known
        && git.list(&known.folders).await? == known.files
    {
        known.base = mirror.base.as_str().to_owned();
        write_record(record, &known)?;
        return Ok(known);
    }
    let _ = fs::remove_file(record);
    if let Some(laid) = pack.lay(mirror, &wanted, tree)? {
        write_record(record, &laid)?;
        return Ok(laid);
    }
    let mut contents = Vec::new();
    let mut laid = Laid { base: mirror.base.as_str().to_owned(), ..Laid::default() };
    let mut next = wanted.clone();
    for _ in 0..DEPTH_MAX {
        let fresh: BTreeSet<String> = next.difference(&laid.folders).cloned().collect();
        if fresh.is_empty() {
            break;
        }
        let files = git.list(&fresh).await?;
        if let Some(missing) = fresh.iter().find(|folder| !files.keys().any(|path| is_under(path, folder))) {
            let line = format!("the repository has no {missing} on its base branch ({})", &mirror.base.as_str()[..7]);
            return Err(Trouble::Lasting { line, source: None });
        }
        for folder in &fresh {
            clear(&tree.join(folder)).map_err(io_trouble)?;
        }
        next = BTreeSet::new();
        for (path, content) in git.read(&files).await? {
            let mode = files.get(&path).map_or("", |(_, mode)| mode.as_str());
            write(tree, &path, mode, &content)?;
            if path.ends_with(".tf") {
                let needs = source::needs(&String::from_utf8_lossy(&content));
                laid.needs.0.push_str(&needs.init);
                laid.needs.1.push_str(&needs.providers);
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                next.extend(needs.local_modules.iter().filter_map(|source| module_folder(folder, source)));
            }
            contents.push((path, content));
        }
        laid.folders.extend(fresh);
        laid.files.extend(files);
        next.retain(|folder| !laid.folders.iter().any(|known| is_under(folder, known)));
    }
    write_record(record, &laid)?;
    pack.put(Packed { mirror: mirror.path.clone(), wanted, laid: laid.clone(), contents });
    Ok(laid)
}

fn wanted(module: &str, files: &[FileEdit]) -> BTreeSet<String> {
    let mut wanted = BTreeSet::from([format!("modules/{module}")]);
    for file in files.iter().filter(|file| file.path.ends_with(".tf")) {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let sources = source::needs(file.content.as_deref().unwrap_or_default()).local_modules;
        wanted.extend(sources.iter().filter_map(|source| module_folder(folder, source)));
    }
    wanted
}

/// Where a module lies. `clusters/` belongs to the clusters: whatever lies there is rendered, or their state, and never taken from the mirror.
fn module_folder(folder: &str, source: &str) -> Option<String> {
    source::resolve(folder, source).filter(|folder| !is_under(folder, "clusters"))
}

fn is_under(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn clear(folder: &Path) -> io::Result<()> {
    match fs::symlink_metadata(folder) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(folder),
        Ok(_) => fs::remove_file(folder),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e),
    }
}

fn write(tree: &Path, path: &str, mode: &str, content: &[u8]) -> Result<(), Trouble> {
    let file = tree.join(path);
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(io_trouble)?;
    }
    match mode {
        "120000" => {
            let line = format!("the repository's {path} is a symbolic link, which a module of kaas cannot be made of");
            Err(Trouble::Lasting { line, source: None })
        }
        "100755" => fs::write(&file, content)
            .and_then(|()| fs::set_permissions(&file, fs::Permissions::from_mode(0o700)))
            .map_err(io_trouble),
        _ => fs::write(&file, content).map_err(io_trouble),
    }
}

fn write_record(record: &Path, laid: &Laid) -> Result<(), Trouble> {
    let bytes = serde_json::to_vec(laid).map_err(|e| io_trouble(e.into()))?;
    fs::write(record, bytes).map_err(io_trouble)
}

fn io_trouble(error: io::Error) -> Trouble {
    super::trouble::of_io("terraform", "write the cluster's working files", error)
}

/// The mirror, through git's plumbing.
struct Git<'a> {
    mirror: &'a Mirror,
    search_path: &'a str,
    scratch: PathBuf,
}

impl Git<'_> {
    /// The files below some folders: path -> (object, mode).
    async fn list(&self, folders: &BTreeSet<String>) -> Result<BTreeMap<String, (String, String)>, Trouble> {
        let mut args = vec!["ls-tree", "-r", "-z", self.mirror.base.as_str(), "--"];
        args.extend(folders.iter().map(String::as_str));
        let out = self.run(&args, None).await?;
        let entry = |entry: &str| {
            let (meta, path) = entry.split_once('\t')?;
            let mut meta = meta.split(' ');
            let (mode, kind, object) = (meta.next()?, meta.next()?, meta.next()?);
            (kind == "blob").then(|| (path.to_owned(), (object.to_owned(), mode.to_owned())))
        };
        Ok(String::from_utf8_lossy(&out).split('\0').filter_map(entry).collect())
    }

    /// The contents of files.
    async fn read(&self, files: &BTreeMap<String, (String, String)>) -> Result<Vec<(String, Vec<u8>)>, Trouble> {
        let asked: String = files.values().map(|(object, _)| format!("{object}\n")).collect();
        let ask = fs::File::options().read(true).write(true).create(true).truncate(true).open(&self.scratch);
        let ask = ask.and_then(|mut ask| {
            ask.write_all(asked.as_bytes())?;
            io::Seek::rewind(&mut ask)?;
            fs::remove_file(&self.scratch)?;
            Ok(ask)
        });
        let out = self.run(&["cat-file", "--batch"], Some(ask.map_err(io_trouble)?)).await?;
        let broken =
            || Trouble::lasting("the mirror of the repository is damaged", anyhow!("git cat-file: short answer"));
        let mut rest = out.as_slice();
        let mut read = Vec::with_capacity(files.len());
        for (path, (object, _)) in files {
            let end = rest.iter().position(|b| *b == b'\n').ok_or_else(broken)?;
            let head = String::from_utf8_lossy(&rest[..end]);
            let size = head.strip_prefix(&format!("{object} blob ")).and_then(|size| size.parse::<usize>().ok());
            let size = size.ok_or_else(broken)?;
            let content = rest.get(end + 1..end + 1 + size).ok_or_else(broken)?;
            read.push((path.clone(), content.to_vec()));
            rest = rest.get(end + size + 2..).ok_or_else(broken)?;
        }
        Ok(read)
    }

    async fn run(&self, args: &[&str], stdin: Option<fs::File>) -> Result<Vec<u8>, Trouble> {
        let mirror = std::path::absolute(&self.mirror.path).map_err(io_trouble)?;
        let mut all = vec!["-c".into(), "safe.directory=*".into(), "--git-dir".into(), mirror.into()];
        all.extend(args.iter().map(Into::into));
        let pairs = [
            ("PATH", self.search_path),
            ("HOME", "/nonexistent"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("LC_ALL", "C"),
        ];
        let spec = Spec {
            program: "git".into(),
            args: all,
            environment: pairs.map(|(name, value)| (name.to_owned(), value.into())).into(),
            dir: PathBuf::from("/"),
            stdin,
            time: GIT_TIME,
            grace: Duration::from_secs(2),
            keep_max: MODULES_MAX,
            output: None,
            watch: None,
        };
        let mut said = String::new();
        let ended = run_keeping(spec, &CancellationToken::new(), &mut |_, line| {
            if said.len() < 4096 {
                said.push_str(line);
                said.push('\n');
            }
        })
        .await
        .map_err(|e| Trouble::lasting("git cannot be started; kaas needs it to read the repository", e))?;
        match ended.why {
            Why::Itself if ended.status.success() => Ok(ended.kept),
            Why::TooMuch => {
                let line = format!("the modules of the repository are larger than {} MB", MODULES_MAX / 1024 / 1024);
                Err(Trouble::Lasting { line, source: None })
            }
            _ => Err(Trouble::passing("the mirror of the repository cannot be read", anyhow!("git {args:?}: {said}"))),
        }
    }
}
