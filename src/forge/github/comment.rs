//! Comments of a pull request: one a marker, edited in place; a long one goes on in further comments.

use http::Method;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::GitHub;
use super::failure::{Endpoint, Failure};
use super::rounds::Round;
use super::shapes::{App, CommentShape, User};
use crate::ports::{Answer, Call};

/// The longest comment, in bytes. GitHub's limit is 65,536 characters.
const COMMENT_MAX: usize = 65_536;
/// What the marker and closed fences of a part cost at most, in bytes.
const OVERHEAD: usize = 1_024;
/// The longest first line of a fence that is opened again in the next part, in bytes.
const FENCE_MAX: usize = 200;
/// How often all is looked at before it is left to a later attempt.
const ROUNDS: u32 = 4;

const LIST: Endpoint = Endpoint { name: "comments/list", does: "read comments", needs: "pull_requests=read" };
const CREATE: Endpoint = Endpoint { name: "comments/create", does: "write comments", needs: "pull_requests=write" };
const EDIT: Endpoint = Endpoint { name: "comments/edit", does: "edit comments", needs: "pull_requests=write" };
const DELETE: Endpoint = Endpoint { name: "comments/delete", does: "delete comments", needs: "pull_requests=write" };
const APP: Endpoint = Endpoint { name: "app", does: "act as the App", needs: "the App's private key" };
const USER: Endpoint = Endpoint { name: "user", does: "act as the token's user", needs: "a token of a user" };

impl GitHub {
    pub(super) async fn write_comment(&self, call: &Call, number: u64, marker: &str, body: &str) -> Answer<()> {
        let wanted = &parts(marker, body);
        self.in_rounds(call, ROUNDS, |_| async { Round::of(self.comment_once(number, marker, wanted).await) }).await
    }

