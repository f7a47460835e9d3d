//! Takes secrets out of free text, such as terraform's error lines, before anybody sees it.
//!
//! Two nets: the secret values that kaas knows, in every form in which they tend to come back (quoted, escaped, encoded, cut by a line wrap), and the
//! shapes of tokens that it does not know. Too much is rather taken out than too little. Time is linear in the text.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::LazyLock;

use regex::{Captures, Regex};

/// What stands where a secret was.
pub const REDACTED: &str = "(redacted)";

/// The shortest secret that is looked for. Shorter ones would take words apart and protect nothing.
pub const SECRET_MIN: usize = 4;

/// From this length on a secret is found across line breaks, and by its beginning alone.
const WRAPPED_MIN: usize = 8;

/// How many characters of a long secret's beginning give it away.
const PREFIX_LEN: usize = 16;

/// Shapes of tokens. What is captured as `keep…` stays.
///
/// What has to be followed by something (an `@`, a dot) is bounded: a search that runs to the end of the text and fails, again and again, is quadratic.
static SHAPES: LazyLock<Regex> = LazyLock::new(|| {
    let shapes = [
        // PEM, whole or cut off.
        r"(?s:-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|\z))",
        // user:password@ in an address.
        r#"(?P<keep_scheme>[a-zA-Z][a-zA-Z0-9+.-]{0,20}://)[!-~&&[^/"'<>]]{1,256}@"#,
        // Rancher.
        r"(?-u:\b)(?:ext/)?(?:kubeconfig|token)-[a-z0-9][a-z0-9.-]{0,80}:[A-Za-z0-9]{8,}",
        r"(?-u:\b)ext/[a-z0-9.-]{1,80}:[A-Za-z0-9]{8,}",
        // AWS.
        r"(?-u:\b)(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?-u:\b)",
        r"(?P<keep_amz>(?i:X-Amz-(?:Signature|Credential|Security-Token))=)[^\s&]+",
        // GitHub, GitLab, Slack, Discord.
        r"(?-u:\b)gh[pousr]_[A-Za-z0-9_]{16,}",
        r"(?-u:\b)github_pat_[A-Za-z0-9_]{16,}",
        r"(?-u:\b)glpat-[A-Za-z0-9_-]{16,}",
        r"(?-u:\b)xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{8,}",
        r"(?-u:\b)x(?:app|wfp)-[A-Za-z0-9-]{8,}",
        r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_-]+",
        r"(?-u:\b)[A-Za-z0-9_-]{23,28}\.[A-Za-z0-9_-]{6,7}\.[A-Za-z0-9_-]{27,}",
        // JSON web tokens.
        r"(?-u:\b)eyJ[A-Za-z0-9_-]{8,400}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?",
        // Headers.
        r#"(?P<keep_header>(?i:authorization|x-api-key|private-token)\\?["']?\s{0,4}[:=]\s{0,4}\\?["']?(?:(?i:bearer|basic|token)\s{1,4})?)[^\s"'\\,]{4,}"#,
        r"(?P<keep_bearer>(?-u:\b)(?i:bearer)\s{1,4})[A-Za-z0-9._~+/:=-]{16,}",
        // name = value, where the name says what it is.
        r#"(?P<keep_name>(?i:passwd|password|passphrase|secret_?key|secret_?access_?key|access_?key|access_?key_?id|session_?token|token_?key|registration_?token|client_?secret|api_?key|private_?key|RANCHER_TOKEN|certificate-authority-data|client-key-data)\\?["']?\s{0,20}[:=]\s{0,4}\\?["']?)[^\s"'\\,;(][^\s"'\\,;]{3,}"#,
    ];
    Regex::new(&shapes.join("|")).expect("the shapes are held by a test")
});

/// What to take out of text.
#[derive(Clone, Default)]
pub struct Redactor {
    /// The known secrets, in every form, as they stand in text.
    plain: Option<Regex>,
    /// The same without white space and line art, to be found in text that is squeezed likewise.
    squeezed: Option<Regex>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor")
    }
}

impl Redactor {
    /// Takes out these secrets and whatever looks like a token.
    pub fn new<'s>(secrets: impl IntoIterator<Item = &'s str>) -> Self {
        let (mut plain, mut squeezed) = (Vec::new(), Vec::new());
        for secret in secrets {
            let secret = secret.trim();
            if secret.len() < SECRET_MIN {
                continue;
            }
            plain.extend(forms(secret));
            if secret.len() >= WRAPPED_MIN {
                let bare = forms(secret).into_iter().map(|form| form.chars().filter(|c| !is_gap(*c)).collect());
                squeezed.extend(bare.filter(|form: &String| form.len() >= WRAPPED_MIN));
                // A key in PEM, say, may come back a line at a time.
                plain.extend(secret.lines().map(str::trim).filter(|l| l.len() >= PREFIX_LEN).map(str::to_owned));
            }
        }
        Self { plain: any_of(plain), squeezed: any_of(squeezed) }
    }

    /// The text without secrets.
    pub fn redact(&self, text: &str) -> String {
        let mut spans = Vec::new();
        if let Some(plain) = &self.plain {
            overlapping(plain, text, &mut spans);
        }
        if let Some(wrapped) = &self.squeezed {
            let (squeezed, places) = squeeze(text);
            let mut found = Vec::new();
            overlapping(wrapped, &squeezed, &mut found);
            spans.extend(found.into_iter().filter_map(|f| {
                let last = places.get(f.end.checked_sub(1)?)?;
                Some(*places.get(f.start)?..last + 1)
            }));
        }
        let without = cut_out(text, spans);
        SHAPES.replace_all(&without, |found: &Captures<'_>| format!("{}{REDACTED}", kept(found))).into_owned()
    }
}

