//! Which conditions hold. Whether they are shown yet is not decided here.

use jiff::{SignedDuration, Timestamp};
use sqlite_replicate_api::ConditionCode as Code;
use sqlite_replicate_api::ErrorCode;
use sqlite_replicate_api::config::Config;
use sqlite_replicate_api::text::{Param, Params};

use super::facts::{DatabaseFacts, HostFacts};

/// Below this many free bytes the owner is warned.
const LOW_SPACE: u64 = 1024 * 1024 * 1024;
/// A drill is overdue after this many of its intervals.
const OVERDUE: i32 = 3;
/// A scan is daily.
const SCAN_EVERY: SignedDuration = SignedDuration::from_hours(24);

/// A condition that holds now, and what its sentence is filled with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Raised {
    pub(crate) code: Code,
    pub(crate) params: Params,
}

fn raise(code: Code, params: Params) -> Raised {
    Raised { code, params }
}

/// What holds for the whole host.
pub(crate) fn host_conditions(facts: &HostFacts, now: Timestamp) -> Vec<Raised> {
    let params = || Params::new(now);
    let mut raised = Vec::new();
    if facts.databases == 0 {
        raised.push(raise(Code::NoDatabases, params()));
    }
    if let Some((path, why)) = &facts.bundle_trouble {
        raised.push(raise(
            Code::BundleBroken,
            params().text(Param::Path, path.display()).text(Param::Why, why),
        ));
    }
    if let Some(report) = &facts.store_trouble
        && facts.store_expected
    {
        let code = match report.code {
            // The bundled store's keys are nobody's to correct.
            ErrorCode::StoreRefused if facts.store_dir.is_none() => Code::StoreRefused,
            ErrorCode::NoSpace => Code::StoreFull,
            _ => Code::StoreDown,
        };
        raised.push(raise(code, store_params(facts, now)));
    }
    if facts.store_full && raised.iter().all(|raised| raised.code != Code::StoreFull) {
        raised.push(raise(Code::StoreFull, store_params(facts, now)));
    }
    if facts.capture_expected
        && !facts.capture_serves
        && facts.store_trouble.is_none()
        && facts.pause.is_none()
    {
        raised.push(raise(Code::CaptureDown, params()));
    }
    for (part, why) in &facts.loops {
        raised.push(raise(Code::CrashLoop, params().text(Param::Part, part).text(Param::Why, why)));
    }
    if let Some((path, why)) = &facts.config_trouble {
        raised.push(raise(Code::ConfigBad, params().text(Param::Path, path.display()).text(Param::Why, why)));
    }
    if let Some(address) = &facts.health_trouble {
        raised.push(raise(Code::HealthPortTaken, params().text(Param::Address, address)));
    }
    if let Some((address, why)) = &facts.notify_trouble {
        raised.push(raise(Code::NotifyFailing, params().text(Param::Address, address).text(Param::Why, why)));
    }
    if let Some(free) = facts.free_bytes.filter(|free| *free < LOW_SPACE) {
        let path = facts.store_dir.clone().unwrap_or_default();
        raised
            .push(raise(Code::LowSpace, params().text(Param::Path, path.display()).bytes(Param::Free, free)));
    }
    if let Some(by) = facts.clock_set_back {
        raised.push(raise(Code::ClockSetBack, params().seconds(Param::By, by)));
    }
    if facts.pause.is_some() {
        raised.push(raise(Code::Paused, params()));
    }
    raised
}

fn store_params(facts: &HostFacts, now: Timestamp) -> Params {
    let place =
        facts.store_dir.as_ref().map_or(facts.store_endpoint.clone(), |dir| dir.display().to_string());
    Params::new(now).text(Param::Endpoint, &facts.store_endpoint).text(Param::Path, place)
}

