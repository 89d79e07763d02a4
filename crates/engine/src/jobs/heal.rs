//! Mends a stored history: from Litestream's own files on this PC where they are still there, otherwise by beginning a
//! new history with a whole copy of the database.
//!
//! A forced snapshot within the same prefix would make the newest state restorable again, too, but Litestream then goes on failing to
//! compact across the hole, for ever; a new epoch has nothing of that, and keeps every older moment where it is.

use sqlite_replicate_api::{ErrorCode, OpenedBy, Result, Stage, Txid};

use super::check::Work;
use super::plan::Line;
use super::scan::Wrong;
use crate::ltx::{self, Level, LtxKey, LtxName};
use crate::protect;

/// Mends what is wrong; says what was done.
pub(super) async fn heal(work: &Work, line: &Line, wrong: &Wrong) -> Result<Vec<String>> {
    let mut missing: Vec<Txid> = Vec::new();
    for hole in wrong.holes.iter().filter(|hole| hole.level == Level::CAPTURED) {
        missing.extend((hole.after.0 + 1..hole.before.0).map(Txid));
    }
    if let Some((first, last)) = wrong.vanished {
        missing.extend((first.0..=last.0).map(Txid));
    }
    let mut unhealed = wrong.holes.iter().filter(|hole| hole.level != Level::CAPTURED).count();
    let mut names: Vec<LtxName> = missing.iter().map(|txid| LtxName { min: *txid, max: *txid }).collect();
    for (object, _) in &wrong.damaged {
        if object.level == Level::CAPTURED {
            names.push(object.key().name);
        } else {
            unhealed += 1;
        }
    }
    let total = names.len() as u64;
    let mut healed = 0;
    for (index, name) in names.iter().enumerate() {
        work.cancel.check()?;
        work.reporter.at(Stage::Healing, index as u64, Some(total));
        if put_again(work, line, *name).await? { healed += 1 } else { unhealed += 1 }
    }
    let mut said = Vec::new();
    if healed > 0 {
        said.push(format!("{healed} objects were stored again from this PC's own files"));
    }
    if unhealed > 0 {
        protect::open_next(&work.core, &work.database, OpenedBy::Healing).await?;
        said.push(format!("{unhealed} objects could not be stored again, so a new history with a whole copy of the database begins"));
    }
    Ok(said)
}

/// Stores one of Litestream's own files again, if it is there and whole.
async fn put_again(work: &Work, line: &Line, name: LtxName) -> Result<bool> {
    let path = work.database.watched().meta.join("ltx").join("0").join(name.to_string());
    let checked = path.clone();
    let verified = tokio::task::spawn_blocking(move || {
        let file = std::fs::File::open(checked).ok()?;
        ltx::verify(std::io::BufReader::new(file)).ok()
    })
    .await
    .ok()
    .flatten();
    let Some(verified) = verified else { return Ok(false) };
    let key = format!("{}/{}", line.prefix, LtxKey { level: Level::CAPTURED, name });
    match line.store.put_ltx(&key, &path, verified.header.timestamp).await {
        Ok(()) => Ok(true),
        // The file was trimmed in between.
        Err(report) if report.code == ErrorCode::Io => Ok(false),
        Err(report) => Err(report),
    }
}
