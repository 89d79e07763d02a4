//! No source file is longer than a person can keep in mind.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::workspace::Workspace;

/// The length that a file should not pass.
const LINES: usize = 500;

/// What is still accepted: 10 % more, since a file is not split for the sake of a few lines.
const ACCEPTED: usize = LINES + LINES / 10;

/// Files that may be longer, each with its reason.
const EXCEPTIONS: &[(&str, &str)] = &[];

const SOURCES: &[&str] = &["rs", "ts", "js", "mjs", "svelte", "css", "html", "sh", "py", "c", "h", "wxs"];

/// Counts the lines of every source file.
pub(super) fn check(workspace: &Workspace) -> Result<()> {
    let mut lengths = Vec::new();
    for file in super::files(&workspace.root)? {
        if is_source(&file) {
            let content = fs::read(workspace.root.join(&file))
                .with_context(|| format!("could not read `{}`", file.display()))?;
            lengths.push((file.to_string_lossy().replace('\\', "/"), lines(&content)));
        }
    }
    super::none("source files are too long", &problems(&lengths, EXCEPTIONS))
}

fn is_source(file: &Path) -> bool {
    file.extension()
        .and_then(|extension| extension.to_str())
        .is_some_and(|extension| SOURCES.contains(&extension))
}

fn lines(content: &[u8]) -> usize {
    content.split_inclusive(|byte| *byte == b'\n').count()
}

fn problems(lengths: &[(String, usize)], exceptions: &[(&str, &str)]) -> Vec<String> {
    let is_excepted = |file: &str| exceptions.iter().any(|(path, _)| *path == file);
    let too_long = |(file, lines): &&(String, usize)| *lines > ACCEPTED && !is_excepted(file);
    let mut problems: Vec<String> = lengths
        .iter()
        .filter(too_long)
        .map(|(file, lines)| format!("`{file}` has {lines} lines, {} more than {LINES}", lines - LINES))
        .collect();
    for (path, _) in exceptions {
        if !lengths.iter().any(|(file, lines)| file == path && *lines > ACCEPTED) {
            problems.push(format!("`{path}` is listed as an exception and is none any more"));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_with_and_without_a_last_line_break() {
        assert_eq!([lines(b""), lines(b"a"), lines(b"a\n"), lines(b"a\n\nb")], [0, 1, 1, 3]);
    }

    #[test]
    fn ten_per_cent_over_is_accepted_and_one_line_more_is_not() {
        let files = [("a.rs".to_owned(), 550), ("b.rs".to_owned(), 551), ("c.rs".to_owned(), 900)];
        let found = problems(&files, &[("c.rs", "a table")]);
        assert_eq!(found, ["`b.rs` has 551 lines, 51 more than 500"]);
    }

    #[test]
    fn an_exception_that_is_none_is_reported() {
        assert_eq!(problems(&[("a.rs".to_owned(), 10)], &[("a.rs", "x"), ("gone.rs", "y")]).len(), 2);
    }

    #[test]
    fn sources_are_told_by_their_names() {
        assert!(is_source(Path::new("ui/src/App.svelte")) && is_source(Path::new("a/b.rs")));
        assert!(!is_source(Path::new("Cargo.lock")) && !is_source(Path::new("docs/guide.md")));
    }
}
