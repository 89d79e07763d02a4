//! Takes databases under protection: their ids, their epochs, the records of these in the store.
//!
//! Nothing is captured into a prefix before its epoch's record is in the journal (what this host opened) and then in the
//! store (so that a history can be read where nothing else is left).

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use sqlite_replicate_api::config;
use sqlite_replicate_api::{Base, Epoch, EpochRecord, ErrorCode, Name, OpenedBy, Report, Result};

use crate::core::{Checks, Core, Database, LineState, lock};
use crate::follower;
use crate::identity::Identity;
use crate::jobs::exchange;
use crate::secrets::random_hex;
use crate::store::{Store, layout};
use crate::watch::{Watched, newest_file};

/// For one answer of the store.
const QUICK: std::time::Duration = std::time::Duration::from_secs(10);

/// Takes a database of the configuration under protection. What an interrupted exchange of its file left is settled first.
pub(crate) async fn protect(core: &Arc<Core>, settings: &config::Database) -> Result<Arc<Database>> {
    let name = settings.name.clone();
    let id = core.journal.run(move |journal| journal.database_id(&name, || random_hex(16))).await?;
    exchange::recover(core, &id, &settings.name, &settings.path).await?;
    let known = id.clone();
    let epochs = core.journal.run(move |journal| journal.epochs(&known)).await?;
    let record = match epochs.last() {
        Some(record) => record.clone(),
        None => {
            let record = first_record(core, &settings.name, &id);
            let opened = record.clone();
            core.journal.run(move |journal| journal.open_epoch(&opened)).await?;
            record
        }
    };
    let checks = {
        let (lost, unchecked) = (format!("history-lost {id}"), format!("unchecked {id}"));
        let id = id.clone();
        core.journal
            .run(move |journal| {
                Ok(Checks {
                    drill: journal.last_check(&id, ["drill", "verify"])?,
                    scan: journal.last_check(&id, ["scan", "scan"])?,
                    unchecked: journal.fact(&unchecked)?.is_some_and(|value| value == "1"),
                    damaged: Default::default(),
                    lost: journal.fact(&lost)?.is_some_and(|value| value == "1"),
                })
            })
            .await?
    };
    let since = epochs.first().map_or(record.opened_at, |first| first.opened_at);
    let (its_id, epoch) = (id.clone(), record.epoch);
    let announced_before = core.journal.run(move |journal| journal.announced(&its_id, epoch)).await?;
    let known = known_file(core, &id, record.epoch).await?;
    let meta = core.home.capture(&settings.name, &record.epoch.to_string());
    let watched = Watched::new(settings.name.clone(), settings.path.clone(), meta, known);
    let database = Arc::new(Database {
        name: settings.name.clone(),
        path: settings.path.clone(),
        id,
        line: Mutex::new(LineState { record, watched: watched.clone(), announced: false, announced_before }),
        checks: Mutex::new(checks),
        busy: tokio::sync::Mutex::new(()),
        scheduled: Mutex::new(None),
        gave_way: AtomicBool::new(false),
        gone: AtomicBool::new(false),
        restoring: AtomicBool::new(false),
        since,
    });
    core.watch.hold(watched);
    follow(core, &database);
    Ok(database)
}

/// Gives a database up: its file and its history stay.
pub(crate) async fn release(core: &Core, database: &Database) {
    database.gone.store(true, Ordering::Relaxed);
    core.watch.release(&database.name).await;
}

fn first_record(core: &Core, name: &Name, id: &str) -> EpochRecord {
    record(core, name, id, Epoch::FIRST, None, OpenedBy::Protection)
}

/// The birth certificate of an epoch that begins now.
pub(crate) fn record(
    core: &Core,
    name: &Name,
    id: &str,
    epoch: Epoch,
    base: Option<Base>,
    opened_by: OpenedBy,
) -> EpochRecord {
    EpochRecord {
        epoch,
        database_id: id.to_owned(),
        database: name.clone(),
        host_id: core.host.id.clone(),
        host: core.host.name.clone(),
        prefix: core.host_key().epoch(name, epoch),
        base,
        opened_by,
        opened_at: Timestamp::now(),
    }
}

/// Opens the next epoch for the file that is at the database's path now.
pub(crate) async fn open_next(core: &Arc<Core>, database: &Arc<Database>, opened_by: OpenedBy) -> Result<()> {
    let before = database.record();
    // A file that somebody put there is not what the epoch before ended with.
    let txid = match opened_by {
        OpenedBy::Replacement => None,
        _ => database.watched().seen().progress.captured_txid(),
    };
    let base = Some(Base { epoch: before.epoch, txid });
    let next = record(core, &database.name, &database.id, before.epoch.after_restore(), base, opened_by);
    let opened = next.clone();
    core.journal.run(move |journal| journal.open_epoch(&opened)).await?;
    begin(core, database, next).await;
    Ok(())
}

/// Writes into an epoch that the journal has as opened.
pub(crate) async fn begin(core: &Arc<Core>, database: &Arc<Database>, record: EpochRecord) {
    let meta = core.home.capture(&database.name, &record.epoch.to_string());
    let watched = Watched::new(database.name.clone(), database.path.clone(), meta, None);
    let epoch = record.epoch;
    *lock(&database.line) =
        LineState { record, watched: watched.clone(), announced: false, announced_before: false };
    core.watch.release(&database.name).await;
    drop_old_captures(core, &database.name, epoch);
    core.watch.hold(watched);
    follow(core, database);
    core.event(
        "epoch-opened",
        Some(&database.name),
        format!("a new history of `{}` begins: {epoch}", database.name),
    )
    .await;
    core.wake.notify_one();
}

