use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::catalogue;
use super::render::{Format, Piece, Scene, Slot, Value, fill, pieces};
use super::*;
use crate::{ConditionCode, Overall, Severity};

const EN: Language = Language::En;
const ZH: Language = Language::ZhCn;

/// Saturday 21 November 2026, 10:35:00.
fn now() -> Timestamp {
    "2026-11-21T10:35:00Z".parse().unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn slots(template: &str) -> Vec<Slot<'_>> {
    pieces(template)
        .into_iter()
        .filter_map(|piece| match piece {
            Piece::Literal(text) => {
                assert!(!text.contains(['{', '}']), "a brace without its other half: {template}");
                None
            }
            Piece::Slot(inside) => {
                Some(Slot::parse(inside).unwrap_or_else(|| panic!("`{inside}` of: {template}")))
            }
        })
        .collect()
}

fn names(template: &str) -> BTreeSet<&str> {
    slots(template).into_iter().map(|slot| slot.name).collect()
}

/// Every parameter, of the type that its documentation says.
fn everything() -> Params {
    Params::new(now())
        .in_zone(TimeZone::UTC)
        .text(Param::Address, "127.0.0.1:3001")
        .seconds(Param::By, 300.0)
        .time(Param::Checked, at("2026-11-18T10:35:00Z"))
        .text(Param::Database, "orders")
        .time(Param::Drilled, at("2026-11-12T10:35:00Z"))
        .text(Param::Endpoint, "http://127.0.0.1:9000")
        .bytes(Param::Free, 1 << 30)
        .text(Param::Part, "store")
        .text(Param::Path, "/srv/orders.db")
        .time(Param::Since, at("2026-11-21T10:31:00Z"))
        .bytes(Param::Size, 300 << 20)
        .text(Param::Why, "the reason")
}

#[test]
fn the_catalogues_have_the_same_keys_and_the_same_placeholders() {
    let (english, chinese) = (catalogue::of(EN), catalogue::of(ZH));
    assert_eq!(english.keys().collect::<Vec<_>>(), chinese.keys().collect::<Vec<_>>());
    for (key, template) in english {
        let formats = |template| {
            let plain = |slot: Slot<'_>| match slot.format {
                // Chinese has no plural.
                Format::Noun(..) => format!("{}:Plain", slot.name),
                format => format!("{}:{format:?}", slot.name),
            };
            slots(template).into_iter().map(plain).collect::<BTreeSet<_>>()
        };
        assert_eq!(formats(template), formats(&chinese[key]), "{key}");
        assert!(!template.is_empty() || key == "sentence.gap", "{key}");
    }
}

#[test]
fn each_key_of_a_file_is_there_once() {
    for (language, json) in [
        (EN, include_str!("../../../../assets/i18n/en.json")),
        (ZH, include_str!("../../../../assets/i18n/zh-CN.json")),
    ] {
        let lines = json.lines().filter(|line| line.starts_with("  \"")).count();
        assert_eq!(lines, catalogue::of(language).len(), "{}", language.tag());
    }
}

#[test]
fn every_condition_has_what_its_severity_asks_for_and_is_filled_with_what_is_listed() {
    for code in ConditionCode::ALL {
        for language in Language::ALL {
            let part = |part: &str| catalogue::find(*language, &format!("condition.{code}.{part}"));
            let (text, hint, clause) = (part("text"), part("hint"), part("clause"));
            assert!(text.is_some(), "{code}");
            let matters = code.severity() >= Severity::Warning;
            assert!(hint.is_some() || !matters, "{code} needs a hint");
            assert_eq!(clause.is_some(), code.severity() == Severity::Warning, "{code}: clause");

            let used: BTreeSet<_> = [text, hint, clause].into_iter().flatten().flat_map(names).collect();
            let listed: BTreeSet<_> = Param::of(*code).iter().map(|param| param.name()).collect();
            assert_eq!(used, listed, "{code}, {}", language.tag());

            let words = condition(*code, &everything(), *language);
            let whole = format!("{} {}", words.text, words.hint.unwrap_or_default());
            assert!(!whole.contains(['{', '}']), "{whole}");
        }
        assert_eq!(everything().missing(*code), []);
        assert_eq!(Params::new(now()).missing(*code), Param::of(*code));
    }
}

