//! What a settings screen needs: every setting with its value and what it takes, a check before anything is saved; and
//! what this program is made of.

use serde::Deserialize;
use sqlite_replicate_api::config::{DATABASE, Kind, Restart, SETTINGS, Setting};
use sqlite_replicate_api::{
    About, BundledProgram, CheckConfig, ConfigCheck, ErrorCode, Report, Result, SettingOrigin, SettingRow,
};

use crate::bundle::LITESTREAM_VERSION;
use crate::conductor;
use crate::config::{self, Origin, SAMPLE};
use crate::core::Core;

async fn blocking<T: Send + 'static>(call: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(call).await.unwrap_or_else(|error| {
        Err(Report::new(ErrorCode::Internal, "the call failed by a defect").because(error))
    })
}

/// Every setting that stands once.
pub(crate) async fn rows(core: &Core) -> Result<Vec<SettingRow>> {
    let (around, running) = (core.around.clone(), core.config());
    blocking(move || {
        // A file with a mistake: what runs is the last good one, and where its values came from is no longer known.
        let loaded = config::load(&around).ok();
        let row = |setting: &'static Setting| {
            let origin = loaded.as_ref().map_or(&Origin::Default, |loaded| loaded.origin(setting));
            let config = loaded.as_ref().map_or(&*running, |loaded| &loaded.config);
            let value = setting.get(config).map(|value| setting.shown(&value));
            row(setting, value, origin)
        };
        Ok(SETTINGS.iter().filter(|setting| setting.section != DATABASE).map(row).collect())
    })
    .await
}

fn row(setting: &Setting, value: Option<String>, origin: &Origin) -> SettingRow {
    let (kind, words): (&str, &[&str]) = match setting.kind {
        Kind::Host | Kind::Name => ("name", &[]),
        Kind::Path => ("path", &[]),
        Kind::Bucket => ("bucket", &[]),
        Kind::Endpoint => ("address", &[]),
        Kind::Region => ("region", &[]),
        Kind::Span => ("duration", &[]),
        Kind::Size => ("size", &[]),
        Kind::Count => ("number", &[]),
        Kind::Listen => ("listen", &[]),
        Kind::Time => ("time", &[]),
        Kind::Secret => ("secret", &[]),
        Kind::Choice(words) => ("choice", words),
        Kind::Choices(words) => ("choices", words),
        Kind::Flag => ("flag", &[]),
    };
    let (least, most) = setting.bounds().unzip();
    let restarts = match setting.restarts {
        Restart::Nothing => "nothing",
        Restart::Capture => "capture",
        Restart::Store => "store",
    };
    SettingRow {
        key: setting.path(),
        kind: kind.to_owned(),
        words: words.iter().map(|word| (*word).to_owned()).collect(),
        about: setting.about.to_owned(),
        wired_to: setting.wired_to.to_owned(),
        restarts: restarts.to_owned(),
        least,
        most,
        default: setting.default_value().map(|value| value.to_string()),
        value,
        origin: match origin {
            Origin::Default => SettingOrigin::Default,
            Origin::File { line } => SettingOrigin::File { line: *line },
            Origin::Environment { variable } => SettingOrigin::Environment { variable: variable.clone() },
        },
        example: setting.kind.example().trim_matches(['"', '\'']).to_owned(),
    }
}

/// Everything that is wrong with a configuration, or that one change of it would make wrong.
pub(crate) async fn check(core: &Core, check: CheckConfig) -> Result<ConfigCheck> {
    let around = core.around.clone();
    blocking(move || {
        let text = match check {
            CheckConfig::Text(text) => text,
            CheckConfig::Set(set) => {
                let setting = config::named(&set.key)?;
                let text = match std::fs::read_to_string(around.file()) {
                    Ok(text) => text,
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => SAMPLE.to_owned(),
                    Err(error) => {
                        let message = format!("`{}` can't be read", around.file().display());
                        return Err(Report::new(ErrorCode::ConfigUnreadable, message).because(error));
                    }
                };
                let changed = match &set.value {
                    Some(value) => config::set(&text, setting, &setting.kind.value_of(value)),
                    None => config::unset(&text, setting),
                };
                match changed {
                    Ok(text) => text,
                    Err(problem) => return Ok(ConfigCheck { problems: vec![problem] }),
                }
            }
        };
        Ok(ConfigCheck { problems: config::parse(&text, &around).err().unwrap_or_default() })
    })
    .await
}

/// The part of the bundle's `manifest.json` that is shown.
#[derive(Deserialize)]
struct Manifest {
    programs: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    version: String,
    licence: String,
    module: String,
}

/// What this program is made of.
pub(crate) async fn about(core: &Core) -> Result<About> {
    let (dir, home) = (core.bundle.dir.clone(), core.home.dir().display().to_string());
    let language = conductor::language(core).tag().to_owned();
    blocking(move || {
        let manifest = std::fs::read_to_string(dir.join("manifest.json")).ok();
        let manifest: Option<Manifest> = manifest.and_then(|text| serde_json::from_str(&text).ok());
        let programs = match manifest {
            Some(manifest) => manifest
                .programs
                .into_iter()
                .map(|entry| BundledProgram {
                    name: entry.name,
                    version: Some(entry.version),
                    licence: Some(entry.licence),
                    module: Some(entry.module),
                })
                .collect(),
            // A bundle from elsewhere: Litestream's version was checked at the start, MinIO's is not known.
            None => [("litestream", Some(LITESTREAM_VERSION)), ("minio", None)]
                .map(|(name, version)| BundledProgram {
                    name: name.to_owned(),
                    version: version.map(str::to_owned),
                    licence: None,
                    module: None,
                })
                .into(),
        };
        Ok(About {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            home,
            language,
            programs,
            notices: std::fs::read_to_string(dir.join("THIRD-PARTY-NOTICES.md")).ok(),
        })
    })
    .await
}
