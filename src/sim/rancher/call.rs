//! One request while it is answered: what was asked, by whom, and the world that it is asked of.

use jiff::Timestamp;
use serde_json::Value;

use super::faults::Fault;
use super::life::{Life, Pace};
use super::reply::{Reply, must_authenticate};
use super::world::{Cluster, Role, World};
use crate::clock::Clock;

/// A request, taken apart.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub method: String,
    /// The path's segments, decoded.
    pub path: Vec<String>,
    /// The query's pairs, decoded.
    pub query: Vec<(String, String)>,
    /// `Authorization`.
    pub authorization: Option<String>,
    /// `Cookie`.
    pub cookie: Option<String>,
    /// `Impersonate-User`.
    pub impersonate: Option<String>,
    /// Scheme and host that the caller used: the start of every link.
    pub base: String,
    pub body: Vec<u8>,
}

impl Ask {
    pub fn query(&self, key: &str) -> Option<&str> {
        self.query.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    /// The body as a JSON object.
    pub fn json(&self) -> Result<Value, String> {
        if self.body.is_empty() {
            return Err("EOF".to_owned());
        }
        match serde_json::from_slice(&self.body) {
            Ok(value @ Value::Object(_)) => Ok(value),
            Ok(_) => Err("json: cannot unmarshal into Go value of type map[string]interface {}".to_owned()),
            Err(fault) => Err(fault.to_string()),
        }
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Caller {
    /// The user's id.
    pub id: String,
    pub role: Role,
    /// The name of the token.
    pub token: String,
    /// The cluster that the token is limited to.
    pub scope: Option<String>,
}

/// One request while it is answered.
pub(super) struct Call<'a> {
    pub ask: &'a Ask,
    pub world: &'a mut World,
    pub clock: &'a dyn Clock,
    pub pace: Pace,
    pub now: Timestamp,
    pub caller: Caller,
}

impl Call<'_> {
    /// A link to a path of this server.
    pub fn link(&self, path: &str) -> String {
        format!("{}{path}", self.ask.base)
    }

    pub fn life(&self, cluster: &Cluster) -> Life {
        Life::of(self.world, cluster, &self.pace, self.now)
    }

    /// Whether the caller may see the cluster.
    pub fn sees(&self, id: &str) -> bool {
        match self.caller.role {
            Role::Admin | Role::Bot => true,
            Role::Standard => !self.world.is_on(Fault::LostRights) && self.world.bound(&self.caller.id, id).is_some(),
        }
    }

    /// Whether the caller owns the cluster.
    pub fn owns(&self, id: &str) -> bool {
        match self.caller.role {
            Role::Admin | Role::Bot => true,
            Role::Standard => {
                !self.world.is_on(Fault::LostRights) && self.world.bound(&self.caller.id, id) == Some(true)
            }
        }
    }

    /// Whether an object that the caller cannot see is told apart from one that is not there.
    pub fn told_apart(&self) -> bool {
        self.caller.role != Role::Standard
    }
}

/// Finds out who asks.
///
/// # Errors
/// The authentication filter's 401, or impersonation's plain refusal.
pub(super) fn authenticate(ask: &Ask, world: &World, now: Timestamp) -> Result<Caller, Reply> {
    let (name, secret, ext) = credentials(ask).ok_or_else(must_authenticate)?;
    let token = world
        .tokens
        .iter()
        .find(|t| t.name == name && t.ext == ext && same(&t.secret, &secret))
        .ok_or_else(must_authenticate)?;
    let user = world.user(&token.user).filter(|u| u.enabled).ok_or_else(must_authenticate)?;
    let over = token.ttl > 0 && now.duration_since(token.created).as_millis() > i128::from(token.ttl);
    if over || world.is_on(Fault::TokenDead) {
        return Err(must_authenticate());
    }
    let role = if world.is_on(Fault::LostRights) { Role::Standard } else { world.standing_of(&user.id) };
    let mut caller = Caller { id: user.id.clone(), role, token: token.name.clone(), scope: token.cluster.clone() };
    if let Some(other) = ask.impersonate.as_deref().filter(|_| ask.path.first().is_some_and(|p| p == "v3")) {
        let target = world.user(other).filter(|_| role == Role::Admin);
        let target = target.ok_or_else(|| Reply::text(403, "not allowed to impersonate user"))?;
        caller.id = target.id.clone();
        caller.role = target.role;
    }
    Ok(caller)
}

/// Token name, secret, and whether it came as an ext token.
fn credentials(ask: &Ask) -> Option<(String, String, bool)> {
    let whole = if let Some(header) = ask.authorization.as_deref() {
        let (scheme, value) = header.split_once(' ')?;
        match scheme.to_ascii_lowercase().as_str() {
            "bearer" => value.trim().to_owned(),
            "basic" => String::from_utf8(unbase64(value.trim())?).ok()?,
            _ => return None,
        }
    } else {
        let cookie = ask.cookie.as_deref()?;
        cookie.split(';').find_map(|pair| pair.trim().strip_prefix("R_SESS="))?.to_owned()
    };
    let (whole, ext) = match whole.strip_prefix("ext/") {
        Some(rest) => (rest.to_owned(), true),
        None => (whole, false),
    };
    let (name, secret) = whole.split_once(':')?;
    Some((name.to_owned(), secret.to_owned(), ext))
}

/// Compares without telling by its time how much was right.
fn same(ours: &str, theirs: &str) -> bool {
    ours.len() == theirs.len() && ours.bytes().zip(theirs.bytes()).fold(0, |diff, (a, b)| diff | (a ^ b)) == 0
}

fn unbase64(text: &str) -> Option<Vec<u8>> {
    let (mut held, mut bits, mut out) = (0u32, 0u32, Vec::new());
    for letter in text.trim_end_matches('=').bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        held = (held << 6) | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push(((held >> bits) & 0xff) as u8);
            held &= (1 << bits) - 1;
        }
    }
    Some(out)
}

/// Standard base64 with padding, for certificates and tokens in answers.
pub(super) fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let held = chunk.iter().enumerate().fold(0u32, |held, (i, b)| held | u32::from(*b) << (16 - 8 * i));
        for i in 0..4 {
            let letter = LETTERS[(held >> (18 - 6 * i) & 63) as usize];
            out.push(if i <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

/// Decodes `%41` and, in queries, `+`.
pub(super) fn decode(text: &str, plus: bool) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut i) = (Vec::with_capacity(bytes.len()), 0);
    while i < bytes.len() {
        let hex = |at: usize| bytes.get(at).and_then(|b| char::from(*b).to_digit(16));
        match bytes[i] {
            b'%' if hex(i + 1).is_some() && hex(i + 2).is_some() => {
                out.push((hex(i + 1).unwrap_or(0) * 16 + hex(i + 2).unwrap_or(0)) as u8);
                i += 2;
            }
            b'+' if plus => out.push(b' '),
            byte => out.push(byte),
        }
        i += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_goes_there_and_back() {
        for text in ["", "a", "ab", "abc", "token-abcde:secret"] {
            assert_eq!(unbase64(&base64(text.as_bytes())).as_deref(), Some(text.as_bytes()));
        }
        assert_eq!(base64(b"token"), "dG9rZW4=");
        assert_eq!(unbase64("not base64!"), None);
    }

    #[test]
    fn paths_are_decoded() {
        assert_eq!(decode("local%3A%2F%2Fu-alice", false), "local://u-alice");
        assert_eq!(decode("a+b%2", true), "a b%2");
    }
}
