//! A tidied line, cut into words: what stands in quotes stays together.
//!
//! Nothing here does I/O, reads a clock or draws a random number.

/// One word of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// The word, without the quotes around (a part of) it.
    pub text: String,
    /// Where its first `=` outside quotes stands, in bytes of `text`.
    pub equals: Option<usize>,
    /// Whether it starts with a quote: then it is a value, whatever it looks like.
    pub quoted: bool,
    /// How it was written.
    pub raw: String,
}

/// A line in words.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Split {
    /// The words.
    pub words: Vec<Word>,
    /// The rest of the line from a quote that is never closed.
    pub unclosed: Option<String>,
}

/// Cuts a tidied line into words.
pub(super) fn split(line: &str) -> Split {
    let chars: Vec<char> = line.chars().collect();
    let mut split = Split::default();
    let mut at = 0;
    while at < chars.len() {
        if chars[at] == ' ' {
            at += 1;
            continue;
        }
        let start = at;
        let mut word = Word { text: String::new(), equals: None, quoted: is_quote(chars[at]), raw: String::new() };
        while at < chars.len() && chars[at] != ' ' {
            match closing(&chars, start, at) {
                Quote::Closed(end) => {
                    push_inside(&mut word.text, chars[at], &chars[at + 1..end]);
                    at = end + 1;
                    continue;
                }
                Quote::Unclosed => {
                    split.unclosed = Some(chars[start..].iter().collect());
                    return split;
                }
                Quote::None => {
                    word.quoted &= at != start;
                    if chars[at] == '=' && word.equals.is_none() {
                        word.equals = Some(word.text.len());
                    }
                    word.text.push(chars[at]);
                    at += 1;
                }
            }
        }
        word.raw = chars[start..at].iter().collect();
        split.words.push(word);
    }
    split
}

/// Whether a quote opens at a place, and where it closes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Quote {
    /// No quote opens here.
    None,
    /// One opens here, and closes there.
    Closed(usize),
    /// A `"` opens here and is never closed.
    Unclosed,
}

/// Looks at one place of a word that starts at `start`.
///
/// A quote opens only where a value starts: at the start of a word or after `=`. In the middle of a word it is a character, as in `dev's`.
/// A single quote closes where a word ends, so that `'don't touch'` is one value; one that never closes is a character.
/// Inside double quotes, `\"` and `\\` stand for the characters themselves.
pub(super) fn closing(chars: &[char], start: usize, at: usize) -> Quote {
    let opens = is_quote(chars[at]) && (at == start || chars[at - 1] == '=');
    if !opens {
        return Quote::None;
    }
    if chars[at] == '\'' {
        let end = (at + 1..chars.len()).find(|&i| chars[i] == '\'' && chars.get(i + 1).is_none_or(|c| *c == ' '));
        return end.map_or(Quote::None, Quote::Closed);
    }
    let mut i = at + 1;
    while i < chars.len() {
        match chars[i] {
            '\\' if matches!(chars.get(i + 1), Some('"' | '\\')) => i += 2,
            '"' => return Quote::Closed(i),
            _ => i += 1,
        }
    }
    Quote::Unclosed
}

/// Writes a value so that it is one value wherever it stands in a line: always in quotes, whatever it holds, without what is folded away in any line.
pub fn quoted(value: &str) -> String {
    marked(&super::normalise::fold(value))
}

/// Writes a value so that [`split`] reads it back as one word.
pub(super) fn quote(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._/#+:@".contains(c);
    let bare = value.starts_with(|c: char| c.is_ascii_alphanumeric()) && value.chars().all(plain);
    if bare {
        return value.to_owned();
    }
    marked(value)
}

fn marked(value: &str) -> String {
    let mut out = String::from('"');
    for c in value.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'')
}

fn push_inside(text: &mut String, quote: char, inside: &[char]) {
    let mut chars = inside.iter().copied().peekable();
    while let Some(c) = chars.next() {
        match (quote, c, chars.peek().copied()) {
            ('"', '\\', Some(next @ ('"' | '\\'))) => {
                text.push(next);
                chars.next();
            }
            _ => text.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expect: &[&str]) {
        let split = split(line);
        assert_eq!(split.unclosed, None, "{line}");
        let texts: Vec<&str> = split.words.iter().map(|w| w.text.as_str()).collect();
        assert_eq!(texts, expect, "{line}");
    }

    #[test]
    fn words_and_quotes() {
        check("", &[]);
        check("request demo size=small", &["request", "demo", "size=small"]);
        check(r#"reason="load test" ticket=A-1"#, &["reason=load test", "ticket=A-1"]);
        check("reason='load test'", &["reason=load test"]);
        check("'don't touch' x", &["don't touch", "x"]);
        check("dev's 12\" rack", &["dev's", "12\"", "rack"]);
        check("reason='tis so", &["reason='tis", "so"]);
        check(r#"reason="say \"hi\" \\ \n""#, &[r#"reason=say "hi" \ \n"#]);
        check(r#"reason="" x"#, &["reason=", "x"]);
        check(r#""a=b""#, &["a=b"]);
    }

    #[test]
    fn an_equals_sign_in_quotes_is_no_separator() {
        let words = split(r#"a=b=c "a=b" x"#).words;
        assert_eq!(words.iter().map(|w| w.equals).collect::<Vec<_>>(), [Some(1), None, None]);
        assert_eq!(words.iter().map(|w| w.quoted).collect::<Vec<_>>(), [false, true, false]);
    }

    #[test]
    fn a_quote_that_never_closes_is_named() {
        let split = split(r#"request demo reason="load test"#);
        assert_eq!(split.unclosed.as_deref(), Some(r#"reason="load test"#));
        assert_eq!(split.words.len(), 2);
    }

    #[test]
    fn a_quoted_value_reads_back() {
        for value in ["", "a", "-a", "a b", "it's", r#"say "hi""#, r"C:\temp\", r#"\"#, "a=b", "--x", "*x*", "ü"] {
            let split = split(&format!("reason={}", quote(value)));
            assert_eq!(split.words.len(), 1, "{value}");
            assert_eq!(split.words[0].text, format!("reason={value}"));
        }
    }
}
