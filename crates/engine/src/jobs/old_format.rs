//! Plans restores of what Litestream 0.3 stored: whole copies (`snapshots`) and pieces of the write-ahead log (`wal`) in
//! `generations`. It knows no transactions; times are those at which the store got the objects.
//!
//! ```text
//! generations/<16 digits>/snapshots/<index>.snapshot.lz4
//! generations/<16 digits>/wal/<index>_<offset>.wal.lz4
//! ```
//!
//! The bundled Litestream restores it when it is not asked for a transaction (its `v3.go`).

use jiff::Timestamp;
use sqlite_replicate_api::{ErrorCode, Moment, Report, Result, Txid};

use super::plan::{Line, OldFormat, Planned};
use crate::chain::ChainPlan;
use crate::store::Listed;

/// Where Litestream 0.3 keeps everything below its prefix.
const GENERATIONS: &str = "generations";

/// What a stored object is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Snapshot,
    Log,
}

#[derive(Clone, Debug)]
struct Stored {
    kind: Kind,
    generation: String,
    index: u32,
    bytes: u64,
    stored_at: Timestamp,
}

/// Plans a restore from such a backup; none if there is no such backup.
pub(super) async fn plan(line: &Line, moment: &Moment) -> Result<Option<Planned>> {
    let root = format!("{}/{GENERATIONS}/", line.prefix);
    let listed = line.store.list(&root).await?;
    let stored: Vec<Stored> = listed.iter().filter_map(|listed| stored_of(&root, listed)).collect();
    if stored.iter().all(|stored| stored.kind != Kind::Snapshot) {
        return Ok(None);
    }
    let until = match moment {
        Moment::Newest => None,
        Moment::At(wanted) => Some(*wanted),
        Moment::Txid { .. } | Moment::Snapshot(_) => {
            let message =
                format!("the backup at `{}` is one of Litestream 0.3, which knows times alone", line.prefix);
            return Err(Report::new(ErrorCode::NoSuchRestorePoint, message).hint("name a time with `--at`"));
        }
    };
    let chosen = choose(&stored, until).ok_or_else(|| too_old(&stored, until))?;
    let bytes = chosen.iter().map(|stored| stored.bytes).sum();
    let time = chosen.iter().map(|stored| stored.stored_at).max().unwrap_or_default();
    Ok(Some(Planned {
        damaged: Default::default(),
        line: line.clone(),
        chain: ChainPlan { objects: Vec::new(), bytes, reached: Txid::default() },
        result_bytes: 0,
        time,
        shortfall: None,
        after: 0,
        old: Some(OldFormat { objects: chosen.len(), until }),
    }))
}

/// The newest whole copy until a time, and the log after it: as Litestream chooses.
fn choose(stored: &[Stored], until: Option<Timestamp>) -> Option<Vec<&Stored>> {
    let in_time = |stored: &&Stored| until.is_none_or(|until| stored.stored_at <= until);
    let snapshot = stored
        .iter()
        .filter(|stored| stored.kind == Kind::Snapshot)
        .filter(in_time)
        .max_by_key(|stored| stored.stored_at)?;
    let log = stored
        .iter()
        .filter(|stored| stored.kind == Kind::Log && stored.generation == snapshot.generation)
        .filter(|stored| stored.index >= snapshot.index)
        .filter(in_time);
    Some(std::iter::once(snapshot).chain(log).collect())
}

fn too_old(stored: &[Stored], until: Option<Timestamp>) -> Report {
    let wanted = until.unwrap_or_default();
    let report = Report::new(ErrorCode::NoSuchRestorePoint, format!("there is no moment as old as {wanted}"));
    let snapshots = stored.iter().filter(|stored| stored.kind == Kind::Snapshot);
    match snapshots.map(|stored| stored.stored_at).min() {
        Some(first) => report.hint(format!("the oldest moment is {first}")),
        None => report,
    }
}

fn stored_of(root: &str, listed: &Listed) -> Option<Stored> {
    let (generation, rest) = listed.key.strip_prefix(root)?.split_once('/')?;
    let hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if generation.len() != 16 || !hex(generation) {
        return None;
    }
    let (folder, name) = rest.split_once('/')?;
    let (kind, index) = match folder {
        "snapshots" => (Kind::Snapshot, name.strip_suffix(".snapshot.lz4")?),
        "wal" => (Kind::Log, name.strip_suffix(".wal.lz4")?.split_once('_')?.0),
        _ => return None,
    };
    let index = Some(index).filter(|index| index.len() == 8 && hex(index))?;
    Some(Stored {
        kind,
        generation: generation.to_owned(),
        index: u32::from_str_radix(index, 16).ok()?,
        bytes: listed.bytes,
        stored_at: listed.stored_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn listed(key: &str, second: i64) -> Listed {
        Listed { key: format!("p/generations/{key}"), bytes: 10, stored_at: at(second) }
    }

    #[test]
    fn the_newest_copy_in_time_and_its_own_log_are_chosen() {
        let (old, new) = ("00000000000000aa", "00000000000000bb");
        let stored: Vec<Stored> = [
            (format!("{old}/snapshots/00000000.snapshot.lz4"), 1),
            (format!("{old}/wal/00000000_00000000.wal.lz4"), 2),
            (format!("{new}/snapshots/00000001.snapshot.lz4"), 10),
            (format!("{new}/wal/00000000_00000000.wal.lz4"), 9),
            (format!("{new}/wal/00000001_00000000.wal.lz4"), 11),
            (format!("{new}/wal/00000001_00001038.wal.lz4"), 12),
            (format!("{new}/wal/notes.txt"), 12),
            ("no-generation/snapshots/00000001.snapshot.lz4".to_owned(), 99),
        ]
        .iter()
        .filter_map(|(key, second)| stored_of("p/generations/", &listed(key, *second)))
        .collect();
        assert_eq!(stored.len(), 6);
        let times = |until: Option<i64>| {
            let chosen = choose(&stored, until.map(at))?;
            Some(chosen.iter().map(|stored| stored.stored_at.as_second()).collect::<Vec<_>>())
        };
        assert_eq!(times(None), Some(vec![10, 11, 12]));
        assert_eq!(times(Some(11)), Some(vec![10, 11]));
        assert_eq!(times(Some(9)), Some(vec![1, 2]));
        assert_eq!(times(Some(0)), None);
        assert!(too_old(&stored, Some(at(0))).hint.unwrap().contains(&at(1).to_string()));
    }
}
