//! Who asks, and what they may: App JWTs, installation tokens that expire, personal tokens, ranks in the repository.

use std::collections::BTreeMap;

use base64::Engine as _;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;

use super::answer::{Answer, not_found, refused};
use super::world::World;

/// The longest that an App's JWT may live, in seconds.
const JWT_MAX: i64 = 600;

/// How much the clocks may differ, in seconds.
const CLOCK_DRIFT: i64 = 60;

const PUBLIC_KEY: &str = include_str!("test-key.pub.pem");

/// What somebody is in the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Nothing: the repository is not there for them.
    None,
    /// May read.
    Read,
    /// May label.
    Triage,
    /// May push, and approvals count.
    Write,
    /// May do more than push.
    Maintain,
    /// May everything.
    Admin,
}

impl Rank {
    /// The rank of that name: `write`.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "none" => Self::None,
            "read" | "pull" => Self::Read,
            "triage" => Self::Triage,
            "write" | "push" => Self::Write,
            "maintain" => Self::Maintain,
            "admin" => Self::Admin,
            _ => return None,
        })
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Read => "read",
            Self::Triage => "triage",
            Self::Write => "write",
            Self::Maintain => "maintain",
            Self::Admin => "admin",
        }
    }
}

/// Whether something is only read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Read,
    Write,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Actor {
    Nobody,
    /// The App itself, by a JWT.
    App,
    /// A person, by a token of their own or by hand.
    Person(String),
    /// The installation, by its token.
    Installation {
        login: String,
        permissions: BTreeMap<String, String>,
        covers: bool,
    },
}

impl Actor {
    /// The name that GitHub shows.
    pub(super) fn login(&self) -> &str {
        match self {
            Self::Nobody => "",
            Self::App => "app",
            Self::Person(login) | Self::Installation { login, .. } => login,
        }
    }

    pub(super) fn is_installation(&self) -> bool {
        matches!(self, Self::Installation { .. })
    }
}

/// A token and whose it is.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) actor: Actor,
    pub(super) expires: Option<Timestamp>,
}

impl World {
    /// Who is behind an `Authorization` header.
    pub(super) fn authenticate(&self, header: Option<&str>) -> Result<Actor, Answer> {
        let Some(header) = header else { return Ok(Actor::Nobody) };
        let bad = || refused(401, "Bad credentials");
        let (scheme, rest) = header.split_once(' ').ok_or_else(bad)?;
        let secret = match scheme.to_ascii_lowercase().as_str() {
            "bearer" | "token" => rest.trim().to_owned(),
            "basic" => {
                let plain = base64::engine::general_purpose::STANDARD.decode(rest.trim()).map_err(|_| bad())?;
                let plain = String::from_utf8(plain).map_err(|_| bad())?;
                plain.split_once(':').map(|(_, password)| password.to_owned()).ok_or_else(bad)?
            }
            _ => return Err(bad()),
        };
        if secret.matches('.').count() == 2 {
            return self.check_jwt(&secret).map(|()| Actor::App);
        }
        let token = self.tokens.get(&secret).ok_or_else(bad)?;
        if token.expires.is_some_and(|expires| expires <= self.clock.now()) {
            return Err(bad());
        }
        if self.app.suspended && token.actor.is_installation() {
            return Err(refused(403, "This installation has been suspended"));
        }
        Ok(token.actor.clone())
    }

    fn check_jwt(&self, jwt: &str) -> Result<(), Answer> {
        let undecoded = || refused(401, "A JSON web token could not be decoded");
        let key = DecodingKey::from_rsa_pem(PUBLIC_KEY.as_bytes()).map_err(|_| undecoded())?;
        let mut rules = Validation::new(Algorithm::RS256);
        // Times are read by the fake's own clock, below.
        rules.validate_exp = false;
        rules.validate_aud = false;
        rules.required_spec_claims.clear();
        let claims = jsonwebtoken::decode::<Value>(jwt, &key, &rules).map_err(|_| undecoded())?.claims;
        let now = self.clock.now().as_second();
        let exp = claims.get("exp").and_then(Value::as_i64).filter(|exp| *exp > now).ok_or_else(|| {
            refused(401, "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires")
        })?;
        if exp > now + JWT_MAX {
            return Err(refused(401, "'Expiration time' claim ('exp') is too far in the future"));
        }
        if claims.get("iat").and_then(Value::as_i64).is_none_or(|iat| iat > now + CLOCK_DRIFT) {
            return Err(refused(
                401,
                "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
            ));
        }
        let issuer = match claims.get("iss") {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        if issuer.is_empty() {
            return Err(refused(401, "'Issuer' claim ('iss') must be present"));
        }
        if issuer != self.app.id.to_string() {
            return Err(refused(404, "Integration not found"));
        }
        Ok(())
    }

    /// Whether the actor may do something in the repository: an installation by one of these permissions, a person by rank.
    pub(super) fn allow(&self, actor: &Actor, any_of: &[&str], level: Level, rank: Rank) -> Result<(), Answer> {
        let hidden = || if self.private { not_found() } else { refused(401, "Requires authentication") };
        match actor {
            Actor::Nobody if !self.private && level == Level::Read && rank <= Rank::Read => Ok(()),
            Actor::Nobody => Err(hidden()),
            Actor::App => Err(refused(403, "Resource not accessible by integration")),
            Actor::Person(login) => {
                let is = self.users.get(login).map_or(Rank::None, |user| user.rank);
                let is = if self.private { is } else { is.max(Rank::Read) };
                if is == Rank::None {
                    Err(not_found())
                } else if is >= rank {
                    Ok(())
                } else if rank == Rank::Admin {
                    Err(not_found())
                } else {
                    Err(refused(403, "Resource not accessible by personal access token"))
                }
            }
            Actor::Installation { permissions, covers, .. } => {
                if !covers {
                    return Err(not_found());
                }
                let enough = any_of.iter().any(|name| {
                    let has = permissions.get(*name).map(String::as_str);
                    match level {
                        Level::Read => *name == "metadata" || has.is_some(),
                        Level::Write => matches!(has, Some("write" | "admin")),
                    }
                });
                if enough { Ok(()) } else { Err(refused(403, "Resource not accessible by integration")) }
            }
        }
    }
}
