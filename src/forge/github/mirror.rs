//! The mirror: a bare repository on this machine that holds the base branch, for the modules that terraform needs.
//!
//! The token that git fetches with is in no URL, argument, log or file. git asks a helper for it, which prints a variable that only this one git process
//! is given; and it asks only for the host that the repository is on.

use std::path::Path;
use std::process::ExitStatus;

use super::GitHub;
use super::look::{REF, sha};
use crate::forge::git::{Extra, Git, GitFault, Output, one_id};
use crate::forge::names;
use crate::ports::{Answer, Mirror, Trouble};

/// The variable in which git's helper finds the token.
const TOKEN: &str = "KAAS_GIT_TOKEN";
/// What git runs to be told the token.
const HELPER: &str =
    r#"!f() { test "$1" = get || exit 0; echo username=x-access-token; echo "password=$KAAS_GIT_TOKEN"; }; f"#;
/// How many loose objects there may be before git packs them.
const LOOSE_MAX: &str = "gc.auto=2000";
/// What the folder of a mirror that is being made is called: `mirror.git.new`.
const ASIDE: &str = ".new";

impl GitHub {
    pub(super) async fn fetch_mirror(&self) -> Answer<Mirror> {
        let _turn = self.fetching.lock().await;
        let base = self.recent_base_tip().await?;
        self.make_mirror().await?;
        let git = Git::new("git", &self.mirror);
        let local = format!("refs/heads/{}", self.base);
        if self.local_tip(&git, &local).await? != Some(base.clone()) {
            self.fetch(&git, &local).await?;
        }
        let tip = self.local_tip(&git, &local).await?.unwrap_or(base);
        Ok(Mirror { path: self.mirror.clone(), base: sha(&tip, &REF)? })
    }

    /// The base branch has moved: what a plan will need is fetched before somebody asks for one.
    pub(super) async fn base_moved(&self) {
        self.branch_of_base.forget();
        if let Err(trouble) = self.fetch_mirror().await {
            tracing::warn!(forge.trouble = %trouble, "the modules could not be fetched ahead; the next plan fetches them");
        }
    }

    /// Makes the bare repository, aside and renamed, so that a kill leaves all of it or nothing.
    async fn make_mirror(&self) -> Answer<()> {
        let unwritable = |fault: std::io::Error| {
            Trouble::lasting(format!("The mirror's folder {} cannot be written", self.mirror.display()), fault)
        };
        if self.mirror.join("HEAD").is_file() {
            return Ok(());
        }
        let mut aside = self.mirror.as_os_str().to_owned();
        aside.push(ASIDE);
        let aside = Path::new(&aside);
        if aside.exists() {
            std::fs::remove_dir_all(aside).map_err(unwritable)?;
        }
        if let Some(parent) = self.mirror.parent() {
            std::fs::create_dir_all(parent).map_err(unwritable)?;
        }
        let git = Git::new("git", aside);
        let branch = format!("--initial-branch={}", self.base);
        git.run(&["init", "--bare", "--quiet", "--template=", &branch], b"").await.map_err(mirror_trouble)?;
        std::fs::rename(aside, &self.mirror).map_err(unwritable)
    }

    async fn local_tip(&self, git: &Git, name: &str) -> Answer<Option<String>> {
        let output =
            git.try_run(&["rev-parse", "--verify", "--quiet", name], b"", None).await.map_err(mirror_trouble)?;
        if !output.status.success() {
            return Ok(None);
        }
        one_id(&output.stdout).map(Some).map_err(mirror_trouble)
    }

    /// Whether git may fetch from GitHub: it asks for the base branch, and keeps nothing.
    pub(super) async fn may_fetch(&self) -> Answer<()> {
        let branch = format!("refs/heads/{}", self.base);
        let args = ["ls-remote", "--quiet", "--end-of-options", &self.git_url, &branch];
        let Output { status, stderr, .. } = self.talk_to_github(&Git::new("git", &self.mirror), &args).await?;
        if status.success() { Ok(()) } else { Err(self.no_fetch(status, stderr)) }
    }

    async fn fetch(&self, git: &Git, local: &str) -> Answer<()> {
        let refs = format!("+{local}:{local}");
        let args = [
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
            "--no-auto-maintenance",
            "--end-of-options",
            &self.git_url,
            &refs,
        ];
        let Output { status, stderr, .. } = self.talk_to_github(git, &args).await?;
        if !status.success() {
            self.mend(&stderr);
            return Err(self.no_fetch(status, stderr));
        }
        // Each fetch leaves a few loose objects. A failure here costs room and nothing else.
        let tidy = ["-c", LOOSE_MAX, "-c", "gc.autoDetach=false", "gc", "--auto", "--quiet"];
        let tidied = git.run_with(&tidy, b"", &Extra { limit: Some(self.patience.fetch), ..Extra::default() }).await;
        if let Err(fault) = tidied {
            tracing::warn!(git.fault = %fault, "the mirror could not be tidied up");
        }
        Ok(())
    }

