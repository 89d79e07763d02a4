//! The pages' own view of these types: `ui/src/lib/api/types.ts` is made from them, and a test keeps it current.

use std::fmt::Write as _;
use std::path::Path;

use ts_rs::{Config, TS};

use crate::*;

const FILE: &str = "../../ui/src/lib/api/types.ts";

/// Set it to write the file anew: `cargo xtask ui --types`.
const WRITE: &str = "SQLITE_REPLICATE_WRITE_TYPES";

const HEAD: &str = "// What crosses the control API. Made from crates/api by `cargo xtask ui --types`; a test of\n\
    // crates/api fails when it is not current.\n";

fn declared() -> String {
    // Sizes and counts stay far below 2^53.
    let config = Config::new().with_large_int("number");
    let mut text = HEAD.to_owned();
    macro_rules! declare {
        ($($type:ty),* $(,)?) => {$(
            writeln!(text, "\nexport {}", without_comments(&<$type>::decl(&config))).unwrap();
        )*};
    }
    declare!(
        About,
        AddDatabase,
        Added,
        Base,
        BundledProgram,
        CheckConfig,
        CheckSummary,
        ChildPhase,
        ChildStatus,
        Condition,
        ConditionCode,
        ConfigCheck,
        ConfigText,
        Credentials,
        DashboardKey,
        DashboardSession,
        DatabaseStatus,
        EpochHistory,
        EpochRecord,
        ErrorCode,
        Event,
        Finding,
        History,
        HistoryHole,
        HostStatus,
        Integrity,
        JobRequest,
        JobState,
        JobSummary,
        LevelSummary,
        LogLine,
        Moment,
        NamedSnapshot,
        OpenedBy,
        Outcome,
        Overall,
        Pause,
        Progress,
        ReplaceConfig,
        Report,
        Restart,
        RestorePlan,
        RestorePoint,
        RestoreRequest,
        ScanReport,
        Screen,
        SetSetting,
        SettingOrigin,
        SettingRow,
        Severity,
        Stage,
        Status,
        StoreStatus,
        Synced,
        Target,
    );
    text
}

/// The comments stay where the types are: in this crate.
fn without_comments(declaration: &str) -> String {
    let mut inside = false;
    let kept = declaration.lines().map(str::trim).filter(|line| {
        inside |= line.starts_with("/**");
        let comment = inside;
        inside &= !line.ends_with("*/");
        !comment && !line.is_empty()
    });
    kept.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_pages_know_these_types() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let wanted = declared();
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&file, &wanted).unwrap();
    }
    let there = std::fs::read_to_string(&file).unwrap_or_default().replace("\r\n", "\n");
    assert!(there == wanted, "`ui/src/lib/api/types.ts` is not current; run `cargo xtask ui --types`");
}