/// What holds for one database.
pub(crate) fn database_conditions(facts: &DatabaseFacts, config: &Config, now: Timestamp) -> Vec<Raised> {
    let params =
        || Params::new(now).text(Param::Database, &facts.name).text(Param::Path, facts.path.display());
    let mut raised = Vec::new();
    let mut add = |code, params| raised.push(raise(code, params));
    if facts.restoring {
        add(Code::Restoring, params());
    } else {
        file_conditions(facts, now, &mut add);
    }
    if facts.wal_size > config.capture.max_wal.bytes() {
        add(Code::WalGrowing, params().bytes(Param::Size, facts.wal_size));
    }
    if facts.unchecked {
        add(Code::Checking, params());
    }
    if facts.lost {
        add(Code::HistoryLost, params());
    }
    if facts.same_disk {
        add(Code::SameDisk, params());
    }
    if !facts.restoring && facts.obstacle.is_none() && !facts.paused {
        way_conditions(facts, config, now, &mut add);
    }
    proof_conditions(facts, config, now, &mut add);
    raised
}

/// The file itself.
fn file_conditions(facts: &DatabaseFacts, now: Timestamp, add: &mut impl FnMut(Code, Params)) {
    let params = Params::new(now).text(Param::Database, &facts.name).text(Param::Path, facts.path.display());
    if let Some(obstacle) = &facts.obstacle {
        let why = obstacle.report.causes.first().cloned().unwrap_or_else(|| obstacle.report.message.clone());
        add(obstacle.condition, params.text(Param::Why, why));
    } else if facts.missing {
        add(Code::DatabaseMissing, params);
    } else if facts.replaced {
        add(Code::DatabaseReplaced, params);
    }
}

/// The way of commits into the store.
fn way_conditions(
    facts: &DatabaseFacts,
    config: &Config,
    now: Timestamp,
    add: &mut impl FnMut(Code, Params),
) {
    let params = Params::new(now).text(Param::Database, &facts.name);
    let waited = |since: Timestamp| now.duration_since(since).unsigned_abs();
    if !facts.anything_stored {
        let since = facts.begun_at;
        if waited(since) > facts.first_copy_patience() {
            add(Code::Behind, params.time(Param::Since, since));
        } else if facts.store_asked {
            add(Code::FirstCopy, params);
        } else {
            add(Code::Starting, params);
        }
        return;
    }
    let patience = DatabaseFacts::patience(&config.capture);
    match facts.waiting_since {
        // A start has the same patience as any other moment, however long something has waited before it.
        Some(since) if waited(since) > patience && facts.engine_up > patience => {
            add(Code::Behind, params.time(Param::Since, since));
        }
        None if !facts.is_captured => add(Code::Starting, params),
        _ => {}
    }
}

