use console::measure_text_width;
use sqlite_replicate_api::{
    CheckSummary, ConditionCode, JobRequest, JobSummary, Progress, RestoreRequest, Stage, Target, Txid,
};

use super::super::fixtures::{self, at, condition, database, now};
use super::*;

fn shown(state: &Status, width: usize) -> String {
    status(state, &now(), width, Paint(false))
}

#[test]
fn all_is_well() {
    let mut orders = database("orders");
    let text = "12 rows".to_owned();
    orders.last_drill = Some(CheckSummary { at: at("08:00:00"), good: true, text });
    let state = fixtures::status(vec![orders, database("ab")]);
    assert_eq!(
        shown(&state, 100),
        "\
Kept on this PC only. Connect a second PC to survive losing this one.

  orders  Every change is stored.
          lag 0.0 s · transaction 2f here, stored · restore test good 2 hours ago · 12.0 MB
  ab      Every change is stored.
          lag 0.0 s · transaction 2f here, stored · no restore test yet · 12.0 MB

History is kept in /var/lib/sqlite-replicate/store, 85.0 GB free.
"
    );
}

/// A host with everything that can be wrong at once.
fn troubled() -> Status {
    let mut orders = database("orders");
    orders.overall = Overall::NotProtected;
    orders.sentence = "Changes since 10:31 exist only in the file itself.".to_owned();
    orders.stored = Some(Txid(0x2d));
    orders.acknowledged = Some(Txid(0x2a));
    orders.uncaptured = true;
    orders.lag_seconds = 870.0;
    orders.last_drill = Some(CheckSummary { at: at("10:44:30"), good: false, text: "torn".to_owned() });
    orders.conditions = vec![condition(
        ConditionCode::Behind,
        "Commits wait for being stored.",
        Some("look at the store's log"),
    )];
    let mut state = fixtures::status(vec![orders]);
    state.overall = Overall::NotProtected;
    state.sentence = "The store does not answer. Changes since 10:31 exist only here.".to_owned();
    state.conditions = vec![
        condition(ConditionCode::StoreDown, "The store does not answer.", None),
        condition(ConditionCode::LowSpace, "Little space is left on `/`.", Some("make room")),
        condition(ConditionCode::Checking, "The history is being checked.", None),
        condition(ConditionCode::SameDisk, "The store lies on the database's disk.", None),
    ];
    state.store.reachable = false;
    state.children[0].phase = ChildPhase::BackingOff;
    state.children[0].restarts = 3;
    state.children[1].restarts = 1;
    state
}

#[test]
fn trouble_says_since_when_and_what_to_do() {
    assert_eq!(
        shown(&troubled(), 110),
        "\
The store does not answer. Changes since 10:31 exist only here.

  orders  Changes since 10:31 exist only in the file itself.
          lag 14 min 30 s · transaction 2f here, 2d stored, 2a acknowledged, newer changes on their way ·
          restore test FAILED 1 minute ago · 12.0 MB
          ✕ Commits wait for being stored. (began 14 minutes ago)
            hint: look at the store's log

✕ The store does not answer. (began 14 minutes ago)
! Little space is left on `/`. (began 14 minutes ago)
  hint: make room
… The history is being checked. (began 14 minutes ago)
· The store lies on the database's disk.

History is kept in /var/lib/sqlite-replicate/store, 85.0 GB free, does not answer.
The store ended by itself and will be started again; it was started again 3 times.
The capture runs; it was started again once.
"
    );
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let mut state = troubled();
    state.sentence = "HOST-B 已 25 分钟没有响应。10:31 之后的更改只保存在本机。".to_owned();
    state.databases.push(database("a-database-with-a-name-that-is-far-too-long"));
    for width in 30..140 {
        for line in shown(&state, width).lines() {
            // A name is never parted: it is what commands take.
            let fits = measure_text_width(line) <= width || line.trim() == state.databases[1].name.as_str();
            assert!(fits, "{line:?} at {width}");
        }
    }
}

#[test]
fn a_narrow_screen_has_names_on_their_own_lines() {
    let state = fixtures::status(vec![database("orders")]);
    let text = shown(&state, 40);
    let orders = "
  orders
    Every change is stored.
    lag 0.0 s ·
    transaction 2f here, stored ·
    no restore test yet · 12.0 MB
";
    assert!(text.contains(orders), "{text}");
}

#[test]
fn nothing_captured_pauses_jobs_and_other_stores() {
    let mut orders = database("orders");
    (orders.here, orders.stored) = (None, None);
    let mut state = fixtures::status(vec![orders]);
    state.paused_until = Some(at("18:00:00"));
    state.store.data_dir = None;
    state.store.free_bytes = None;
    let progress =
        Progress { stage: Stage::Downloading, done: 1, total: Some(2), rate: 1.0, seconds_left: Some(11.0) };
    let restore =
        RestoreRequest { moment: Default::default(), target: Target::InPlace, integrity: Default::default() };
    let job = |request, state| JobSummary {
        id: 1,
        request,
        database: "orders".parse().unwrap(),
        started_at: at("10:45:00"),
        state,
    };
    state.jobs = vec![
        job(JobRequest::Restore(restore), JobState::Running { progress: Some(progress) }),
        job(JobRequest::Verify, JobState::Running { progress: None }),
        job(
            JobRequest::Drill,
            JobState::Failed {
                error: sqlite_replicate_api::Report::new(sqlite_replicate_api::ErrorCode::Io, "gone"),
            },
        ),
    ];
    assert_eq!(
        shown(&state, 100),
        "\
Kept on this PC only. Connect a second PC to survive losing this one.

  orders  Every change is stored.
          lag 0.0 s · nothing captured yet · no restore test yet · 12.0 MB
Paused until 2026-11-21 18:00:00.
  restore of orders: downloading, 11 s left
  verify of orders

History is kept in http://127.0.0.1:9000, bucket history.
"
    );
}

#[test]
fn red_is_for_what_is_not_safe() {
    let mut state = troubled();
    let painted = |state: &Status| status(state, &now(), 100, Paint(true));
    assert!(painted(&state).starts_with("\u{1b}[1;31mThe store does not answer."));
    state = fixtures::status(vec![database("orders")]);
    assert!(!painted(&state).contains("[1;31m"));
    assert!(!painted(&state).contains("[33m"));
}

#[test]
fn colours_change_no_letter() {
    let state = troubled();
    for width in [40, 80, 110] {
        let painted = status(&state, &now(), width, Paint(true));
        assert_eq!(console::strip_ansi_codes(&painted), shown(&state, width));
    }
}
