//! The token that kaas shows Rancher: its three forms, and until when it is good.
//!
//! `token-xxxxx:…` of the old API, `ext/token-xxxxx:…` of the new one (from Rancher 2.13), and a signed token of Rancher's own OIDC provider (from 2.14).
//! Nothing here keeps or shows the secret part.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// What a token is, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    /// Of `/v3/tokens`: its name.
    Norman(String),
    /// Of `/ext/apis/ext.cattle.io/v1/tokens`: its name.
    Ext(String),
    /// Signed: when it ends, if it says so.
    Signed(Option<Timestamp>),
}

impl Form {
    /// # Errors
    /// It is no token of Rancher's. The sentence does not repeat it.
    pub fn of(token: &SecretString) -> anyhow::Result<Self> {
        let token = token.expose_secret();
        anyhow::ensure!(
            !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic()),
            "the token for Rancher is empty, or has blanks or odd letters in it"
        );
        let (rest, ext) = token.strip_prefix("ext/").map_or((token, false), |rest| (rest, true));
        if let Some((name, secret)) = rest.split_once(':') {
            anyhow::ensure!(is_name(name) && !secret.is_empty(), WRONG);
            return Ok(if ext { Self::Ext(name.to_owned()) } else { Self::Norman(name.to_owned()) });
        }
        let parts: Vec<&str> = rest.split('.').collect();
        let [_, claims, signature] = parts.as_slice() else { anyhow::bail!(WRONG) };
        anyhow::ensure!(!ext && !signature.is_empty(), WRONG);
        let claims = URL_SAFE_NO_PAD.decode(claims).ok();
        let claims = claims.and_then(|claims| serde_json::from_slice::<Value>(&claims).ok());
        let Some(claims) = claims.filter(Value::is_object) else { anyhow::bail!(WRONG) };
        Ok(Self::Signed(claims["exp"].as_i64().and_then(|at| Timestamp::from_second(at).ok())))
    }
}

/// What is said of anything else.
const WRONG: &str = "the token for Rancher is none: it looks like token-xxxxx:…, or like ext/token-xxxxx:…";

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
}

/// Which interfaces a Rancher has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Generation {
    major: u32,
    minor: u32,
}

impl Generation {
    /// Read from a version such as `v2.14.4`. A development build counts as the newest.
    pub fn of(version: &str) -> Self {
        let mut parts = version.trim_start_matches('v').split(['.', '-']);
        let mut next = || parts.next().and_then(|part| part.parse().ok());
        match (next(), next()) {
            (Some(major), Some(minor)) => Self { major, minor },
            _ => Self { major: u32::MAX, minor: 0 },
        }
    }

    /// Whether tokens are made and read through the new interface.
    pub fn has_ext_tokens(self) -> bool {
        self >= Self { major: 2, minor: 13 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(token: &str) -> Option<Form> {
        Form::of(&SecretString::from(token)).ok()
    }

    #[test]
    fn three_forms_of_token_are_told_apart() {
        assert_eq!(form("token-abcde:s3cret"), Some(Form::Norman("token-abcde".into())));
        assert_eq!(form("kubeconfig-u-abcde:s3cret"), Some(Form::Norman("kubeconfig-u-abcde".into())));
        assert_eq!(form("ext/token-abcde:s3cret"), Some(Form::Ext("token-abcde".into())));
        let signed = |claims: &str| format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
        let end = Timestamp::from_second(1_800_000_000).ok();
        assert_eq!(form(&signed(r#"{"exp":1800000000}"#)), Some(Form::Signed(end)));
        assert_eq!(form(&signed("{}")), Some(Form::Signed(None)));
        for wrong in ["", "token-abcde", "token-a b:c", "a:b\nc", ":x", "x:", "a.b.c", "../x:y", "ext/a.b.c", "ext/x"] {
            assert_eq!(form(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_token_is_told_without_it() {
        for wrong in ["s3cret", "s3cret with blanks", "s3cret:"] {
            let told = Form::of(&SecretString::from(wrong)).expect_err(wrong);
            assert!(!format!("{told:#} {told:?}").contains("s3cret"), "{told}");
        }
    }

    #[test]
    fn the_version_says_which_interface_makes_tokens() {
        for (version, ext) in [
            ("v2.12.9", false),
            ("v2.13.0", true),
            ("v2.14.4", true),
            ("2.9.1-rc1", false),
            ("v3.0.0", true),
            ("v2.14-0a1b2c-head", true),
            ("dev", true),
        ] {
            assert_eq!(Generation::of(version).has_ext_tokens(), ext, "{version}");
        }
    }
}
