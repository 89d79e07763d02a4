//! What is written about the settings, made from their table: the sample configuration and the tables of
//! `docs/configuration.md`. Tests compare both with the files.

use std::fmt::Write;

use sqlite_replicate_api::config::{DATABASE, LATER_SECTIONS, Restart, SECTIONS, SETTINGS, Setting};

use super::edit::literal;
use super::environment::RESERVED;
use super::hints::header;

/// The configuration that a new host begins with: every setting is there, commented out.
pub const SAMPLE: &str = include_str!("../../../../assets/sample-config.toml");

const SAMPLE_HEAD: &str = "\
# SQLite Replicate: the settings of this PC.
#
# A setting behind a # has the value that is written there. To change one, take the # away and write another value;
# it takes effect when the file is saved. A mistake changes nothing and is shown in the status.
# `sqlite-replicate config check` says what is wrong; docs/configuration.md tells more about each setting.
";

/// The text of [`SAMPLE`], made from the table.
pub fn sample() -> String {
    let mut text = SAMPLE_HEAD.to_owned();
    for section in SECTIONS {
        text.push('\n');
        if *section == DATABASE {
            text.push_str(&sample_database());
            continue;
        }
        // Writing to a text can't fail.
        let _ = writeln!(text, "{}", header(section));
        for setting in settings_of(section) {
            let _ = writeln!(text, "# {}\n# {} = {}", about(setting), setting.key, sample_value(setting));
        }
    }
    text
}

/// The section that stands as often as there are databases: its lines can be uncommented as they are.
fn sample_database() -> String {
    let mut text = "# The databases to protect, one section for each.\n".to_owned();
    for setting in settings_of(DATABASE) {
        let _ = writeln!(text, "# {}: {}", setting.key, about(setting));
    }
    let _ = writeln!(text, "#\n# {}", header(DATABASE));
    for setting in settings_of(DATABASE) {
        let _ = writeln!(text, "# {} = {}", setting.key, sample_value(setting));
    }
    text
}

fn settings_of(section: &str) -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().filter(move |s| s.section == section)
}

/// What it is for, and its default where the sample's line doesn't show it.
fn about(setting: &Setting) -> String {
    match setting.default_text() {
        default if default == "required" => format!("{} Required.", setting.about),
        default if default.starts_with('`') && default.ends_with('`') => setting.about.to_owned(),
        default => format!("{} Default: {}.", setting.about, default.replace('`', "")),
    }
}

/// The default as it is written, or an example where there is none.
fn sample_value(setting: &Setting) -> String {
    let default = setting.default_text();
    let value = default.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
    match value {
        _ if setting.path() == "database.path" => r"'C:\Data\orders.db'".to_owned(),
        Some(list) if list.starts_with('[') => list.to_owned(),
        Some(value) => literal(&setting.kind.value_of(value)),
        None => setting.kind.example(),
    }
}

/// The tables of `docs/configuration.md`.
pub fn reference() -> String {
    let mut text = String::new();
    for section in SECTIONS {
        let _ = write!(
            text,
            "### `{}`\n\n| key | value | default | what it is for | sets | a change restarts |\n\
             | --- | --- | --- | --- | --- | --- |\n",
            header(section)
        );
        for setting in settings_of(section) {
            let _ = writeln!(text, "{}", row(setting));
        }
        text.push('\n');
    }
    text.push_str("### The program's own variables\n\n| variable | what it is for |\n| --- | --- |\n");
    for (variable, about) in RESERVED {
        let _ = writeln!(text, "| `{variable}` | {about} |");
    }
    text.push_str(
        "\n### Sections of later versions\n\nRefused with a message, because this version can't:\n\n",
    );
    for later in LATER_SECTIONS {
        let _ = writeln!(text, "- `[{}]`: {}", later.section, later.can_not);
    }
    text
}

fn row(setting: &Setting) -> String {
    let value = match setting.bounds() {
        Some((least, most)) => format!("{}, `{least}` to `{most}`", setting.kind.label()),
        None => setting.kind.label(),
    };
    let restarts = match setting.restarts {
        Restart::Nothing => "nothing",
        Restart::Capture => "capture",
        Restart::Store => "store and capture",
    };
    let shared = if setting.shared { " The same on both hosts." } else { "" };
    format!(
        "| `{}` | {value} | {} | {}{shared} | {} | {restarts} |",
        setting.key,
        setting.default_text(),
        setting.about,
        setting.wired_to
    )
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use sqlite_replicate_api::config::{Config, HostName};

    use super::super::{Surroundings, parse};
    use super::*;

    /// Compares a file of the repository with what the table says; writes it with `UPDATE_DOCS=1`.
    fn check(file: &str, expected: impl Fn(&str) -> String) {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        let expected = expected(&text);
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, expected).unwrap();
        } else {
            assert!(text == expected, "{file} is not what the table says: run the tests with UPDATE_DOCS=1");
        }
    }

    #[test]
    fn the_sample_is_what_the_table_says() {
        check("assets/sample-config.toml", |_| sample());
    }

    #[test]
    fn the_documentation_is_what_the_table_says() {
        check("docs/configuration.md", |text| {
            let (begin, end) =
                ("<!-- settings: made from the table in the code -->\n", "<!-- end of settings -->");
            let (before, rest) = text.split_once(begin).unwrap();
            let (_, after) = rest.split_once(end).unwrap();
            format!("{before}{begin}\n{}\n{end}{after}", reference())
        });
    }

    fn around() -> Surroundings {
        let file = if cfg!(windows) { r"C:\sr\config.toml" } else { "/sr/config.toml" };
        Surroundings::new(Path::new(file), HostName::nearest("HOST-A"), []).unwrap()
    }

    #[test]
    fn the_sample_has_the_defaults_and_every_line_of_it_works() {
        let defaults = Config::new(HostName::nearest("HOST-A"));
        assert_eq!(parse(SAMPLE, &around()).unwrap().config, defaults);
        for setting in SETTINGS.iter().filter(|s| s.section != DATABASE) {
            let (section, key) = (header(setting.section), setting.key);
            let (before, inside) = SAMPLE.split_once(&format!("\n{section}\n")).unwrap();
            let inside = inside.replacen(&format!("# {key} = "), &format!("{key} = "), 1);
            // The region only has a meaning with an endpoint.
            let inside =
                if key == "region" { inside.replace("# endpoint = ", "endpoint = ") } else { inside };
            let text = format!("{before}\n{section}\n{inside}");
            let loaded = parse(&text, &around()).unwrap_or_else(|e| panic!("{text}: {e:#?}"));
            let written = setting.get(&loaded.config);
            assert!(written.is_some(), "{}", setting.path());
            assert!(setting.get(&defaults).is_none_or(|d| Some(d) == written), "{}", setting.path());
            assert_ne!(loaded.origin(setting), &super::super::Origin::Default, "{}", setting.path());
        }
    }

    #[test]
    fn a_line_of_the_sample_is_not_too_long_to_read() {
        for line in SAMPLE.lines() {
            assert!(line.chars().count() <= 120, "{line}");
        }
    }
}
