//! Which branches and paths a forge takes: they come from kaas itself, and are checked again before git or a URL sees them.

use crate::ports::Trouble;

/// The longest name of a branch or path, in bytes.
const NAME_MAX: usize = 200;

/// Checks a branch: `kaas/crucial-sandbox/42`.
pub(super) fn branch(name: &str) -> Result<(), Trouble> {
    let ok = plain(name) && name != "main" && !name.split('/').any(|part| part.ends_with(".lock"));
    if ok { Ok(()) } else { Err(refused("branch")) }
}

/// Checks a folder: `clusters/crucial-sandbox`.
pub(super) fn folder(path: &str) -> Result<(), Trouble> {
    if plain(path) { Ok(()) } else { Err(refused("folder")) }
}

/// Checks a file, and answers its path below the folder.
pub(super) fn file<'a>(path: &'a str, folder: &str) -> Result<&'a str, Trouble> {
    let rest = path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'));
    rest.filter(|rest| plain(path) && plain(rest)).ok_or_else(|| refused("file"))
}

/// Slash-separated words of letters, digits and `. _ -` that do not begin with a dot or a hyphen, or end with a dot.
pub(super) fn plain(path: &str) -> bool {
    let word = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
            && !part.starts_with(['.', '-'])
            && !part.ends_with('.')
            && !part.contains("..")
    };
    path.len() <= NAME_MAX && path.split('/').all(word)
}

/// The name of whoever made a commit, fit to be shown: a stranger chose it.
pub(super) fn shown(name: &str) -> String {
    let short = tamed(name, 64);
    if short.is_empty() { "somebody".to_owned() } else { short }
}

/// Text from outside on one line, without what hides or turns it: at most so many characters.
pub(super) fn tamed(text: &str, most: usize) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() || is_invisible(c) { ' ' } else { c }).collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(most).collect()
}

/// Characters that turn the direction of a text or take no room.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn refused(what: &str) -> Trouble {
    Trouble::Lasting {
        line: format!("The forge does not take this {what}'s name."),
        source: Some(anyhow::anyhow!(
            "a {what} must be words of letters, digits, dots, hyphens and underscores between slashes"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_are_refused() {
        for name in ["kaas/crucial-sandbox/42", "kaas/a/1", "feature_x.y"] {
            assert!(branch(name).is_ok(), "{name}");
        }
        for name in [
            "",
            "main",
            "/a",
            "a/",
            "a//b",
            "a/../b",
            "-a",
            "a/-b",
            ".a",
            "a.lock",
            "a/b.lock/c",
            "a b",
            "a\nb",
            "a:b",
            "a@{1}",
            "ä",
        ] {
            assert!(branch(name).is_err(), "{name:?}");
        }
        assert_eq!(file("clusters/a/main.tf", "clusters/a").ok(), Some("main.tf"));
        for path in [
            "clusters/ab/main.tf",
            "clusters/a",
            "clusters/a/",
            "clusters/a/../b/main.tf",
            "clusters/a/.git/config",
            "/clusters/a/x",
        ] {
            assert!(file(path, "clusters/a").is_err(), "{path:?}");
        }
    }

    #[test]
    fn a_strangers_name_is_tamed() {
        assert_eq!(shown("Mal\u{202e}lory\n\u{1b}[31m"), "Mal lory [31m");
        assert_eq!(shown("\u{200b} \n"), "somebody");
        assert_eq!(shown(&"x".repeat(500)).len(), 64);
    }
}
