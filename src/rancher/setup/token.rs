//! How kaas' user gets a token: nobody but the user itself can make one, so it logs in, once, with a password that is drawn for it and then forgotten.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::super::failure::Failure;
use super::super::standing::ext_tokens;
use super::super::token::Form;
use super::super::{known, lasting};
use super::{Done, Setup};
use crate::ports::{Answer, Trouble};

/// How many random bytes a password has.
const PASSWORD_BYTES: usize = 32;
/// What the token is called in Rancher.
const DESCRIPTION: &str = "kaas";
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// A token that was made just now.
pub struct Minted {
    /// What is shown to Rancher.
    pub token: SecretString,
    /// When it ends, as Rancher says; `None` is never.
    pub ends: Option<Timestamp>,
    /// What could not be cleared away.
    pub left: Option<String>,
}

/// A password that nobody learns.
pub(super) fn password() -> Answer<SecretString> {
    let mut bytes = [0; PASSWORD_BYTES];
    rustls::crypto::ring::default_provider()
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| lasting("This machine gives no random numbers."))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes).into())
}

/// A local user.
pub(super) fn user_body(name: &str, password: &SecretString) -> Value {
    json!({
        "type": "user", "username": name, "password": password.expose_secret(), "name": name,
        "description": "kaas, Kubernetes as a Service by chat", "enabled": true, "mustChangePassword": false,
    })
}

impl Setup {
    /// Makes a token for kaas' user, good for that many days or for as long as Rancher allows.
    ///
    /// # Errors
    /// Rancher refuses the login or the token.
    pub async fn mint(&self, done: &Done, days: u32) -> Answer<Minted> {
        let password = match &done.password {
            Some(password) => password.clone(),
            None => {
                let password = password()?;
                let body = json!({"newPassword": password.expose_secret()});
                self.client.act(&["v3", "users", &done.user], "setpassword", &body).await?;
                password
            }
        };
        let session = self.log_in(done, &password).await?;
        let session_name = match Form::of(&session) {
            Ok(Form::Norman(name)) => name,
            Ok(_) | Err(_) => return Err(lasting("Rancher answers a login with something else than a token.")),
        };
        let made = self.make_token(done, session, u64::from(days) * DAY_MS).await?;
        let (token, form) = (made.token, made.form);
        let own = self.client.with_token(token.clone());
        let ends = match &form {
            // It is told once the token is read again.
            Form::Norman(name) => end_of(&own.get(&["v3", "tokens", name], &[]).await?["expiresAt"]),
            Form::Ext(_) | Form::Signed(_) => made.ends,
        };
        // The session is of no more use. A token cannot end itself, so the new one ends it.
        let closed = known(own.delete(&["v3", "tokens", &session_name]).await);
        let left = closed.err().map(|failure| {
            tracing::debug!(error = %failure, "the session stays");
            format!("The session {session_name} could not be ended; it ends by itself.")
        });
        Ok(Minted { token, ends, left })
    }

    async fn log_in(&self, done: &Done, password: &SecretString) -> Answer<SecretString> {
        let mut body = json!({
            "username": done.login, "password": password.expose_secret(), "responseType": "json", "description": DESCRIPTION,
        });
        let answer = if done.generation.has_ext_tokens() {
            body["type"] = json!("localProvider");
            self.client.post_open(&["v1-public", "login"], &body).await
        } else {
            self.client.act(&["v3-public", "localProviders", "local"], "login", &body).await
        };
        match answer {
            Ok(told) => secret_of(&told["token"]),
            Err(failure) if matches!(failure.status(), Some(401 | 403)) => Err(Trouble::lasting(
                format!(
                    "Rancher does not let {} log in: is logging in with a password switched off there?",
                    done.login
                ),
                failure,
            )),
            Err(failure) => Err(failure.into()),
        }
    }

    /// Asks for the token, until the rights that were given just now are in force.
    async fn make_token(&self, done: &Done, session: SecretString, ttl: u64) -> Answer<Made> {
        let own = self.client.with_token(session);
        let ext = done.generation.has_ext_tokens();
        for left in (0..self.tries).rev() {
            let made = if ext {
                let body = json!({"apiVersion": "ext.cattle.io/v1", "kind": "Token", "spec": {"description": DESCRIPTION, "ttl": ttl}});
                own.post(&ext_tokens(None), &body).await
            } else {
                own.post(&["v3", "tokens"], &json!({"type": "token", "description": DESCRIPTION, "ttl": ttl})).await
            };
            match made {
                Ok(made) => return Made::of(&made, ext),
                // Nothing was made, so asking again is harmless.
                Err(failure) if failure.is_hidden() && left > 0 => tokio::time::sleep(self.pause).await,
                Err(failure) => return Err(failure.into()),
            }
        }
        Err(lasting("Rancher makes no token for kaas' user."))
    }

    /// Whether a token works and is that of kaas' user; `Err` tells what it is instead.
    ///
    /// # Errors
    /// Rancher does not answer.
    pub async fn is_of(&self, token: &SecretString, user: &str) -> Answer<Result<(), String>> {
        if Form::of(token).is_err() {
            return Ok(Err("is no token".to_owned()));
        }
        match self.client.with_token(token.clone()).list(&["v3", "users"], &[("me", "true")]).await {
            Ok(me) if me.iter().any(|me| me["id"] == user) => Ok(Ok(())),
            Ok(_) => Ok(Err("is that of somebody else".to_owned())),
            Err(Failure::Status { status: 401 | 403, .. }) => Ok(Err("is not good any more".to_owned())),
            Err(failure) => Err(failure.into()),
        }
    }

    /// The time, for who tells how long a token is good.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

struct Made {
    token: SecretString,
    form: Form,
    ends: Option<Timestamp>,
}

impl Made {
    fn of(told: &Value, ext: bool) -> Answer<Self> {
        let token = secret_of(if ext { &told["status"]["bearerToken"] } else { &told["token"] })?;
        let form = Form::of(&token).map_err(|_| lasting("Rancher makes a token that is none."))?;
        Ok(Self { token, form, ends: end_of(&told["status"]["expiresAt"]) })
    }
}

fn secret_of(value: &Value) -> Answer<SecretString> {
    let secret = value.as_str().filter(|secret| !secret.is_empty());
    secret.map(SecretString::from).ok_or_else(|| lasting("Rancher makes a token and does not tell it."))
}

fn end_of(value: &Value) -> Option<Timestamp> {
    value.as_str().and_then(|end| end.parse().ok())
}
