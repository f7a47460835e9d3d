//! Secrets by reference: where they are, and how they are read when they are needed.
//!
//! A configuration never holds a secret; it can be printed, compared and kept.

use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

/// The largest secret that is read from a file, in bytes.
pub const SECRET_MAX: u64 = 64 * 1024;

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// In an environment variable of kaas.
    Env(String),
    /// In a file.
    File(PathBuf),
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "the environment variable {name}"),
            Self::File(path) => write!(f, "the file {}", path.display()),
        }
    }
}

/// Why a secret could not be had. Never holds the secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The environment variable is not set, or empty.
    #[error("the environment variable {0} is not set")]
    Unset(String),
    /// The file could not be read.
    #[error("{path} cannot be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// What is there cannot be a secret.
    #[error("{place} {problem}")]
    Unusable {
        /// Where.
        place: SecretRef,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// How an environment variable is looked up: `|name| std::env::var(name).ok()`.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

impl SecretRef {
    /// Reads the secret, without the line break that editors leave at the end of a file.
    ///
    /// # Errors
    /// It is not there, cannot be read, is empty, spans lines or is larger than [`SECRET_MAX`].
    pub fn resolve(&self, environment: Environment<'_>) -> Result<SecretString, SecretError> {
        let text = match self {
            Self::Env(name) => environment(name).ok_or_else(|| SecretError::Unset(name.clone()))?,
            Self::File(path) => self.read(path)?,
        };
        let unusable = |problem| Err(SecretError::Unusable { place: self.clone(), problem });
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.trim().is_empty() {
            unusable("is empty")
        } else if text.chars().any(char::is_control) {
            unusable("holds more than one line, or control characters")
        } else {
            Ok(SecretString::from(text))
        }
    }

    /// Reads a secret that spans lines, such as a private key as PEM.
    ///
    /// # Errors
    /// As [`Self::resolve`], except for the lines.
    pub fn resolve_lines(&self, environment: Environment<'_>) -> Result<SecretString, SecretError> {
        let text = match self {
            Self::Env(name) => environment(name).ok_or_else(|| SecretError::Unset(name.clone()))?,
            Self::File(path) => self.read(path)?,
        };
        let unusable = |problem| Err(SecretError::Unusable { place: self.clone(), problem });
        if text.trim().is_empty() {
            unusable("is empty")
        } else if text.chars().any(|c| c.is_control() && c != '\n' && c != '\r') {
            unusable("holds control characters")
        } else {
            Ok(SecretString::from(text))
        }
    }

    fn read(&self, path: &Path) -> Result<String, SecretError> {
        use std::io::Read as _;
        let unreadable = |source| SecretError::Unreadable { path: path.to_owned(), source };
        let file = std::fs::File::open(path).map_err(unreadable)?;
        let mut bytes = Vec::new();
        file.take(SECRET_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        let unusable = |problem| SecretError::Unusable { place: self.clone(), problem };
        if bytes.len() as u64 > SECRET_MAX {
            return Err(unusable("is too large to be a secret"));
        }
        String::from_utf8(bytes).map_err(|_| unusable("is not text"))
    }

    /// What an administrator should know about the place, without reading the secret out.
    pub fn concern(&self, environment: Environment<'_>) -> Option<(String, String)> {
        if let Err(error) = self.resolve(environment) {
            let hint = match self {
                Self::Env(_) => "kaas has to be started with it.".to_owned(),
                Self::File(_) => "kaas has to be able to read it: one line, the secret alone.".to_owned(),
            };
            let why = std::error::Error::source(&error).map(|why| format!(": {why}")).unwrap_or_default();
            return Some((format!("{error}{why}"), hint));
        }
        let Self::File(path) = self else { return None };
        let others = others_may_read(path)?;
        let hint = format!("chmod 600 {}; a secret that others could read is better replaced.", path.display());
        others.then(|| (format!("{} may be read by other users of this machine", path.display()), hint))
    }
}

fn others_may_read(path: &Path) -> Option<bool> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    Some(mode & 0o004 != 0)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use secrecy::ExposeSecret as _;

    use super::*;

    fn no_environment(_: &str) -> Option<String> {
        None
    }

    fn file_with(content: &[u8], mode: u32) -> (tempfile::TempDir, SecretRef) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        (dir, SecretRef::File(path))
    }

    #[test]
    fn a_secret_comes_without_its_line_break() {
        let (_dir, secret) = file_with(b"token-abc:s3cret\n", 0o600);
        assert_eq!(secret.resolve(&no_environment).unwrap().expose_secret(), "token-abc:s3cret");
        assert_eq!(secret.concern(&no_environment), None);
        let environment = |name: &str| (name == "TOKEN").then(|| "from-env".to_owned());
        assert_eq!(SecretRef::Env("TOKEN".to_owned()).resolve(&environment).unwrap().expose_secret(), "from-env");
    }

    #[test]
    fn what_is_no_secret_is_refused_without_being_repeated() {
        for content in [&b""[..], b"\n", b"two\nlines\n", b"\xff\xfe", &[b'x'; SECRET_MAX as usize + 1]] {
            let (_dir, secret) = file_with(content, 0o600);
            let error = secret.resolve(&no_environment).unwrap_err().to_string();
            assert!(!error.contains("two") && !error.contains("xx"), "{error}");
        }
        let unset = SecretRef::Env("ACME_TOKEN".to_owned()).resolve(&no_environment).unwrap_err();
        assert_eq!(unset.to_string(), "the environment variable ACME_TOKEN is not set");
    }

    #[test]
    fn a_file_that_others_may_read_is_warned_of() {
        let (_dir, secret) = file_with(b"s3cret", 0o644);
        let (problem, hint) = secret.concern(&no_environment).unwrap();
        assert!(problem.ends_with("may be read by other users of this machine"), "{problem}");
        assert!(hint.starts_with("chmod 600 ") && !hint.contains("s3cret"), "{hint}");
    }
}