#[test]
fn nothing_of_the_catalogue_is_for_a_condition_that_does_not_exist() {
    let known: BTreeSet<_> = ConditionCode::ALL.iter().map(|code| code.as_str()).collect();
    for key in catalogue::of(EN).keys() {
        if let Some(rest) = key.strip_prefix("condition.") {
            let (code, part) = rest.split_once('.').unwrap();
            assert!(known.contains(code), "{key}");
            assert!(["text", "hint", "clause"].contains(&part), "{key}");
        }
    }
    for param in Param::ALL {
        assert!(
            ConditionCode::ALL.iter().any(|code| Param::of(*code).contains(param)),
            "{param:?} is unused"
        );
    }
}

#[test]
fn first_sentences_speak_to_an_owner() {
    const JARGON: &[&str] = &[
        "epoch",
        "ltx",
        "bucket",
        "wal",
        "txid",
        "transaction",
        "s3",
        "litestream",
        "minio",
        "checkpoint",
        "lease",
        "fence",
        "fork",
        "lag",
        "inbox",
        "drill",
        "prefix",
        "snapshot",
        "replica",
        "engine",
        "api",
        "json",
        "pragma",
        "error",
        "term",
        "primary",
        "standby",
        "witness",
        "retention",
        "daemon",
    ];
    for language in Language::ALL {
        for (key, template) in catalogue::of(*language) {
            if key.starts_with("overall.") || key.ends_with(".text") || key.ends_with(".clause") {
                let literal: String = pieces(template)
                    .iter()
                    .map(|piece| if let Piece::Literal(text) = piece { *text } else { " " })
                    .collect();
                let lower = literal.to_lowercase();
                let found = lower.split(|c: char| !c.is_ascii_alphanumeric()).find(|word| {
                    JARGON.contains(&word.strip_suffix('s').unwrap_or(word)) || JARGON.contains(word)
                });
                assert_eq!(found, None, "{key}: {template}");
            }
        }
    }
}

#[test]
fn sentences_end_as_sentences_and_clauses_do_not() {
    for language in Language::ALL {
        let stop = if *language == EN { '.' } else { '。' };
        for (key, template) in catalogue::of(*language) {
            if key.ends_with(".clause") {
                assert!(!template.ends_with(stop), "{key}");
            } else if key.ends_with(".text") {
                assert!(template.ends_with(stop), "{key}");
            }
        }
    }
}

#[test]
fn a_missing_parameter_shows_its_name() {
    let words = condition(ConditionCode::LowSpace, &Params::new(now()).text(Param::Path, "/srv"), EN);
    assert_eq!(words.text, "Only {free:bytes} are left on the disk of /srv.");
    let wrong = Params::new(now()).text(Param::Free, "much").text(Param::Path, "/srv");
    assert_eq!(condition(ConditionCode::LowSpace, &wrong, EN).text, words.text);
}

#[test]
fn what_is_filled_in_is_never_a_template() {
    let params = Params::new(now()).text(Param::Database, "{database}{x").text(Param::Why, "{database}");
    let words = condition(ConditionCode::DrillFailed, &params, EN);
    assert_eq!(words.text, "The last restore test of “{database}{x” failed: {database}.");
}

#[test]
fn a_sentence_about_a_condition_reads_well() {
    let words = condition(ConditionCode::DrillOverdue, &everything(), EN);
    assert_eq!(words.text, "“orders” has had no restore test for 9 days.");
    let words = condition(ConditionCode::CrashLoop, &everything(), EN);
    assert_eq!(
        words.text,
        "A part of SQLite Replicate keeps stopping and is started again each time: the keeper of the history."
    );
    let words = condition(ConditionCode::ScanOverdue, &everything(), ZH);
    assert_eq!(words.text, "“orders”的历史已有 3 天没有检查。");
}

fn say(facts: &OverallFacts<'_>) -> [String; 2] {
    [sentence(facts, EN), sentence(facts, ZH)]
}

fn facts(overall: Overall) -> OverallFacts<'static> {
    OverallFacts { zone: TimeZone::UTC, ..OverallFacts::new(overall, now()) }
}

