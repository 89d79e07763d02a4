//! Changes of the settings: databases that come under protection, single settings, the whole file.

use std::sync::Arc;
use std::time::Duration;

use sqlite_replicate_api::config::Setting;
use sqlite_replicate_api::{
    AddDatabase, Added, ConfigText, ErrorCode, Name, ReplaceConfig, Report, Result, SetSetting,
};

use crate::config;
use crate::core::{Core, lock};
use crate::inspect::{
    device_of, examine, foreign_litestream, free_bytes, look_for_damage, running_litestream,
};

/// How long `add` looks for damage in a database.
const LOOK: Duration = Duration::from_secs(10);
/// A database that begins its history needs up to this many times its size for a while (DESIGN §4.1).
const SPACE: u64 = 4;

async fn blocking<T: Send + 'static>(call: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(call).await.unwrap_or_else(|error| {
        Err(Report::new(ErrorCode::Internal, "the call failed by a defect").because(error))
    })
}

/// Edits the configuration file. The conductor sees the change within a second or two.
pub(crate) async fn edit(
    core: &Core,
    edit: impl FnOnce(&str) -> Result<String> + Send + 'static,
) -> Result<()> {
    let around = core.around.clone();
    blocking(move || config::change(&around, edit).map(drop).map_err(config::as_one)).await?;
    core.wake.notify_one();
    Ok(())
}

/// The configuration file's text; empty if there is none yet.
pub(crate) async fn config_text(core: &Core) -> Result<ConfigText> {
    let around = core.around.clone();
    blocking(move || {
        let path = around.file().to_owned();
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(ConfigText { path, text }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Ok(ConfigText { path, text: String::new() })
            }
            Err(error) => {
                Err(Report::new(ErrorCode::ConfigUnreadable, format!("`{}` can't be read", path.display()))
                    .because(error))
            }
        }
    })
    .await
}

/// Replaces the whole file.
pub(crate) async fn replace(core: &Core, replace: ReplaceConfig) -> Result<()> {
    let around = core.around.clone();
    blocking(move || {
        let before = if replace.base.is_empty() && !around.file().exists() {
            None
        } else {
            Some(replace.base.as_str())
        };
        config::save(&around, before, &replace.text).map(drop).map_err(config::as_one)
    })
    .await?;
    core.wake.notify_one();
    Ok(())
}

/// Changes one setting.
pub(crate) async fn set(core: &Core, set: SetSetting) -> Result<()> {
    let setting: &'static Setting = config::named(&set.key)?;
    edit(core, move |text| match &set.value {
        Some(value) => config::set(text, setting, &setting.kind.value_of(value)),
        None => config::unset(text, setting),
    })
    .await
}

/// Protects a database.
pub(crate) async fn add(core: &Arc<Core>, add: AddDatabase) -> Result<Added> {
    let path = std::path::absolute(&add.path)
        .map_err(|error| Report::new(ErrorCode::BadRequest, "the path can't be understood").because(error))?;
    for database in lock(&core.databases).iter() {
        if config::file_identity(&database.path) == config::file_identity(&path) {
            let message = format!("`{}` is protected already, as `{}`", path.display(), database.name);
            return Err(Report::new(ErrorCode::DatabaseAlreadyProtected, message));
        }
    }
    let name = match add.name {
        Some(name) => name,
        None => {
            let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            Name::nearest(&stem)
        }
    };
    if lock(&core.databases).iter().any(|database| database.name == name) {
        return Err(Report::new(
            ErrorCode::DatabaseAlreadyProtected,
            format!("another database is called `{name}`"),
        )
        .hint("choose another name with `--name`"));
    }
    let store_dir = core.config().store.data_dir.clone().unwrap_or_else(|| core.home.store());
    let looked = path.clone();
    let bundled = core.config().store.endpoint.is_none();
    let found = blocking(move || look(&looked, bundled.then_some(store_dir.as_path()))).await?;
    if !add.dry_run {
        let (added, at) = (name.clone(), path.clone());
        edit(core, move |text| config::add_database(text, Some(&added), &at)).await?;
        core.event("database-added", Some(&name), format!("`{}` is protected as `{name}`", path.display()))
            .await;
    }
    Ok(Added { name, path, ..found })
}

/// Whether the store's folder and a database are on one file system.
fn same_disk(dir: &std::path::Path, path: &std::path::Path) -> bool {
    if !cfg!(unix) {
        return dir.components().next() == path.components().next();
    }
    let device = |path| std::fs::metadata(path).ok().and_then(|metadata| device_of(&metadata));
    device(dir).is_some() && device(dir) == device(path)
}

/// Whether a database can be protected, and what that means for it. Nothing of it is changed.
fn look(path: &std::path::Path, store_dir: Option<&std::path::Path>) -> Result<Added> {
    if let Some(obstacle) = foreign_litestream(path).or_else(|| running_litestream(path)) {
        return Err(obstacle.report);
    }
    let mut connection = examine(path, Duration::from_secs(2)).map_err(|obstacle| obstacle.report)?;
    let whole = look_for_damage(&mut connection, path, LOOK).map_err(|obstacle| obstacle.report)?;
    let bytes = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    if let Some(dir) = store_dir
        && let Some(free) = free_bytes(dir)
        && free < bytes.saturating_mul(SPACE)
    {
        let message =
            format!("there is not enough space for the history at `{}`: {free} bytes free", dir.display());
        return Err(Report::new(ErrorCode::NoSpace, message)
            .because(format!("the first copy of {bytes} bytes needs up to {SPACE} times that for a while"))
            .hint("make room, or choose another folder with the setting `store.data_dir`"));
    }
    let mut advice = vec![
        "let the program itself set `PRAGMA busy_timeout = 5000`, so that it waits a moment instead of failing".to_owned(),
        "`PRAGMA synchronous = NORMAL` is safe in WAL mode and faster; only the program can set it".to_owned(),
        "files beside the database (pictures, attachments) are not protected".to_owned(),
    ];
    if !whole {
        advice.push("the database is large, so not all of it was checked for damage; the first restore test does that".to_owned());
    }
    let changes = vec![
        "the database works in WAL mode from now on, with the files `-wal` and `-shm` beside it".to_owned(),
        "Litestream adds two small tables, `_litestream_seq` and `_litestream_lock`".to_owned(),
    ];
    let same_disk = store_dir.is_some_and(|dir| same_disk(dir, path));
    Ok(Added { name: Name::nearest(""), path: path.to_owned(), bytes, changes, advice, same_disk })
}
