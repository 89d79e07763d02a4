use sqlite_replicate_api::{Base, Epoch, EpochRecord, HistoryHole, Txid};

use super::super::fixtures::{at, now};
use super::*;

fn epoch(n: u64) -> EpochHistory {
    let epoch = Epoch { term: 1, n };
    let base = (n > 0).then(|| Base { epoch: Epoch { term: 1, n: n - 1 }, txid: Some(Txid(0x2f)) });
    let level = |level, objects, last| LevelSummary {
        level,
        objects,
        bytes: 1_258_291,
        first: Txid(1),
        last: Txid(last),
        from: at("08:00:00"),
        to: at("10:45:00"),
    };
    let point = |txid, time| RestorePoint { txid: Txid(txid), level: 0, time: at(time), bytes: 4300 };
    EpochHistory {
        record: EpochRecord {
            epoch,
            database_id: "d".to_owned(),
            database: "orders".parse().unwrap(),
            host_id: "f00".to_owned(),
            host: "HOST-A".to_owned(),
            prefix: format!("orders/{epoch}-f00"),
            base,
            opened_by: if n > 0 { OpenedBy::Restore } else { OpenedBy::Protection },
            opened_at: at("08:00:00"),
        },
        levels: vec![level(0, 12, 0x2f), level(9, 1, 0x20)],
        holes: Vec::new(),
        points: vec![point(0x2e, "10:44:00"), point(0x2f, "10:45:00")],
    }
}

fn shown(history: &History, points: usize) -> String {
    super::history(history, points, now().time_zone(), Paint(false))
}

#[test]
fn a_history_of_two_epochs() {
    let mut first = epoch(0);
    first.holes = vec![
        HistoryHole { level: 0, first: Txid(3), last: Txid(4), blocking: false },
        HistoryHole { level: 1, first: Txid(3), last: Txid(4), blocking: true },
    ];
    let snapshot = NamedSnapshot {
        name: "monday".parse().unwrap(),
        epoch: Epoch::FIRST,
        txid: Txid(0x20),
        created_at: at("09:00:00"),
        prefix: String::new(),
        bytes: 12 << 20,
    };
    let history = History {
        database: "orders".parse().unwrap(),
        epochs: vec![first, epoch(1)],
        snapshots: vec![snapshot],
    };
    assert_eq!(
        shown(&history, 1),
        "\
Epoch 1.1, opened 2026-11-21 08:00:00 by a restore, from 2f of epoch 1.0, on HOST-A
  level      from                 to                   transactions  objects  size
  0          2026-11-21 08:00:00  2026-11-21 10:45:00  1 to 2f       12       1.2 MB
  snapshots  2026-11-21 08:00:00  2026-11-21 10:45:00  1 to 20       1        1.2 MB
  2026-11-21 10:45:00  2f  level 0  4.2 KB

Epoch 1.0, opened 2026-11-21 08:00:00 when protection began, on HOST-A
  level      from                 to                   transactions  objects  size
  0          2026-11-21 08:00:00  2026-11-21 10:45:00  1 to 2f       12       1.2 MB
  snapshots  2026-11-21 08:00:00  2026-11-21 10:45:00  1 to 20       1        1.2 MB
  transactions 3 to 4 are missing from level 0: other levels hold them
  transactions 3 to 4 are missing from level 1: the newest state can't be restored
  2026-11-21 10:45:00  2f  level 0  4.2 KB

Named snapshots
  monday  2026-11-21 09:00:00  20 of epoch 1.0  12.0 MB
"
    );
}

#[test]
fn nothing_is_said_to_be_there_that_is_not() {
    let history = History { database: "orders".parse().unwrap(), epochs: Vec::new(), snapshots: Vec::new() };
    assert_eq!(shown(&history, 5), "Nothing of orders is stored yet.\n");
}