    /// A git that talks with GitHub over HTTP, and is told the token when it asks.
    async fn talk_to_github(&self, git: &Git, args: &[&str]) -> Answer<Output> {
        let environment = [(TOKEN, self.api.git_token().await?)];
        let extra = Extra { environment: &environment, limit: Some(self.patience.fetch), at: None };
        let helper = format!("credential.{}.helper={HELPER}", host_of(&self.git_url));
        let settings = [
            "credential.helper=",
            helper.as_str(),
            "protocol.allow=never",
            "protocol.https.allow=always",
            "protocol.http.allow=always",
            "fetch.fsckObjects=true",
        ];
        let mut all: Vec<&str> = settings.iter().flat_map(|setting| ["-c", setting]).collect();
        all.extend(args);
        git.run_with(&all, b"", &extra).await.map_err(mirror_trouble)
    }

    /// Puts right what a kill or a power cut left behind: the next attempt finds no dead lock, or makes the mirror anew.
    fn mend(&self, stderr: &str) {
        let broken = ["corrupt", "bad object", "not a git repository", "did not send all necessary objects"];
        if broken.iter().any(|words| stderr.contains(words)) {
            tracing::warn!(git.said = names::tamed(stderr, 200), "the mirror is damaged; it is made anew");
            let _ = std::fs::remove_dir_all(&self.mirror);
        } else if stderr.contains(".lock") && stderr.contains("File exists") {
            let lock = self.mirror.join(format!("refs/heads/{}.lock", self.base));
            let born = std::fs::metadata(&lock).and_then(|facts| facts.modified());
            let born = born.ok().and_then(|time| jiff::Timestamp::try_from(time).ok());
            let age = born.map(|born| self.clock.now().duration_since(born));
            // No fetch lives longer than its limit, and only this process fetches here.
            if age.is_some_and(|age| age.unsigned_abs() > self.patience.fetch) {
                let _ = std::fs::remove_file(&lock);
            }
        }
    }

    /// Why git did not fetch.
    fn no_fetch(&self, status: ExitStatus, stderr: String) -> Trouble {
        let said = stderr.to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
        let line = if has(&["couldn't find remote ref"]) {
            Some(format!("{} on GitHub has no branch {}", self.full_name, self.base))
        } else if has(&["authentication failed", "could not read username", "could not read password", "error: 403"]) {
            Some(format!(
                "git may not fetch {} from GitHub: kaas' App or token needs the permission contents=read",
                self.full_name
            ))
        } else if has(&["not found", "error: 404"]) && !has(&["could not resolve"]) {
            Some(format!("git finds no {} on GitHub, or kaas' App or token has no access to it", self.full_name))
        } else if has(&["certificate"]) {
            Some("git does not trust the certificate of GitHub's host".to_owned())
        } else {
            None
        };
        let source = GitFault::Failed { what: "fetch".to_owned(), status, stderr: names::tamed(&stderr, 1_000) };
        match line {
            Some(line) => Trouble::lasting(line, source),
            None => mirror_trouble(source),
        }
    }
}

/// Scheme, host and port of an address.
fn host_of(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    format!("{scheme}://{}", rest.split('/').next().unwrap_or_default())
}

/// What git's failures mean here.
fn mirror_trouble(fault: GitFault) -> Trouble {
    match &fault {
        GitFault::Start(source) if source.kind() == std::io::ErrorKind::NotFound => {
            Trouble::lasting("git is not installed, and kaas fetches the modules with it", fault)
        }
        GitFault::Failed { stderr, .. } if stderr.contains("No space left on device") => {
            Trouble::passing("The mirror cannot be written: the disk is full", fault)
        }
        GitFault::Garbled(_) => Trouble::lasting("The mirror holds something unexpected", fault),
        GitFault::Start(_) | GitFault::Io { .. } | GitFault::Slow { .. } | GitFault::Failed { .. } => {
            Trouble::passing("The modules could not be fetched from GitHub", fault)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_helper_answers_one_host_alone() {
        assert_eq!(host_of("https://github.com/acme/clusters.git"), "https://github.com");
        assert_eq!(host_of("http://127.0.0.1:4030/acme/clusters.git"), "http://127.0.0.1:4030");
    }
}
