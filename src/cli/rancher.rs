//! `kaas rancher setup`: gives kaas its user, its rights and its token in a Rancher, once, with an administrator's token.
//!
//! It says what it would do, and does it only with `--yes`. No token and no password is ever printed.

use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::Subcommand;
use secrecy::{ExposeSecret, SecretString};

use super::{Exit, wire};
use crate::clock::{SharedClock, SystemClock};
use crate::config::{Config, SecretRef};
use crate::ports::{Fleet as _, Trouble};
use crate::rancher::setup::{Minted, Setup, Step, Survey, Wanted};
use crate::rancher::{Patience, Rancher, Settings};

/// Arguments of `kaas rancher`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Makes kaas' user, its global role without admin, a role that only reads, and a token with an end.
    Setup(SetupArgs),
}

/// Arguments of `kaas rancher setup`.
#[derive(Debug, clap::Args)]
pub(super) struct SetupArgs {
    /// Rancher's address. Left out: that of the tenant in the configuration.
    #[arg(long, value_name = "URL", conflicts_with_all = ["config", "tenant"])]
    url: Option<String>,
    /// The configuration.
    #[arg(long, value_name = "FILE", default_value = "kaas.toml")]
    config: PathBuf,
    /// The tenant whose Rancher it is; may be left out where there is one.
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// The authority that signed Rancher's certificate, as PEM.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// The environment variable that holds an administrator's token.
    #[arg(long, value_name = "NAME", default_value = "RANCHER_ADMIN_TOKEN")]
    admin_token_env: String,
    /// The file that holds an administrator's token, instead.
    #[arg(long, value_name = "FILE", conflicts_with = "admin_token_env")]
    admin_token_file: Option<PathBuf>,
    /// What kaas' user logs in with.
    #[arg(long, value_name = "NAME", default_value = "kaas-bot")]
    user: String,
    /// The name of its global role.
    #[arg(long, value_name = "NAME", default_value = "kaas-bot")]
    role: String,
    /// A cloud credential that it may use, by name or id; may be given more than once. Left out: those of the configuration.
    #[arg(long = "credential", value_name = "NAME")]
    credentials: Vec<String>,
    /// The name of the role for clusters that only reads; an empty one makes none.
    #[arg(long, value_name = "NAME", default_value = "kaas-read-only")]
    read_only_role: String,
    /// Lets kaas let a machine go that cannot be removed, when an admin of kaas asks for it.
    #[arg(long)]
    allow_force_remove: bool,
    /// Where the token is written, for its owner alone. Left out: where the configuration reads it.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// For how many days the token is good, if Rancher allows as many.
    #[arg(long, value_name = "DAYS", default_value = "90", value_parser = clap::value_parser!(u32).range(1..=3650))]
    token_days: u32,
    /// Makes a new token although there is a good one.
    #[arg(long)]
    new_token: bool,
    /// Does it. Without, it is only said what would be done.
    #[arg(long)]
    yes: bool,
}

/// Where everything is.
pub(super) struct Place {
    pub url: String,
    ca: Option<String>,
    admin: SecretString,
    pub token_file: PathBuf,
    pub credentials: Vec<String>,
}

/// How long to wait for Rancher, and how often.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waits {
    pub pause: Duration,
    pub tries: u32,
}

const WAITS: Waits = Waits { pause: Duration::from_secs(1), tries: 30 };

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let Command::Setup(args) = &args.command;
    let place = match place(args, &wire::environment) {
        Ok(place) => place,
        Err(fault) => {
            eprintln!("{fault:#}");
            return Ok(Exit::Misuse);
        }
    };
    let mut out = std::io::stdout().lock();
    super::runtime()?.block_on(set_up(args, place, SystemClock::shared(), WAITS, &mut out))
}