/// What a shape keeps of its match: the name in front of the value.
fn kept<'t>(found: &Captures<'t>) -> &'t str {
    let names = ["keep_scheme", "keep_amz", "keep_header", "keep_bearer", "keep_name"];
    names.iter().find_map(|name| found.name(name)).map_or("", |m| m.as_str())
}

/// The forms in which a secret comes back.
fn forms(secret: &str) -> Vec<String> {
    let json = serde_json::to_string(secret).unwrap_or_default();
    let json = json.trim_matches('"').to_owned();
    // Go writes < > & by number.
    let go = json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
    let twice = serde_json::to_string(&json).unwrap_or_default();
    let mut all = vec![
        secret.to_owned(),
        secret.replace('\n', "\\n"),
        super::hcl::escape(secret),
        json,
        go,
        twice.trim_matches('"').to_owned(),
        percent(secret, b""),
        percent(secret, b"/:@!$&'()*,;=+"),
        percent(secret, b"").replace("%20", "+"),
        lower_percent(&percent(secret, b"")),
        super::hex(secret.as_bytes()),
    ];
    if secret.chars().count() > PREFIX_LEN + WRAPPED_MIN {
        all.push(secret.chars().take(PREFIX_LEN).collect());
    }
    for alphabet in [BASE64, BASE64_URL] {
        all.extend((0..3).map(|offset| base64_inside(secret.as_bytes(), offset, alphabet)));
    }
    all.retain(|form| form.len() >= SECRET_MIN);
    all.sort_by_key(|form| std::cmp::Reverse(form.len()));
    all.dedup();
    all
}

/// As in an address, `kept` left as they are.
fn percent(text: &str, kept: &[u8]) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || kept.contains(&byte);
        _ = if plain { write!(out, "{}", char::from(byte)) } else { write!(out, "%{byte:02X}") };
    }
    out
}

/// The same with lower-case digits after each `%`.
fn lower_percent(text: &str) -> String {
    let mut pieces = text.split('%');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |out, piece| match piece.split_at_checked(2) {
        Some((digits, rest)) => format!("{out}%{}{rest}", digits.to_lowercase()),
        None => format!("{out}%{piece}"),
    })
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE64_URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The characters of base64 that bytes give wherever they stand in a longer text: `offset` bytes stand before them, and unknown ones may follow.
fn base64_inside(bytes: &[u8], offset: usize, alphabet: &[u8; 64]) -> String {
    let padded: Vec<u8> = std::iter::repeat_n(0, offset).chain(bytes.iter().copied()).collect();
    let bit = |at: usize| padded.get(at / 8).is_some_and(|byte| byte >> (7 - at % 8) & 1 == 1);
    // The first character that holds no bit of the bytes before, to the last that holds only bits of these.
    let (first, end) = ((offset * 8).div_ceil(6), padded.len() * 8 / 6);
    let digit = |n: usize| (0..6).fold(0_usize, |sum, i| sum * 2 + usize::from(bit(n * 6 + i)));
    (first..end).map(|n| char::from(alphabet[digit(n)])).collect()
}

/// One expression that finds any of these, the longest first.
fn any_of(mut forms: Vec<String>) -> Option<Regex> {
    forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    forms.dedup();
    let escaped: Vec<Cow<'_, str>> = forms.iter().map(|form| Cow::Owned(regex::escape(form))).collect();
    let limit = escaped.iter().map(|e| e.len()).sum::<usize>().saturating_mul(64).max(16 << 20);
    let built = regex::RegexBuilder::new(&escaped.join("|")).size_limit(limit).dfa_size_limit(limit).build();
    (!forms.is_empty()).then(|| built.expect("escaped literals are an expression within the limit"))
}

/// All matches, also those that begin within another.
fn overlapping(what: &Regex, text: &str, spans: &mut Vec<Range<usize>>) {
    let mut at = 0;
    while let Some(found) = what.find_at(text, at) {
        match spans.last_mut() {
            Some(last) if (last.start..=last.end).contains(&found.start()) => last.end = last.end.max(found.end()),
            _ => spans.push(found.range()),
        }
        at = found.start() + text[found.start()..].chars().next().map_or(1, char::len_utf8);
    }
}

/// Whether a character can stand in the middle of a value that a terminal program wrapped: white space, line art, control characters.
fn is_gap(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || ('\u{2500}'..='\u{257F}').contains(&c)
        || crate::lifecycle::form::is_invisible(c)
}

/// The text without gaps and colours, and for each of its bytes the place in the text.
fn squeeze(text: &str) -> (String, Vec<usize>) {
    let mut squeezed = String::with_capacity(text.len());
    let mut places = Vec::with_capacity(text.len());
    let mut colour = false;
    for (at, c) in text.char_indices() {
        if colour {
            colour = !c.is_ascii_alphabetic();
        } else if c == '\u{1b}' {
            colour = text[at + 1..].starts_with('[');
        } else if !is_gap(c) {
            squeezed.push(c);
            places.extend(at..at + c.len_utf8());
        }
    }
    (squeezed, places)
}

fn cut_out(text: &str, mut spans: Vec<Range<usize>>) -> Cow<'_, str> {
    if spans.is_empty() {
        return Cow::Borrowed(text);
    }
    spans.sort_by_key(|s| (s.start, s.end));
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    let mut spans = spans.into_iter().peekable();
    while let Some(mut span) = spans.next() {
        while let Some(next) = spans.next_if(|next| next.start <= span.end) {
            span.end = span.end.max(next.end);
        }
        out.push_str(&text[at..span.start]);
        out.push_str(REDACTED);
        at = span.end;
    }
    out.push_str(&text[at..]);
    Cow::Owned(out)
}

#[cfg(test)]
#[path = "redact_tests.rs"]
mod tests;
