//! GitHub as a forge: github.com or an Enterprise Server, as an App or with a token.
//!
//! Reading order: [`look`] (what is true now), [`open`] (branch, commit, pull request), [`announce`] (labels, reviewers), [`end`] (merge and close), [`comment`],
//! [`status`], [`mirror`], [`webhook`] (what GitHub says by itself), [`check`] (what has to be set up); below them [`base`] (the base branch), [`objects`]
//! (git's objects), [`rounds`] (what is looked at once more), [`api`] (calls), [`failure`] and [`shapes`].
//!
//! **Invariant:** no write is made twice blindly. A write whose answer was lost is read back, and everything that is written has a natural key: a
//! pull request its branch, a comment its hidden marker and its author, a status its context, a merge the head.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use tokio::sync::OnceCell;

use self::api::Api;
use self::base::Base;
use self::objects::Memory;
use crate::clock::SharedClock;
use crate::forge::names;
use crate::lifecycle::{HeadSha, Pull};
use crate::ports::{Answer, Call, Forge, Merged, Mirror, NewPull, PullNow, StatusState, Trouble, Vital};

mod announce;
mod api;
mod base;
mod check;
mod comment;
mod end;
mod failure;
mod look;
mod mirror;
mod objects;
mod open;
mod rounds;
mod shapes;
mod status;
mod webhook;

pub use check::{Checked, OpenPull};
pub use webhook::Webhooks;

/// How kaas proves to GitHub who it is.
pub enum Auth {
    /// As an App that is installed in the repository: the better way.
    App {
        /// The App's id.
        app_id: u64,
        /// The installation's id.
        installation_id: u64,
        /// The App's private key, in PEM.
        key_pem: SecretString,
    },
    /// With a token of a user.
    Token(SecretString),
}

/// How patient the client is.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For a whole call.
    pub request: Duration,
    /// For a fetch with git.
    pub fetch: Duration,
    /// How often a read is tried in all.
    pub tries: u32,
    /// The wait before the second try of a read, and before looking again after an uncertain write; it grows with each further one.
    pub wait: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            request: Duration::from_secs(30),
            fetch: Duration::from_secs(180),
            tries: 3,
            wait: Duration::from_millis(250),
        }
    }
}

/// Which repository, and how it is reached.
pub struct Settings {
    /// The address of the REST interface: `https://api.github.com`, `https://ghe.example.com/api/v3`.
    pub api_url: String,
    /// What git fetches from; by default it follows from `api_url`.
    pub git_url: Option<String>,
    /// Whose repository.
    pub owner: String,
    /// The repository's name.
    pub repo: String,
    /// The branch that pull requests are merged into: `main`.
    pub base: String,
    /// How kaas proves who it is.
    pub auth: Auth,
    /// What webhooks are signed with; without it none is taken.
    pub webhook_secret: Option<SecretString>,
    /// Whose review is asked for: logins, and teams as `org/team`.
    pub reviewers: Vec<String>,
    /// What pull requests are labelled with.
    pub labels: Vec<String>,
    /// Where the mirror of the base branch is kept.
    pub mirror: PathBuf,
    /// How patient the client is.
    pub patience: Patience,
}

/// Pull requests on GitHub.
pub struct GitHub {
    api: Api,
    memory: Memory,
    owner: String,
    /// `acme/clusters`.
    full_name: String,
    base: String,
    branch_of_base: Base,
    git_url: String,
    webhook_secret: Option<SecretString>,
    reviewers: Vec<String>,
    labels: Vec<String>,
    mirror: PathBuf,
    patience: Patience,
    clock: SharedClock,
    /// kaas' own login, once it is known.
    me: OnceCell<String>,
    /// One fetch at a time.
    fetching: tokio::sync::Mutex<()>,
}

impl GitHub {
    /// Prepares the client; nothing is called yet. Needs a tokio runtime around it.
    ///
    /// # Errors
    /// An address, a name or a secret cannot be one.
    pub fn open(settings: Settings, clock: SharedClock) -> anyhow::Result<Arc<Self>> {
        let Settings {
            api_url,
            git_url: own,
            owner,
            repo,
            base,
            auth,
            webhook_secret,
            reviewers,
            labels,
            mirror,
            patience,
        } = settings;
        anyhow::ensure!(names::plain(&owner) && !owner.contains('/'), "GitHub has no owner called {owner:?}");
        anyhow::ensure!(names::plain(&repo) && !repo.contains('/'), "GitHub has no repository called {repo:?}");
        anyhow::ensure!(names::plain(&base), "kaas does not take {base:?} for a base branch");
        let url = parsed_url(&api_url)?;
        let api = Api::new(&api_url, (&owner, &repo), &auth, patience, Arc::clone(&clock))?;
        let git_url = match own {
            Some(own) => {
                parsed_url(&own)?;
                own
            }
            None => git_url(&url, &owner, &repo),
        };
        Ok(Arc::new(Self {
            api,
            memory: Memory::default(),
            full_name: format!("{owner}/{repo}"),
            owner,
            base,
            branch_of_base: Base::default(),
            git_url,
            webhook_secret,
            reviewers,
            labels,
            mirror,
            patience,
            clock,
            me: OnceCell::new(),
            fetching: tokio::sync::Mutex::default(),
        }))
    }

