//! Finds the databases of a folder, as Litestream's `dir` and `pattern` do, and makes their paths whole.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The SQLite files of a folder whose names match a pattern, sorted.
pub(super) fn databases_in(folder: &Path, pattern: &str, recursive: bool) -> io::Result<Vec<PathBuf>> {
    let pattern: Vec<char> = pattern.chars().collect();
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            // Like Litestream: a link to a folder is not followed, so there is no way round in circles.
            if entry.file_type()?.is_dir() {
                folders.extend(recursive.then(|| entry.path()));
                continue;
            }
            let name: Vec<char> = entry.file_name().to_string_lossy().chars().collect();
            if matches(&pattern, &name) && is_database(&entry.path())? {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

fn is_database(path: &Path) -> io::Result<bool> {
    let mut begin = Vec::new();
    File::open(path)?.take(16).read_to_end(&mut begin)?;
    Ok(begin == b"SQLite format 3\0")
}

/// Go's `filepath.Match`: `*`, `?`, `[a-z]`, `[^a-z]`, and `\` before what is meant as it stands.
fn matches(pattern: &[char], name: &[char]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        (['*', rest @ ..], _) => (0..=name.len()).any(|taken| matches(rest, &name[taken..])),
        (['?', rest @ ..], [_, tail @ ..]) => matches(rest, tail),
        (['[', rest @ ..], [c, tail @ ..]) => match class(rest, *c) {
            Some((true, rest)) => matches(rest, tail),
            _ => false,
        },
        (['\\', escaped, rest @ ..], [c, tail @ ..]) if !cfg!(windows) => escaped == c && matches(rest, tail),
        ([p, rest @ ..], [c, tail @ ..]) => p == c && matches(rest, tail),
        _ => false,
    }
}

/// Whether a letter is in a class (`[` is behind), and what follows the class; `None` for one that does not end.
fn class(pattern: &[char], c: char) -> Option<(bool, &[char])> {
    let (negated, mut rest) = match pattern {
        ['^', rest @ ..] => (true, rest),
        _ => (false, pattern),
    };
    let mut inside = false;
    loop {
        match rest {
            [']', after @ ..] => return Some((inside != negated, after)),
            [from, '-', to, after @ ..] if *to != ']' => {
                inside |= (*from..=*to).contains(&c);
                rest = after;
            }
            [one, after @ ..] => {
                inside |= *one == c;
                rest = after;
            }
            [] => return None,
        }
    }
}

/// A path of the file, whole: `sqlite://` in front is left out, `~` is the home folder, what is relative starts at `base`.
/// `None` if it needs a home folder and there is none.
pub(super) fn whole(path: &str, base: &Path, home: Option<&Path>) -> Option<PathBuf> {
    let path =
        ["sqlite3://", "sqlite://"].iter().find_map(|prefix| path.strip_prefix(prefix)).unwrap_or(path);
    if path == "~" {
        return home.map(Path::to_owned);
    }
    match path.strip_prefix("~/").or_else(|| path.strip_prefix("~\\").filter(|_| cfg!(windows))) {
        Some(rest) => home.map(|home| home.join(rest)),
        None => Some(base.join(path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_go() {
        for (pattern, name, expected) in [
            ("*.db", "orders.db", true),
            ("*.db", "orders.db-wal", false),
            ("*", "", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("[abc]*[0-9]", "c--7", true),
            ("[abc", "a", false),
            ("*a*b*", "xxaxxbxx", true),
            ("订*", "订单.db", true),
        ] {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            assert_eq!(matches(&chars(pattern), &chars(name)), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn only_databases_that_match_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &[u8]| fs::write(folder.path().join(name), text).unwrap();
        fs::create_dir_all(folder.path().join("sub")).unwrap();
        put("b.db", b"SQLite format 3\0and more");
        put("a.db", b"SQLite format 3\0");
        put("text.db", b"no database");
        put("empty.db", b"");
        put("a.sqlite", b"SQLite format 3\0");
        put("sub/c.db", b"SQLite format 3\0");
        let names = |recursive| {
            let found = databases_in(folder.path(), "*.db", recursive).unwrap();
            let names =
                found.iter().map(|path| path.strip_prefix(folder.path()).unwrap().display().to_string());
            names.map(|name| name.replace('\\', "/")).collect::<Vec<_>>()
        };
        assert_eq!(names(false), ["a.db", "b.db"]);
        assert_eq!(names(true), ["a.db", "b.db", "sub/c.db"]);
        assert!(databases_in(&folder.path().join("gone"), "*", false).is_err());
    }

    #[test]
    fn paths_are_made_whole() {
        let whole = |path: &str, home| whole(path, Path::new("/etc"), home);
        let home = Some(Path::new("/home/a"));
        assert_eq!(whole("/x.db", None), Some("/x.db".into()));
        assert_eq!(whole("x.db", None), Some("/etc/x.db".into()));
        assert_eq!(whole("sqlite:///x.db", None), Some("/x.db".into()));
        assert_eq!(whole("~/x.db", home), Some("/home/a/x.db".into()));
        assert_eq!(whole("~", home), Some("/home/a".into()));
        assert_eq!(whole("~/x.db", None), None);
    }
}