#[test]
fn the_overall_sentences_are_those_of_the_table() {
    let peer = Some("HOST-B");
    let protected =
        OverallFacts { peer, reached_at: Some(at("2026-11-21T10:34:58Z")), ..facts(Overall::Protected) };
    assert_eq!(
        say(&protected),
        [
            "Safe. The last change reached HOST-B 2 seconds ago.",
            "数据安全。最近一次更改已在 2 秒前送达 HOST-B。"
        ]
    );
    assert_eq!(
        say(&facts(Overall::LocalOnly)),
        [
            "Kept on this PC only. Connect a second PC to survive losing this one.",
            "历史只保存在本机。请连接第二台电脑，以防本机损坏。"
        ]
    );
    let copying =
        OverallFacts { peer, done: Some(0.62), seconds_left: Some(180.0), ..facts(Overall::CatchingUp) };
    assert_eq!(
        say(&copying),
        ["Copying to HOST-B: 62 %, about 3 minutes.", "正在复制到 HOST-B：62 %，约剩 3 分钟。"]
    );
    let paused = OverallFacts { paused_until: Some(at("2026-11-22T08:00:00Z")), ..facts(Overall::Paused) };
    assert_eq!(say(&paused), ["Paused by you until tomorrow 08:00.", "已由您暂停，至明天 08:00。"]);
    let fenced = OverallFacts { peer, ..facts(Overall::Fenced) };
    assert_eq!(
        say(&fenced),
        ["This PC is standing by. Work happens on HOST-B.", "本机处于待命状态，业务正在 HOST-B 上运行。"]
    );
    let contested = OverallFacts { since: Some(at("2026-11-21T10:31:00Z")), ..facts(Overall::Contested) };
    assert_eq!(
        say(&contested),
        [
            "Both PCs were used separately since 10:31. Choose which one goes on; nothing is deleted.",
            "自 10:31 起两台电脑各自被使用。请选择以哪一台为准；不会删除任何数据。"
        ]
    );
}

#[test]
fn what_is_under_way_is_named_where_no_figure_is_known() {
    let params = everything();
    let copying =
        OverallFacts { reason: Some((ConditionCode::FirstCopy, &params)), ..facts(Overall::CatchingUp) };
    assert_eq!(
        sentence(&copying, EN),
        "The first copy of “orders” is being made; until it is complete, nothing can be brought back."
    );
    let far = OverallFacts { done: Some(0.999), seconds_left: Some(1.0), ..copying };
    assert_eq!(sentence(&far, EN), "Making the first copy: 99 %, about 1 second.");
}

#[test]
fn attention_names_the_reason_and_claims_no_more_than_is_true() {
    let params = everything();
    let reason = Some((ConditionCode::DrillOverdue, &params));
    let safe = OverallFacts { peer: Some("HOST-B"), reason, ..facts(Overall::Attention) };
    assert_eq!(
        say(&safe),
        [
            "Safe, but “orders” has had no restore test for 9 days. Run one now; it changes nothing.",
            "数据安全，但“orders”已有 9 天没有做恢复演练。请现在演练；它不会更改任何内容。"
        ]
    );
    let alone = OverallFacts { peer: None, ..safe };
    assert!(sentence(&alone, EN).starts_with("Kept on this PC, but "), "{alone:?}");
}

#[test]
fn not_protected_says_since_when_and_only_once() {
    let params = everything();
    let since = Some(at("2026-11-21T10:31:00Z"));
    let down = OverallFacts {
        since,
        reason: Some((ConditionCode::CaptureDown, &params)),
        ..facts(Overall::NotProtected)
    };
    assert_eq!(
        sentence(&down, EN),
        "The recorder of changes does not run, so new changes are not being kept. \
         Changes since 10:31 exist only in the file itself."
    );
    assert_eq!(
        sentence(&down, ZH),
        "更改记录组件没有运行，新的更改没有被保存。10:31 之后的更改只存在于数据库文件本身。"
    );
    let behind = OverallFacts { reason: Some((ConditionCode::Behind, &params)), ..down };
    assert_eq!(sentence(&behind, EN), "Changes to “orders” since 10:31 are not yet in the history.");
    // What is gone or damaged is no place where anything is kept.
    let gone = OverallFacts { reason: Some((ConditionCode::DatabaseMissing, &params)), ..behind };
    assert_eq!(sentence(&gone, EN), "The file of “orders” is gone: /srv/orders.db.");
}

#[test]
fn no_state_leaves_a_hole_in_its_sentence_however_little_is_known() {
    for overall in [
        Overall::Protected,
        Overall::LocalOnly,
        Overall::Fenced,
        Overall::Paused,
        Overall::CatchingUp,
        Overall::Attention,
        Overall::NotProtected,
        Overall::Contested,
    ] {
        for databases in [0, 1] {
            for text in say(&OverallFacts { databases, ..facts(overall) }) {
                assert!(!text.contains('{') && !text.starts_with("overall."), "{text}");
            }
        }
        for language in Language::ALL {
            assert!(catalogue::find(*language, &format!("state.{overall}")).is_some(), "{overall}");
            assert!(!state(overall, *language).is_empty());
        }
    }
}