    async fn comment_once(&self, number: u64, marker: &str, wanted: &[String]) -> Result<(), Failure> {
        let path = format!("issues/{number}/comments?per_page=100");
        let (me, all) = tokio::try_join!(self.me(), self.api.list::<CommentShape>(&LIST, &path))?;
        // Anybody can write kaas' marker; only what kaas wrote itself is edited.
        let own = all.into_iter().filter(|c| c.user.as_ref().is_some_and(|user| user.login.eq_ignore_ascii_case(&me)));
        let mut there: Vec<Option<CommentShape>> = Vec::new();
        let mut surplus = Vec::new();
        for comment in own {
            let Some(index) = comment.body.as_deref().and_then(|body| index_of(marker, body)) else { continue };
            if index >= wanted.len() {
                surplus.push(comment.id);
                continue;
            }
            there.resize_with(there.len().max(index + 1), || None);
            match &there[index] {
                None => there[index] = Some(comment),
                Some(_) => surplus.push(comment.id),
            }
        }
        there.resize_with(wanted.len(), || None);
        for (text, there) in wanted.iter().zip(there) {
            match there {
                Some(comment) if same(comment.body.as_deref().unwrap_or_default(), text) => {}
                Some(comment) => {
                    let path = format!("issues/comments/{}", comment.id);
                    self.api.write::<IgnoredAny>(&EDIT, Method::PATCH, &path, &json!({ "body": text })).await?;
                }
                None => {
                    let path = format!("issues/{number}/comments");
                    self.api.write::<IgnoredAny>(&CREATE, Method::POST, &path, &json!({ "body": text })).await?;
                }
            }
        }
        for id in surplus {
            let path = format!("issues/comments/{id}");
            match self.api.write::<IgnoredAny>(&DELETE, Method::DELETE, &path, &Value::Null).await {
                Ok(_) => {}
                Err(failure) if matches!(failure.refused(), Some((404, _))) => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(())
    }

    /// kaas' own login.
    pub(super) async fn me(&self) -> Result<String, Failure> {
        let me = self.me.get_or_try_init(async || match self.api.installation() {
            Some(_) => self.api.get_as_app::<App>(&APP, "/app").await.map(|app| format!("{}[bot]", app.slug)),
            None => self.api.get::<User>(&USER, "/user").await.map(|user| user.login),
        });
        me.await.cloned()
    }
}

/// Whether GitHub keeps this text already: it may change the ends of lines, and strips the end.
fn same(there: &str, wanted: &str) -> bool {
    there.replace("\r\n", "\n").trim_end() == wanted.replace("\r\n", "\n").trim_end()
}

/// The comments that a text becomes, each with its marker on the first line.
fn parts(marker: &str, body: &str) -> Vec<String> {
    let chunks = chunks(body, COMMENT_MAX - OVERHEAD);
    let count = chunks.len();
    let marked = |(index, chunk): (usize, &String)| match count {
        1 => format!("<!-- {marker} -->\n{chunk}"),
        _ => format!("<!-- {marker} ({}/{count}) -->\n{chunk}", index + 1),
    };
    chunks.iter().enumerate().map(marked).collect()
}

/// Which part of a marker's text a comment is, from 0; `None` if it is none.
fn index_of(marker: &str, body: &str) -> Option<usize> {
    let rest = body.strip_prefix("<!-- ")?.strip_prefix(marker)?;
    let (rest, _) = rest.split_once(" -->")?;
    if rest.is_empty() {
        return Some(0);
    }
    let (index, count) = rest.strip_prefix(" (")?.strip_suffix(')')?.split_once('/')?;
    let (index, count) = (index.parse::<usize>().ok()?, count.parse::<usize>().ok()?);
    (1..=count).contains(&index).then(|| index - 1)
}

/// Cuts a text between lines into chunks of at most `most` bytes. A code fence that is cut is closed, and opened again in the next chunk.
fn chunks(body: &str, most: usize) -> Vec<String> {
    let (mut chunks, mut chunk) = (Vec::new(), String::new());
    let mut fence: Option<Fence> = None;
    for line in body.lines().flat_map(|line| pieces(line, most / 2)) {
        let closing = fence.as_ref().map_or(0, |fence| fence.close.len() + 1);
        if !chunk.is_empty() && chunk.len() + line.len() + 1 + closing > most {
            if let Some(fence) = &fence {
                chunk.push_str(&fence.close);
                chunk.push('\n');
            }
            chunks.push(std::mem::take(&mut chunk));
            if let Some(fence) = &fence {
                chunk.push_str(&fence.open);
                chunk.push('\n');
            }
        }
        chunk.push_str(line);
        chunk.push('\n');
        fence = match fence {
            Some(open) if open.is_closed_by(line) => None,
            Some(open) => Some(open),
            None => Fence::opened_by(line),
        };
    }
    if !chunk.is_empty() || chunks.is_empty() {
        chunks.push(chunk);
    }
    chunks
}

/// A line, in pieces of at most `most` bytes.
fn pieces(mut line: &str, most: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    while line.len() > most {
        let (piece, rest) = line.split_at(line.floor_char_boundary(most));
        pieces.push(piece);
        line = rest;
    }
    pieces.push(line);
    pieces
}

/// An open code fence.
struct Fence {
    /// The line that opens it again.
    open: String,
    /// The line that closes it.
    close: String,
}

impl Fence {
    fn opened_by(line: &str) -> Option<Self> {
        let text = line.trim_start_matches(' ');
        let sign = text.chars().next().filter(|c| matches!(c, '`' | '~'))?;
        let length = text.chars().take_while(|c| *c == sign).count();
        let info = &text[length..];
        let fences = line.len() - text.len() < 4 && length >= 3 && !(sign == '`' && info.contains('`'));
        let open = if line.len() <= FENCE_MAX { line.to_owned() } else { text[..length].to_owned() };
        fences.then(|| Self { open, close: text[..length].to_owned() })
    }

    fn is_closed_by(&self, line: &str) -> bool {
        let text = line.trim();
        let sign = self.close.chars().next().unwrap_or('`');
        line.len() - line.trim_start_matches(' ').len() < 4
            && text.len() >= self.close.len()
            && text.chars().all(|c| c == sign)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_text_is_one_comment() {
        assert_eq!(parts("kaas:plan", "hello"), ["<!-- kaas:plan -->\nhello\n"]);
        assert_eq!(parts("kaas:plan", ""), ["<!-- kaas:plan -->\n"]);
    }

    #[test]
    fn a_long_text_is_cut_between_lines_and_fences_stay_whole() {
        let lines: String = (0..30_000).map(|n| format!("+ line {n}\n")).collect();
        let body = format!("head\n\n````diff\n{lines}````\ntail\n");
        let parts = parts("kaas:plan", &body);
        assert!(parts.len() > 3, "{}", parts.len());
        let mut seen = String::new();
        for (index, part) in parts.iter().enumerate() {
            assert!(part.len() <= COMMENT_MAX, "{}", part.len());
            assert_eq!(index_of("kaas:plan", part), Some(index));
            let fences = part.lines().filter(|line| line.starts_with("````")).count();
            assert_eq!(fences % 2, 0, "part {index}");
            seen.extend(part.lines().skip(1).filter(|line| !line.starts_with('`')).map(|line| format!("{line}\n")));
        }
        assert_eq!(
            seen,
            body.lines().filter(|line| !line.starts_with('`')).map(|l| format!("{l}\n")).collect::<String>()
        );
        assert!(parts[1].starts_with("<!-- kaas:plan (2/"), "{}", &parts[1][..40]);
        assert_eq!(parts[1].lines().nth(1), Some("````diff"));
    }

    #[test]
    fn one_endless_line_is_cut_too() {
        let body = "ä".repeat(100_000);
        let chunks = chunks(&body, 5_001);
        assert!(chunks.iter().all(|chunk| chunk.len() <= 5_001));
        assert_eq!(chunks.concat().replace('\n', ""), body);
    }

    #[test]
    fn only_the_marker_itself_is_the_marker() {
        assert_eq!(index_of("kaas:plan", "<!-- kaas:plan -->\nx"), Some(0));
        assert_eq!(index_of("kaas:plan", "<!-- kaas:plan (3/7) -->\nx"), Some(2));
        for other in [
            "<!-- kaas:planned -->",
            "<!-- kaas:plan (0/3) -->",
            "<!-- kaas:plan (4/3) -->",
            "<!-- kaas:plan (x/3) -->",
            "> <!-- kaas:plan -->",
            "<!-- kaas:plan",
        ] {
            assert_eq!(index_of("kaas:plan", other), None, "{other}");
        }
    }

    #[test]
    fn what_only_looks_like_a_fence_is_none() {
        assert!(Fence::opened_by("```diff").is_some());
        assert!(Fence::opened_by("   ~~~~ a `b`").is_some());
        for line in ["``", "    ```", "```a`b```", "text ```"] {
            assert!(Fence::opened_by(line).is_none(), "{line}");
        }
        let fence = Fence::opened_by("````").expect("a fence");
        assert!(fence.is_closed_by("`````") && !fence.is_closed_by("```") && !fence.is_closed_by("```` x"));
    }
}