pub(super) fn place(args: &SetupArgs, environment: &dyn Fn(&str) -> Option<String>) -> anyhow::Result<Place> {
    let admin = match &args.admin_token_file {
        Some(file) => SecretRef::File(file.clone()),
        None => SecretRef::Env(args.admin_token_env.clone()),
    };
    let admin = admin.resolve(environment).context("an administrator's token is needed")?;
    let read = |path: &Path| std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()));
    if let Some(url) = &args.url {
        let loopback = crate::config::values::is_loopback(url);
        anyhow::ensure!(url.starts_with("https://") || loopback, "an administrator's token is sent over https:// only");
        let token_file = args.token_file.clone().context("say with --token-file where the token is to be written")?;
        let ca = args.ca_file.as_deref().map(read).transpose()?;
        let credentials = args.credentials.clone();
        return Ok(Place { url: url.trim_end_matches('/').to_owned(), ca, admin, token_file, credentials });
    }
    let config = Config::load(&args.config).context("without --url, the configuration says which Rancher it is")?;
    let tenants: Vec<_> = config
        .tenants
        .iter()
        .filter(|tenant| args.tenant.as_deref().is_none_or(|name| tenant.name.as_str() == name))
        .collect();
    let tenant = match tenants.as_slice() {
        [tenant] => *tenant,
        [] => anyhow::bail!("the configuration has no tenant {}", args.tenant.as_deref().unwrap_or_default()),
        _ => anyhow::bail!("the configuration has more than one tenant: name one with --tenant"),
    };
    let rancher = &tenant.rancher;
    let secure = rancher.url.starts_with("https://") || crate::config::values::is_loopback(&rancher.url);
    anyhow::ensure!(secure, "an administrator's token is sent over https:// only");
    let ca = args.ca_file.as_ref().or(rancher.ca_file.as_ref()).map(|path| read(path)).transpose()?;
    let token_file = match (&args.token_file, &rancher.token) {
        (Some(file), _) | (None, SecretRef::File(file)) => file.clone(),
        (None, SecretRef::Env(name)) => {
            anyhow::bail!("kaas reads its token from {name}: say with --token-file where the new one is to be written")
        }
    };
    let named = if args.credentials.is_empty() { &rancher.cloud_credentials } else { &args.credentials };
    Ok(Place { url: rancher.url.clone(), ca, admin, token_file, credentials: named.clone() })
}

/// What is to become of the token file.
enum Token {
    Keep,
    Make(String),
    Refuse(String),
}

pub(super) async fn set_up(
    args: &SetupArgs,
    place: Place,
    clock: SharedClock,
    waits: Waits,
    out: &mut dyn Write,
) -> anyhow::Result<Exit> {
    let patience = Patience::default();
    let setup = Setup::new(&place.url, place.admin.clone(), place.ca.as_deref(), patience, clock.clone())?
        .impatient(waits.pause, waits.tries);
    let wanted = Wanted {
        user: args.user.clone(),
        role: args.role.clone(),
        credentials: place.credentials.clone(),
        read_only: Some(args.read_only_role.clone()).filter(|name| !name.is_empty()),
        force_remove: args.allow_force_remove,
    };
    let survey = match setup.survey(wanted).await {
        Ok(survey) => survey,
        Err(trouble) => return failed(out, &trouble, "Nothing was done."),
    };
    let token = token_for(args, &place, &setup, &survey).await?;
    tell(args, &place, &survey, &token, out)?;
    if let Token::Refuse(_) = token {
        return Ok(Exit::Failed);
    }
    let nothing = survey.steps.is_empty() && matches!(token, Token::Keep);
    if !args.yes && !nothing {
        writeln!(out, "\nNothing was done. --yes does it.")?;
        return Ok(Exit::Done);
    }
    // Before anything is made, so that no token is lost for a folder that cannot be written.
    let kept = matches!(token, Token::Make(_)).then(|| Kept::open(&place.token_file)).transpose()?;
    let done = match setup.carry_out(survey).await {
        Ok(done) => done,
        Err(trouble) => return failed(out, &trouble, "What was done until then is found again the next time."),
    };
    if let Some(kept) = kept {
        let minted = match setup.mint(&done, args.token_days).await {
            Ok(minted) => minted,
            Err(trouble) => return failed(out, &trouble, "What was done until then is found again the next time."),
        };
        kept.write(&minted.token)?;
        tell_token(&place, &minted, out)?;
    }
    prove(&place, clock, waits, done.read_only.as_deref(), out).await
}

/// Whether the token that is there will do.
async fn token_for(args: &SetupArgs, place: &Place, setup: &Setup, survey: &Survey) -> anyhow::Result<Token> {
    let file = place.token_file.display();
    if args.new_token || !place.token_file.exists() {
        return Ok(Token::Make(String::new()));
    }
    let there = SecretRef::File(place.token_file.clone()).resolve(&|_| None);
    let verdict = match (there, survey.user_id()) {
        (Ok(token), Some(user)) => setup.is_of(&token, user).await?,
        (Ok(_), None) => Err("is that of somebody else".to_owned()),
        (Err(_), _) => Err("is no token".to_owned()),
    };
    Ok(match verdict {
        Ok(()) => Token::Keep,
        Err(why) if why == "is not good any more" => Token::Make(format!(", because what is in {file} {why}")),
        Err(why) => Token::Refuse(format!("What is in {file} {why}. Name another file, or --new-token to replace it.")),
    })
}

