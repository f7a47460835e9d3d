//! That the planted bugs still fit the code. Planting them takes minutes (`tests/planted-bugs/run`); that they have come loose is seen here at once.

use std::path::Path;

#[test]
fn every_planted_bug_fits_the_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let bugs = std::fs::read_to_string(root.join("tests/planted-bugs/bugs.txt")).unwrap();
    let (mut checked, mut loose) = (0, Vec::new());
    for block in bugs.split("\n== ").skip(1) {
        let part = |sign: char| {
            let lines = block.lines().skip(1).filter(|line| line.starts_with(sign));
            lines.map(|line| line.get(2..).unwrap_or("")).collect::<Vec<_>>().join("\n")
        };
        let (name, file, old) = (block.lines().next().unwrap_or_default(), part('@'), part('-'));
        let code = std::fs::read_to_string(root.join(&file)).unwrap_or_default();
        checked += 1;
        if old.is_empty() || code.matches(&old).count() != 1 || part('+') == old {
            loose.push(format!("{name}: its text has to be in {file} exactly once"));
        }
    }
    assert!(checked >= 14, "{checked} planted bugs were read");
    assert!(loose.is_empty(), "mend tests/planted-bugs/bugs.txt:\n{}", loose.join("\n"));
}
