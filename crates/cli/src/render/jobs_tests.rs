use std::path::PathBuf;

use sqlite_replicate_api::{Epoch, Txid};

use super::super::fixtures::{at, now};
use super::*;

fn a_plan(target: Target) -> RestorePlan {
    RestorePlan {
        database: Some("orders".parse().unwrap()),
        source: "http://127.0.0.1:9000/history/orders".to_owned(),
        epoch: Some(Epoch::FIRST),
        txid: Txid(0x2f),
        time: Some(at("10:30:00")),
        objects: 4,
        bytes: 12 << 20,
        target,
        set_aside: None,
        shortfall: None,
    }
}

fn planned(plan: &RestorePlan) -> String {
    super::plan(plan, now().time_zone())
}

fn ended(outcome: &Outcome) -> String {
    super::outcome(outcome, now().time_zone())
}

#[test]
fn progress_as_far_as_it_is_known() {
    let mut far =
        Progress { stage: Stage::Downloading, done: 120 << 20, total: None, rate: 0.0, seconds_left: None };
    assert_eq!(progress(&far), "120 MB");
    far.total = Some(1 << 30);
    far.rate = 89_128_960.0;
    far.seconds_left = Some(10.6);
    assert_eq!(progress(&far), "120 MB of 1.0 GB, 85.0 MB/s, 11 s left");
    far.rate = f64::NAN;
    assert_eq!(progress(&far), "120 MB of 1.0 GB, 11 s left");
}

#[test]
fn a_plan_names_its_price() {
    let fetched = "To fetch: 12.0 MB from http://127.0.0.1:9000/history/orders, epoch 1.0, 4 objects.\n";
    let mut plan = a_plan(Target::InPlace);
    for (set_aside, said) in [
        (None, ""),
        (Some(0), "No change has been made since then.\n"),
        (Some(1), "1 change made since then is set aside; `undo-restore` brings it back.\n"),
        (Some(214), "214 changes made since then are set aside; `undo-restore` brings them back.\n"),
    ] {
        plan.set_aside = set_aside;
        let text = format!("You go back to 2026-11-21 10:30:00 (transaction 2f).\n{said}{fetched}");
        assert_eq!(planned(&plan), text);
    }
    let mut plan = a_plan(Target::File(PathBuf::from("/tmp/a.db")));
    plan.time = None;
    plan.shortfall = Some("transactions 30 to 31 are missing".to_owned());
    assert_eq!(
        planned(&plan),
        format!(
            "`/tmp/a.db` will hold the state of transaction 2f.\n\
             It is not exactly what you asked for: transactions 30 to 31 are missing\n{fetched}"
        )
    );
}

#[test]
fn restores_say_what_came_back() {
    let mut plan = a_plan(Target::InPlace);
    plan.shortfall = Some("a hole".to_owned());
    let outcome = Outcome::Restored {
        plan,
        path: PathBuf::from("/data/orders.db"),
        bytes: 12 << 20,
        seconds: 1.25,
        epoch: Some(Epoch { term: 1, n: 1 }),
    };
    assert_eq!(
        ended(&outcome),
        "Restored 2026-11-21 10:30:00 to `/data/orders.db`: 12.0 MB in 1.2 s.\n\
         It is not exactly what you asked for: a hole\n\
         What was there before is set aside; `undo-restore` brings it back.\n"
    );
    assert_eq!(
        ended(&Outcome::Undone { epoch: Epoch::FIRST }),
        "The last restore is undone; what was there before it is back.\n"
    );
}

#[test]
fn proofs_say_what_they_proved() {
    let text = ended(&Outcome::Verified { stored_after: 0.4, seconds: 2.5 });
    assert_eq!(
        text,
        "Verified: a new row was stored after 0.4 s and came back in a restored copy after 2.5 s.\n"
    );
    let text = ended(&Outcome::Validated { txid: Txid(47), tables: 3, rows: 1200, seconds: 4.0 });
    assert_eq!(
        text,
        "Validated: a restored copy equals the database at transaction 2f (1200 rows in 3 tables, 4.0 s).\n"
    );
    let text = ended(&Outcome::Drilled { txid: Txid(47), rows: 1200, bytes: 12 << 20, seconds: 4.0 });
    assert_eq!(text, "The restore test is good: 12.0 MB with 1200 rows up to transaction 2f, in 4.0 s.\n");
    let text = ended(&Outcome::Snapshot { name: "monday".parse().unwrap(), txid: Txid(47), bytes: 12 << 20 });
    assert_eq!(text, "The moment of transaction 2f is kept as `monday` (12.0 MB).\n");
}

#[test]
fn scans_say_what_they_found() {
    let mut report = ScanReport { objects: 4, bytes: 12 << 20, ..ScanReport::default() };
    assert_eq!(
        ended(&Outcome::Scanned(report.clone())),
        "Read 4 objects, 12.0 MB.\nEverything is as it was stored, without a hole.\n"
    );
    report.findings = vec![
        Finding::Hole { level: 0, first: Txid(16), last: Txid(17), blocking: true },
        Finding::Hole { level: 1, first: Txid(16), last: Txid(17), blocking: false },
        Finding::Damaged { key: "orders/1.0-a/0/1-1.ltx".to_owned(), why: "the checksum differs".to_owned() },
    ];
    report.healed = vec!["a new snapshot was stored".to_owned()];
    assert_eq!(
        ended(&Outcome::Scanned(report)),
        "Read 4 objects, 12.0 MB.\n\
         Transactions 10 to 11 are missing from level 0; the newest state can't be restored.\n\
         Transactions 10 to 11 are missing from level 1; other levels hold them.\n\
         `orders/1.0-a/0/1-1.ltx` is damaged: the checksum differs\n\
         Mended: a new snapshot was stored\n"
    );
}
