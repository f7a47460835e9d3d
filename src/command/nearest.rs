//! "Did you mean …?": the known word that is close to what was typed.

use super::table::keyword;

/// Words longer than this are not compared: nothing known is that long.
const COMPARED_MAX: usize = 40;

/// The candidate that is closest to `word`: one that starts with it, or one at most two slips away (one for words of up to five letters).
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = keyword(word.trim_matches(|c: char| !c.is_alphanumeric()));
    let letters = word.chars().count();
    if !(2..=COMPARED_MAX).contains(&letters) {
        return None;
    }
    let slips = |candidate: &str| {
        let slips = strsim::damerau_levenshtein(&word, candidate);
        let shortest = letters.min(candidate.chars().count());
        let allowed = if shortest <= 5 { 1 } else { 2 };
        if slips <= allowed && slips < shortest { Some(slips) } else { candidate.starts_with(&word).then_some(allowed) }
    };
    candidates.into_iter().filter_map(|c| Some((slips(c)?, c))).min_by_key(|(slips, _)| *slips).map(|(_, c)| c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_seen_through() {
        let sizes = ["small", "medium", "large"];
        for (typed, meant) in [
            ("smal", Some("small")),
            ("SMALL", Some("small")),
            ("samll", Some("small")),
            ("meduim", Some("medium")),
            ("smelly", None),
            ("small,", Some("small")),
            ("ｓｍａｌｌ", Some("small")),
            ("med", Some("medium")),
            ("huge", None),
            ("s", None),
            ("", None),
            ("xl", None),
        ] {
            assert_eq!(nearest(typed, sizes), meant, "{typed}");
        }
        assert_eq!(nearest("aw", ["aws", "k3s"]), Some("aws"));
        assert_eq!(nearest(&"a".repeat(100_000), sizes), None);
    }
}