    /// Checks a branch's name: it is part of addresses, and kaas never writes the base branch.
    fn branch(&self, name: &str) -> Answer<()> {
        names::branch(name)?;
        if name == self.base {
            return Err(Trouble::Lasting {
                line: format!("kaas does not write the branch {name} by itself"),
                source: None,
            });
        }
        Ok(())
    }
}

#[async_trait]
impl Forge for GitHub {
    async fn open(&self, call: &Call, new: &NewPull) -> Answer<Pull> {
        self.write_open(call, new).await
    }

    async fn read(&self, branch: &str, folder: &str) -> Answer<Option<PullNow>> {
        self.branch(branch)?;
        names::folder(folder)?;
        let view = self.view(branch).await?;
        match &view.pull {
            Some(pull) => Ok(Some(self.now(pull, view.branch.as_deref(), folder).await?)),
            None => Ok(None),
        }
    }

    async fn announce(&self, _call: &Call, number: u64) -> Answer<()> {
        self.write_announcement(number).await
    }

    async fn comment(&self, call: &Call, number: u64, marker: &str, body: &str) -> Answer<()> {
        self.write_comment(call, number, marker, body).await
    }

    async fn merge(&self, call: &Call, number: u64, head: &HeadSha, message: &str) -> Answer<Merged> {
        self.write_merge(call, number, head, message).await
    }

    async fn close(&self, call: &Call, branch: &str, comment: &str) -> Answer<()> {
        self.write_close(call, branch, comment).await
    }

    async fn mirror(&self) -> Answer<Mirror> {
        self.fetch_mirror().await
    }

    async fn status(
        &self,
        call: &Call,
        head: &HeadSha,
        context: &str,
        state: StatusState,
        description: &str,
    ) -> Answer<()> {
        self.write_status(call, head, context, state, description).await
    }
}

impl Vital for GitHub {
    fn name(&self) -> String {
        "github".to_owned()
    }

    fn heard_seconds_ago(&self) -> Option<u64> {
        self.api.heard_ago()
    }

    fn is_ready(&self) -> bool {
        self.api.is_ready()
    }
}

/// An address of GitHub: http or https, a host, and no credentials.
fn parsed_url(text: &str) -> anyhow::Result<http::Uri> {
    let url: http::Uri = text.parse().map_err(|fault| anyhow::anyhow!("GitHub's address {text:?}: {fault}"))?;
    anyhow::ensure!(
        matches!(url.scheme_str(), Some("http" | "https")),
        "GitHub's address {text:?} begins with neither http:// nor https://"
    );
    let authority = url.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    anyhow::ensure!(
        !authority.is_empty() && !authority.contains('@') && url.query().is_none(),
        "GitHub's address {text:?} is a scheme, a host and a path, without credentials"
    );
    Ok(url)
}

/// Where git finds the repository: the API's host, without the `api.` of GitHub's own services.
fn git_url(api: &http::Uri, owner: &str, repo: &str) -> String {
    let host = api.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    let host = if api.path() == "/" { host.strip_prefix("api.").unwrap_or(host) } else { host };
    format!("{}://{host}/{owner}/{repo}.git", api.scheme_str().unwrap_or("https"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_finds_the_repository_beside_the_api() {
        let of = |api: &str| git_url(&parsed_url(api).expect("an address"), "acme", "clusters");
        assert_eq!(of("https://api.github.com"), "https://github.com/acme/clusters.git");
        assert_eq!(of("https://api.github.com/"), "https://github.com/acme/clusters.git");
        assert_eq!(of("https://api.acme.ghe.com"), "https://acme.ghe.com/acme/clusters.git");
        assert_eq!(of("https://ghe.example.com/api/v3"), "https://ghe.example.com/acme/clusters.git");
        assert_eq!(of("http://127.0.0.1:4030/api/v3"), "http://127.0.0.1:4030/acme/clusters.git");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in
            ["", "ghe.example.com", "ftp://ghe.example.com", "https://kaas:s3cret@ghe.example.com", "https://a/?b=c"]
        {
            assert!(parsed_url(text).is_err(), "{text}");
        }
    }
}