fn tell(args: &SetupArgs, place: &Place, survey: &Survey, token: &Token, out: &mut dyn Write) -> anyhow::Result<()> {
    writeln!(out, "Rancher {} at {}, as {}", survey.version, place.url, survey.admin)?;
    for remark in &survey.remarks {
        writeln!(out, "look: {remark}")?;
    }
    for step in &survey.steps {
        writeln!(out, "  - {step}")?;
        if matches!(step, Step::MakeRole(_) | Step::ChangeRole(..)) {
            for right in survey.rights() {
                writeln!(out, "      {right}")?;
            }
        }
    }
    let file = place.token_file.display();
    match token {
        Token::Make(why) => writeln!(
            out,
            "  - make a token for {}, good for {} days, and write it to {file}, which only its owner may read{why}",
            args.user, args.token_days
        )?,
        Token::Keep if survey.steps.is_empty() => writeln!(out, "  everything is there; the token in {file} is good")?,
        Token::Keep => writeln!(out, "  the token in {file} is good, and stays")?,
        Token::Refuse(why) => writeln!(out, "{why}")?,
    }
    Ok(())
}

fn tell_token(place: &Place, minted: &Minted, out: &mut dyn Write) -> anyhow::Result<()> {
    let until = minted.ends.map_or("for ever".to_owned(), |end| end.strftime("until %Y-%m-%d %H:%M UTC").to_string());
    writeln!(out, "\nThe token is in {} and good {until}.", place.token_file.display())?;
    if let Some(left) = &minted.left {
        writeln!(out, "{left}")?;
    }
    Ok(())
}

/// Proves the rights with the token itself, once Rancher has put them into force.
async fn prove(
    place: &Place,
    clock: SharedClock,
    waits: Waits,
    read_only: Option<&str>,
    out: &mut dyn Write,
) -> anyhow::Result<Exit> {
    let token = SecretRef::File(place.token_file.clone()).resolve(&|_| None)?;
    let mut settings = Settings::new(&place.url, token);
    settings.ca.clone_from(&place.ca);
    settings.credentials.clone_from(&place.credentials);
    let rancher = Rancher::new(settings, clock)?;
    let nobodys = "kaas-check".parse().map_err(|_| anyhow::anyhow!("the name for the check is wrong"))?;
    for _ in 1..waits.tries {
        if rancher.preflight(&nobodys, false).await.is_ok() {
            break;
        }
        tokio::time::sleep(waits.pause).await;
    }
    writeln!(out, "\nWith the token in {}:", place.token_file.display())?;
    let mut good = true;
    for proof in rancher.prove().await {
        match proof.wrong {
            None => writeln!(out, "  good: {}", proof.what)?,
            Some(wrong) => {
                good &= proof.mild;
                writeln!(out, "  {}: {}: {wrong}", if proof.mild { "look" } else { "not good" }, proof.what)?;
            }
        }
    }
    writeln!(out, "\nFor kaas.toml, below [tenants.<name>.rancher]:\n  token = {{ file = {:?} }}", place.token_file)?;
    if let Some(id) = read_only {
        writeln!(
            out,
            "The role that only reads is {id}: as requester_role of a class or a person, as role below rancher.team, or in policy.access.roles."
        )?;
    }
    Ok(if good { Exit::Done } else { Exit::Failed })
}

fn failed(out: &mut dyn Write, trouble: &Trouble, so_far: &str) -> anyhow::Result<Exit> {
    tracing::debug!(error = ?trouble, "the set-up stops");
    writeln!(out, "{trouble}\n{so_far}")?;
    Ok(Exit::Failed)
}

/// A file beside the token's, which takes its place when it is written.
struct Kept {
    fresh: PathBuf,
    path: PathBuf,
    file: std::fs::File,
}

impl Kept {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let mut fresh = path.as_os_str().to_owned();
        fresh.push(".new");
        let fresh = PathBuf::from(fresh);
        // What an earlier attempt left behind holds nothing that is still wanted.
        let _ = std::fs::remove_file(&fresh);
        let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh);
        let file = file.with_context(|| format!("cannot write the token to {}", path.display()))?;
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        Ok(Self { fresh, path: path.to_owned(), file })
    }

    fn write(mut self, token: &SecretString) -> anyhow::Result<()> {
        let mut write = || {
            writeln!(self.file, "{}", token.expose_secret())?;
            self.file.sync_all()?;
            std::fs::rename(&self.fresh, &self.path)
        };
        write().with_context(|| format!("cannot write the token to {}", self.path.display()))
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // Renamed, it is not there any more.
        let _ = std::fs::remove_file(&self.fresh);
    }
}
