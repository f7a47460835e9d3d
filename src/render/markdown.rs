//! Text from outside, made harmless for Markdown as forges show it: no mentions, links, images, HTML, comments or references.

/// The longest run of backticks that text in a fence may keep.
const BACKTICKS_MAX: usize = 20;

/// Joins what stands on both sides without being seen; between `@` and a name it keeps a forge from notifying anybody.
const JOINER: char = '\u{2060}';

/// Escapes text for the middle of a Markdown paragraph.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in one_line(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '@' => out.extend([c, JOINER]),
            '#' => out.extend(['\\', c, JOINER]),
            '$' | '%' | '\'' | ',' | ';' | '?' | '/' | '=' | '^' => out.push(c),
            c if c.is_ascii_punctuation() => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

/// Text as Markdown code: nothing in it has a meaning.
pub fn code(text: &str) -> String {
    let text = one_line(text);
    if text.trim().is_empty() {
        return "` `".to_owned();
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    let pad = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// One line of plain text for a title or a commit message: mentions and issue references lose their meaning, and nobody skips a check with `[skip ci]`.
pub fn plain_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in one_line(text).chars() {
        match c {
            '@' | '#' => out.extend([c, JOINER]),
            '[' => out.push('('),
            ']' => out.push(')'),
            c => out.push(c),
        }
    }
    out
}

/// Lines of text in a fence that they cannot close. Characters that cannot be seen are dropped.
pub fn fenced(text: &str, language: &str) -> String {
    let text = without_long_runs(text);
    let fence = "`".repeat(longest_run(&text).max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}", text.trim_end_matches('\n'))
}

/// Control characters become spaces, characters that change what a reader sees without being seen are dropped.
pub fn one_line(text: &str) -> String {
    text.chars()
        .filter(|c| !crate::lifecycle::form::is_invisible(*c))
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

fn without_long_runs(text: &str) -> String {
    let mut run = 0;
    let keep = |c: &char| *c == '\n' || !(c.is_control() || crate::lifecycle::form::is_invisible(*c));
    text.chars()
        .filter(keep)
        .map(|c| {
            run = if c == '`' { run + 1 } else { 0 };
            if run > BACKTICKS_MAX { '\'' } else { c }
        })
        .collect()
}

fn longest_run(text: &str) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_in_text_has_a_meaning() {
        for (text, escaped) in [
            ("load test of billing", "load test of billing"),
            ("@platform look", "@\u{2060}platform look"),
            ("![x](http://e.com)", "\\!\\[x\\]\\(http\\://e\\.com\\)"),
            ("<!-- x --> <img src=x>", "&lt;\\!\\-\\- x \\-\\-&gt; &lt;img src=x&gt;"),
            ("closes #1", "closes \\#\u{2060}1"),
            ("a\nb", "a b"),
        ] {
            assert_eq!(escape(text), escaped);
        }
        assert_eq!(code("a `b` @team"), "``a `b` @team``");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(code(""), "` `");
        assert_eq!(
            plain_line("fix #3 for @bo [skip ci]\nSigned-off-by: x"),
            "fix #\u{2060}3 for @\u{2060}bo (skip ci) Signed-off-by: x"
        );
        assert_eq!(fenced("a\n```\nb", "diff"), "````diff\na\n```\nb\n````");
    }

    proptest! {
        #[test]
        fn a_fence_closes_once_and_at_its_end(text in "[`~a\n ]{0,80}") {
            let block = fenced(&text, "");
            let fence: String = block.chars().take_while(|c| *c == '`').collect();
            let closing = block.lines().skip(1).position(|l| l.trim().starts_with(&fence)).unwrap();
            prop_assert_eq!(closing, block.lines().count() - 2);
        }

        #[test]
        fn code_is_one_line_between_fences_that_are_not_in_it(text in any::<String>()) {
            let span = code(&text);
            let fence = "`".repeat(span.chars().take_while(|c| *c == '`').count());
            prop_assert!(!span.contains('\n'));
            let inside = &span[fence.len()..span.len() - fence.len()];
            prop_assert!(longest_run(inside) != fence.len());
        }
    }
}