#[test]
fn each_severity_has_a_word() {
    for language in Language::ALL {
        let all = [Severity::Info, Severity::Progress, Severity::Warning, Severity::Failure];
        let words: BTreeSet<_> = all.map(|level| severity(level, *language)).into();
        assert_eq!(words.len(), 4);
    }
    assert_eq!(severity(Severity::Failure, ZH), "故障");
}

#[test]
fn durations_are_one_unit_with_the_right_plural() {
    for (seconds, english, chinese) in [
        (-5.0, "0 seconds", "0 秒"),
        (f64::NAN, "0 seconds", "0 秒"),
        (1.4, "1 second", "1 秒"),
        (59.4, "59 seconds", "59 秒"),
        (59.6, "1 minute", "1 分钟"),
        (1500.0, "25 minutes", "25 分钟"),
        (3599.0, "1 hour", "1 小时"),
        (47.0 * 3600.0, "47 hours", "47 小时"),
        (48.0 * 3600.0, "2 days", "2 天"),
        (9.0 * 86400.0, "9 days", "9 天"),
    ] {
        assert_eq!([duration(seconds, EN), duration(seconds, ZH)], [english, chinese], "{seconds}");
    }
    assert_eq!([ago(2.0, EN), ago(2.0, ZH)], ["2 seconds ago", "2 秒前"]);
    assert_eq!([ago(0.4, EN), ago(-3.0, ZH)], ["just now", "刚刚"]);
}

#[test]
fn sizes_are_those_that_windows_shows() {
    for (size, text) in [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1023, "1023 bytes"),
        (1024, "1.0 KB"),
        (3_565_158, "3.4 MB"),
        (150 << 20, "150 MB"),
        ((1 << 30) - 1, "1.0 GB"),
        (u64::MAX, "16777216 TB"),
    ] {
        assert_eq!(bytes(size, EN), text);
    }
    assert_eq!(bytes(1, ZH), "1 字节");
}

#[test]
fn moments_are_as_near_as_they_are() {
    for (moment, english, chinese) in [
        ("2026-11-21T00:00:00Z", "00:00", "00:00"),
        ("2026-11-20T23:59:00Z", "yesterday 23:59", "昨天 23:59"),
        ("2026-11-22T08:00:00Z", "tomorrow 08:00", "明天 08:00"),
        ("2026-11-17T17:00:00Z", "Tuesday 17:00", "星期二 17:00"),
        ("2026-11-15T17:00:00Z", "Sunday 17:00", "星期日 17:00"),
        ("2026-11-14T17:00:00Z", "2026-11-14 17:00", "2026-11-14 17:00"),
        ("2026-11-24T17:00:00Z", "2026-11-24 17:00", "2026-11-24 17:00"),
        ("1970-01-01T00:00:00Z", "1970-01-01 00:00", "1970-01-01 00:00"),
    ] {
        let say = |language| clock(at(moment), now(), &TimeZone::UTC, language);
        assert_eq!([say(EN), say(ZH)], [english, chinese]);
    }
    let shanghai = TimeZone::fixed(jiff::tz::offset(8));
    assert_eq!(clock(at("2026-11-20T17:00:00Z"), now(), &shanghai, EN), "01:00");
}

#[test]
fn chinese_has_no_space_between_its_own_characters() {
    let scene = Scene { language: ZH, now: now(), zone: &TimeZone::UTC };
    let fill = |template, value: &str| fill(template, &|_| Some(Value::Text(value.to_owned())), &scene);
    assert_eq!(fill("业务在 {x} 上运行", "HOST-B"), "业务在 HOST-B 上运行");
    assert_eq!(fill("业务在 {x} 上运行", "收银台"), "业务在收银台上运行");
    assert_eq!(fill("{x} 所在的磁盘", "D:\\数据 备份"), "D:\\数据 备份所在的磁盘");
}

#[test]
fn the_language_is_the_chosen_one_or_the_systems() {
    assert_eq!(Language::resolve(Some(ZH), &["en_US.UTF-8"]), ZH);
    assert_eq!(Language::resolve(None, &["", "zh_CN.UTF-8"]), ZH);
    assert_eq!(Language::resolve(None, &["zh-Hans-CN"]), ZH);
    assert_eq!(Language::resolve(None, &["C", "zh_CN.UTF-8"]), EN);
    assert_eq!(Language::resolve(None, &["de_DE.UTF-8"]), EN);
    assert_eq!(Language::resolve(None, &[]), EN);
}