/// Litestream's own files of epochs that are no longer written. What can't be removed now is tried again with the next epoch.
fn drop_old_captures(core: &Core, name: &Name, present: Epoch) {
    for folder in std::fs::read_dir(core.home.capture_all(name)).into_iter().flatten().flatten() {
        if folder.file_name().to_string_lossy() != present.to_string() {
            let _ = std::fs::remove_dir_all(folder.path());
        }
    }
}

fn follow(core: &Arc<Core>, database: &Arc<Database>) {
    let (watched, prefix) = {
        let line = lock(&database.line);
        (line.watched.clone(), line.record.prefix.clone())
    };
    tokio::spawn(follower::follow(core.clone(), database.clone(), watched, prefix));
}

/// The file that an epoch describes, as it was last seen.
async fn known_file(core: &Core, id: &str, epoch: Epoch) -> Result<Option<Identity>> {
    let id = id.to_owned();
    let text = core.journal.run(move |journal| journal.file_mark(&id, epoch)).await?;
    Ok(serde_json::from_str(&text).ok())
}

/// Remembers the file that the present epoch describes.
pub(crate) async fn remember_file(core: &Core, database: &Database, file: &Identity) {
    let (id, epoch) = (database.id.clone(), database.epoch());
    // It always can be: numbers and a text.
    let mark = serde_json::to_string(file).unwrap_or_default();
    let noted = core.journal.run(move |journal| journal.set_file_mark(&id, epoch, &mark)).await;
    if let Err(report) = noted {
        core.logs.push("engine", &report.to_string(), Timestamp::now());
    }
}

/// Whether the file that is held is the one that the epoch describes, as which it is then remembered; opens the next
/// epoch when it is not.
///
/// # Errors
/// When the journal can't be read or written.
pub(crate) async fn settle_file(
    core: &Arc<Core>,
    database: &Arc<Database>,
    found: &Identity,
) -> Result<bool> {
    let known = known_file(core, &database.id, database.epoch()).await?;
    let (another, log_aside) = {
        let watched = database.watched();
        let seen = watched.seen();
        (seen.another, seen.log_aside.clone())
    };
    if !another && known.is_none_or(|known| known.goes_on_as(found)) {
        remember_file(core, database, found).await;
        return Ok(true);
    }
    let mut text = format!(
        "another file is in the place of `{}`, or it was rebuilt; the history before is kept",
        database.name
    );
    if let Some(aside) = log_aside {
        text.push_str(&format!("; the log of the file before was put aside as `{}`", aside.display()));
    }
    core.event("database-replaced", Some(&database.name), text).await;
    open_next(core, database, OpenedBy::Replacement).await?;
    Ok(false)
}

/// Makes sure that the store holds the record of the epoch that is being written, and still holds it if it once did.
pub(crate) async fn announce(core: &Arc<Core>, database: &Arc<Database>, store: &Store) -> Result<()> {
    let record = database.record();
    let (id, epoch) = (database.id.clone(), record.epoch);
    let announced = core.journal.run(move |journal| journal.announced(&id, epoch)).await?;
    let key = layout::epoch_record(&record);
    if announced {
        match store.get_small(&key).await {
            Ok(_) => {
                // Without its own files Litestream would take the newest one from the store and go on from there as if it
                // had never been away.
                let (objects, _) = store.page(&format!("{}/", record.prefix), None, QUICK).await?;
                let own = newest_file(&database.watched().level_0());
                if own.is_none() && !objects.is_empty() {
                    return open_next(core, database, OpenedBy::Healing).await;
                }
            }
            Err(report) if report.code == ErrorCode::NoSuchRestorePoint => return lost(core, database).await,
            Err(report) => return Err(report),
        }
    } else {
        let (found, _) = store.page(&format!("{}/", record.prefix), None, QUICK).await?;
        if !found.is_empty() {
            // A prefix has one writer, ever. The journal did not know that this one was used: it is not ours.
            return open_next(core, database, OpenedBy::Healing).await;
        }
        let bytes = serde_json::to_vec_pretty(&record).map_err(|error| {
            Report::new(ErrorCode::Internal, "an epoch's record can't be written").because(error)
        })?;
        store.put_small(&key, bytes).await?;
        let id = database.id.clone();
        core.journal.run(move |journal| journal.set_announced(&id, epoch)).await?;
    }
    let mut line = lock(&database.line);
    if line.record.epoch == epoch {
        line.announced = true;
    }
    Ok(())
}

/// The store no longer has what it had: a new history begins, and that is said until somebody has looked.
async fn lost(core: &Arc<Core>, database: &Arc<Database>) -> Result<()> {
    let fact = format!("history-lost {}", database.id);
    core.journal.run(move |journal| journal.set_fact(&fact, "1")).await?;
    lock(&database.checks).lost = true;
    let text = format!("the store no longer has the history of `{}`; a new one begins", database.name);
    core.event("history-lost", Some(&database.name), text).await;
    open_next(core, database, OpenedBy::Healing).await
}
