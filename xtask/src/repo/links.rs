//! Every link in the repository's Markdown that stays inside the repository leads to a file, and to a heading if it names one.

use std::collections::HashMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::workspace::Workspace;

/// Follows every relative link.
pub(super) fn check(workspace: &Workspace) -> Result<()> {
    let mut pages = HashMap::new();
    for file in super::files(&workspace.root)? {
        if file.extension().is_some_and(|extension| extension == "md") {
            let text = fs::read_to_string(workspace.root.join(&file))
                .with_context(|| format!("could not read `{}`", file.display()))?;
            pages.insert(file, Page::read(&text));
        }
    }
    let mut problems = problems(&pages, |path| workspace.root.join(path).exists());
    problems.sort();
    super::none("links lead nowhere", &problems)
}

/// What matters of a Markdown file.
#[derive(Default)]
struct Page {
    /// The targets of its links and images.
    links: Vec<String>,
    /// The names that its headings can be linked by.
    anchors: Vec<String>,
}

impl Page {
    fn read(text: &str) -> Self {
        let mut page = Self::default();
        let mut heading: Option<String> = None;
        for event in Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_GFM) {
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(dest_url.into_string());
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::Text(text) | Event::Code(text) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&text);
                    }
                }
                Event::End(TagEnd::Heading(_)) => {
                    if let Some(heading) = heading.take() {
                        page.add_anchor(&heading);
                    }
                }
                _ => {}
            }
        }
        page
    }

    /// A heading's anchor is its lower-case text without punctuation, with a hyphen for each space; the second of the same
    /// text gets `-1`.
    fn add_anchor(&mut self, heading: &str) {
        let letters = heading.trim().to_lowercase();
        let anchor: String = letters
            .chars()
            .filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'))
            .map(|letter| if letter == ' ' { '-' } else { letter })
            .collect();
        let is_free = |name: &str| !self.anchors.iter().any(|taken| taken == name);
        let free = (0..)
            .map(|count| if count == 0 { anchor.clone() } else { format!("{anchor}-{count}") })
            .find(|name| is_free(name));
        self.anchors.extend(free);
    }
}

fn problems(pages: &HashMap<PathBuf, Page>, exists: impl Fn(&Path) -> bool) -> Vec<String> {
    let mut problems = Vec::new();
    for (file, page) in pages {
        for link in page.links.iter().filter(|link| is_relative(link)) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => Some(file.clone()),
                path => inside(file, &path.replace("%20", " ")),
            };
            match target {
                Some(target) if !exists(&target) => {
                    problems.push(format!("`{}` links to `{link}`, which is not there", file.display()));
                }
                Some(target) => {
                    let headings = pages.get(&target).map(|page| &page.anchors);
                    let is_there = headings.is_none_or(|anchors| anchors.iter().any(|name| name == anchor));
                    if !anchor.is_empty() && !is_there {
                        problems.push(format!(
                            "`{}` links to `{link}`, which has no such heading",
                            file.display()
                        ));
                    }
                }
                None => problems
                    .push(format!("`{}` links to `{link}`, outside of the repository", file.display())),
            }
        }
    }
    problems
}

/// Whether a link is a path: neither an address (`https:`, `mailto:`) nor one of the web server's root.
fn is_relative(link: &str) -> bool {
    let scheme = link.split(['/', '#', '?']).next().unwrap_or_default();
    !scheme.contains(':') && !link.starts_with('/')
}

/// The path that `link` means in `file`, from the repository's root; `None` if it leaves the repository.
fn inside(file: &Path, link: &str) -> Option<PathBuf> {
    let mut path = file.parent()?.to_path_buf();
    for part in Path::new(link).components() {
        match part {
            Component::ParentDir => {
                if !path.pop() {
                    return None;
                }
            }
            Component::Normal(name) => path.push(name),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let pages = files.iter().map(|(path, text)| (PathBuf::from(path), Page::read(text))).collect();
        let mut problems = problems(&pages, |path| files.iter().any(|(file, _)| Path::new(file) == path));
        problems.sort();
        problems
    }

    #[test]
    fn good_links_pass() {
        let readme = "[guide](docs/guide.md#first-steps) ![i](docs/i.png) [w](https://example.org) [m](mailto:a@b) [t](#top)\n\n# Top\n";
        let guide = "# First steps\n\n[back](../README.md)\n";
        assert_eq!(found(&[("README.md", readme), ("docs/guide.md", guide), ("docs/i.png", "")]), [""; 0]);
    }

    #[test]
    fn missing_files_and_headings_are_all_reported() {
        let problems =
            found(&[("docs/a.md", "[x](gone.md) [y](#nothing) [z](../../out.md)\n\n[r]: r.md\n\n[r]\n")]);
        assert_eq!(problems.len(), 4, "{problems:?}");
        assert!(problems.iter().any(|problem| problem.contains("`gone.md`, which is not there")));
        assert!(problems.iter().any(|problem| problem.contains("`#nothing`, which has no such heading")));
        assert!(problems.iter().any(|problem| problem.contains("outside of the repository")));
        assert!(problems.iter().any(|problem| problem.contains("`r.md`")));
    }

    #[test]
    fn code_is_no_link() {
        assert_eq!(found(&[("a.md", "`[x](gone.md)`\n\n```\n[x](gone.md)\n```\n")]), [""; 0]);
    }

    #[test]
    fn anchors_follow_the_headings() {
        let page = Page::read("# What `run` does, and why\n\n## Notes\n\n## Notes\n");
        assert_eq!(page.anchors, ["what-run-does-and-why", "notes", "notes-1"]);
    }
}