/// Proofs that the history is good.
fn proof_conditions(
    facts: &DatabaseFacts,
    config: &Config,
    now: Timestamp,
    add: &mut impl FnMut(Code, Params),
) {
    let params = || Params::new(now).text(Param::Database, &facts.name);
    if let Some(scan) = facts.scan.as_ref().filter(|scan| !scan.good) {
        add(Code::HistoryDamaged, params().text(Param::Why, &scan.text));
    }
    let checked = facts.scan.as_ref().map_or(facts.protected_since, |scan| scan.at);
    if now.duration_since(checked) > SCAN_EVERY * OVERDUE {
        add(Code::ScanOverdue, params().time(Param::Checked, checked));
    }
    let every = SignedDuration::try_from(config.verify.every.duration()).unwrap_or(SignedDuration::MAX);
    match &facts.drill {
        Some(drill) if !drill.good => add(Code::DrillFailed, params().text(Param::Why, &drill.text)),
        Some(drill) if now.duration_since(drill.at) > every.saturating_mul(OVERDUE) => {
            add(Code::DrillOverdue, params().time(Param::Drilled, drill.at));
        }
        None if now.duration_since(facts.protected_since) > every.saturating_mul(OVERDUE) => {
            add(Code::DrillOverdue, params().time(Param::Drilled, facts.protected_since));
        }
        None => add(Code::NeverDrilled, params()),
        Some(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use sqlite_replicate_api::config::HostName;
    use sqlite_replicate_api::{CheckSummary, Report};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn well() -> DatabaseFacts {
        DatabaseFacts {
            name: "orders".into(),
            path: "/orders.db".into(),
            obstacle: None,
            missing: false,
            replaced: false,
            restoring: false,
            store_asked: true,
            anything_stored: true,
            is_captured: true,
            is_stored: true,
            waiting_since: None,
            protected_since: at(0),
            begun_at: at(0),
            engine_up: std::time::Duration::from_secs(3600),
            size: 10_000_000,
            first_copy: 0,
            wal_size: 0,
            drill: Some(CheckSummary { at: at(0), good: true, text: String::new() }),
            scan: Some(CheckSummary { at: at(0), good: true, text: String::new() }),
            unchecked: false,
            lost: false,
            same_disk: false,
            paused: false,
        }
    }

    fn codes(facts: &DatabaseFacts, now: i64) -> Vec<Code> {
        let config = Config::new(HostName::nearest("pc"));
        database_conditions(facts, &config, at(now)).into_iter().map(|raised| raised.code).collect()
    }

    #[test]
    fn a_database_that_is_well_has_nothing_to_say() {
        assert_eq!(codes(&well(), 60), []);
    }

    #[test]
    fn a_commit_may_wait_for_three_intervals_and_no_longer() {
        let waiting = DatabaseFacts { waiting_since: Some(at(100)), is_captured: false, ..well() };
        assert_eq!(codes(&waiting, 103), []);
        assert_eq!(codes(&waiting, 104), [Code::Behind]);
    }

    #[test]
    fn a_pause_is_no_failure_of_the_way() {
        let paused = DatabaseFacts { waiting_since: Some(at(0)), paused: true, ..well() };
        assert_eq!(codes(&paused, 60), []);
    }

    #[test]
    fn the_first_copy_has_its_time_and_a_start_is_no_first_copy() {
        let first = DatabaseFacts { anything_stored: false, drill: None, ..well() };
        assert_eq!(codes(&first, 5), [Code::FirstCopy, Code::NeverDrilled]);
        assert_eq!(codes(&first, 33), [Code::Behind, Code::NeverDrilled]);
        let start = DatabaseFacts { store_asked: false, ..first };
        assert_eq!(codes(&start, 5), [Code::Starting, Code::NeverDrilled]);
    }

    #[test]
    fn proofs_grow_old_and_bad_ones_are_said_at_once() {
        let four_days = 4 * 24 * 3600;
        assert_eq!(codes(&well(), four_days), [Code::ScanOverdue, Code::DrillOverdue]);
        let bad = |at| Some(CheckSummary { at, good: false, text: "a hole".into() });
        let damaged = DatabaseFacts { scan: bad(at(0)), drill: bad(at(0)), ..well() };
        assert_eq!(codes(&damaged, 60), [Code::HistoryDamaged, Code::DrillFailed]);
    }

    #[test]
    fn every_condition_gets_all_that_its_sentence_names() {
        let config = Config::new(HostName::nearest("pc"));
        let mut bad = DatabaseFacts { missing: true, unchecked: true, lost: true, same_disk: true, ..well() };
        bad.wal_size = u64::MAX;
        bad.waiting_since = Some(at(0));
        let host = HostFacts {
            store_expected: true,
            store_trouble: Some(Report::new(ErrorCode::StoreUnreachable, "x")),
            store_full: true,
            free_bytes: Some(1),
            capture_expected: true,
            loops: vec![("store", "x".into())],
            bundle_trouble: Some(("/x".into(), "x".into())),
            config_trouble: Some(("/x".into(), "x".into())),
            health_trouble: Some("x".into()),
            notify_trouble: Some(("x".into(), "x".into())),
            clock_set_back: Some(9.0),
            ..HostFacts::default()
        };
        let all = [database_conditions(&bad, &config, at(1_000_000)), host_conditions(&host, at(0))];
        for raised in all.into_iter().flatten() {
            assert_eq!(raised.params.missing(raised.code), [], "{}", raised.code);
        }
    }
}
