//! Each dependency, a crate or a package of the pages, has one line in `docs/dependencies.md` that says why it was
//! chosen, and no line outlives its dependency.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result};
use toml_edit::{DocumentMut, Item, TableLike};

use crate::workspace::Workspace;

const REASONS: &str = "docs/dependencies.md";

/// Compares every `Cargo.toml` and `package.json` with the list of reasons.
pub(super) fn check(workspace: &Workspace) -> Result<()> {
    let mut named = BTreeSet::new();
    for file in super::files(&workspace.root)? {
        if file.file_name().is_some_and(|name| name == "Cargo.toml") {
            let text = fs::read_to_string(workspace.root.join(&file))
                .with_context(|| format!("could not read `{}`", file.display()))?;
            let manifest = text.parse().with_context(|| format!("`{}` is not valid TOML", file.display()))?;
            named.extend(external(&manifest));
        }
        if file.file_name().is_some_and(|name| name == "package.json") {
            let text = fs::read_to_string(workspace.root.join(&file))
                .with_context(|| format!("could not read `{}`", file.display()))?;
            named.extend(packages(&text).with_context(|| format!("`{}` is not valid JSON", file.display()))?);
        }
    }
    let reasons = fs::read_to_string(workspace.root.join(REASONS))
        .with_context(|| format!("could not read `{REASONS}`"))?;
    super::none("dependencies and their reasons differ", &differences(&named, &reasons))
}

/// The crates from outside that a manifest names in any of its dependency tables.
fn external(manifest: &DocumentMut) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(manifest.as_table(), &mut found);
    for table in ["workspace"].iter().filter_map(|name| manifest.get(name)?.as_table_like()) {
        collect(table, &mut found);
    }
    if let Some(targets) = manifest.get("target").and_then(Item::as_table_like) {
        for table in targets.iter().filter_map(|(_, target)| target.as_table_like()) {
            collect(table, &mut found);
        }
    }
    found
}

/// The packages that a `package.json` names.
fn packages(text: &str) -> Result<Vec<String>> {
    let manifest: serde_json::Value = serde_json::from_str(text)?;
    let tables =
        ["dependencies", "devDependencies"].into_iter().filter_map(|kind| manifest[kind].as_object());
    Ok(tables.flat_map(|table| table.keys().cloned()).collect())
}

fn collect(table: &dyn TableLike, found: &mut BTreeSet<String>) {
    for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let Some(dependencies) = table.get(kind).and_then(Item::as_table_like) else { continue };
        for (name, item) in dependencies.iter() {
            let field = |field: &str| item.as_table_like().and_then(|table| table.get(field));
            // A crate of this workspace is named by its path, or inherits it from the root.
            let is_ours = field("path").is_some() || name.starts_with("sqlite-replicate");
            if !is_ours {
                let name = field("package").and_then(Item::as_str).unwrap_or(name);
                found.insert(name.to_owned());
            }
        }
    }
}

/// A line for each dependency without reason, and for each reason without dependency.
fn differences(named: &BTreeSet<String>, reasons: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let mut explained = BTreeSet::new();
    for line in reasons.lines() {
        let Some((name, reason)) = line.strip_prefix("- `").and_then(|line| line.split_once('`')) else {
            continue;
        };
        if reason.trim_start_matches(':').trim().is_empty() {
            problems.push(format!("`{name}` has a line in `{REASONS}` that gives no reason"));
        }
        if !explained.insert(name.to_owned()) {
            problems.push(format!("`{name}` has more than one line in `{REASONS}`"));
        }
    }
    for name in named.difference(&explained) {
        problems.push(format!("`{name}` has no line in `{REASONS}`; add ``- `{name}`: why``"));
    }
    for name in explained.difference(named) {
        problems.push(format!("`{name}` has a line in `{REASONS}` and is no dependency any more"));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(manifest: &str) -> Vec<String> {
        external(&manifest.parse().unwrap()).into_iter().collect()
    }

    #[test]
    fn every_kind_of_dependency_is_found() {
        let manifest = "[dependencies]\na = '1'\n[dev-dependencies]\nb.workspace = true\n[build-dependencies]\nc = '1'\n\
            [workspace.dependencies]\nd = { version = '1' }\n[target.'cfg(unix)'.dependencies]\ne = '1'\n";
        assert_eq!(names(manifest), ["a", "b", "c", "d", "e"]);
    }

    #[test]
    fn packages_of_the_pages_are_found() {
        let manifest = r#"{"name":"ui","dependencies":{"a":"1"},"devDependencies":{"@b/c":"2"}}"#;
        assert_eq!(packages(manifest).unwrap(), ["a", "@b/c"]);
    }

    #[test]
    fn own_crates_need_no_reason_and_renamed_ones_count_by_their_real_name() {
        let manifest = "[dependencies]\nsqlite-replicate-api.workspace = true\nours = { path = 'x' }\n\
            short = { package = 'long', version = '1' }\n";
        assert_eq!(names(manifest), ["long"]);
    }

    #[test]
    fn a_full_list_is_accepted() {
        let named = BTreeSet::from(["a".to_owned()]);
        assert_eq!(differences(&named, "# Dependencies\n\n- `a`: does it all\n"), [""; 0]);
    }

    #[test]
    fn missing_stale_empty_and_repeated_lines_are_all_reported() {
        let named = BTreeSet::from(["a".to_owned(), "b".to_owned()]);
        let problems = differences(&named, "- `b`:\n- `b`: good\n- `c`: gone\n");
        assert_eq!(problems.len(), 4, "{problems:?}");
        assert!(problems[0].contains("gives no reason") && problems[1].contains("more than one"));
        assert!(problems[2].starts_with("`a` has no line") && problems[3].contains("no dependency any more"));
    }
}
