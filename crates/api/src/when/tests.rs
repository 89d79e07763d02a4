use super::*;

/// Saturday, 21 November 2026, 10:45:30 in Berlin.
fn now() -> Zoned {
    "2026-11-21T10:45:30+01:00[Europe/Berlin]".parse().unwrap()
}

fn past(text: &str) -> String {
    let time = parse(text, &now()).unwrap_or_else(|bad| panic!("{bad}"));
    time.to_zoned(now().time_zone().clone()).datetime().to_string()
}

fn ahead(text: &str) -> String {
    let time = parse_ahead(text, &now()).unwrap_or_else(|bad| panic!("{bad}"));
    time.to_zoned(now().time_zone().clone()).datetime().to_string()
}

#[test]
fn a_time_alone_is_its_last_occurrence() {
    assert_eq!(past("10:30"), "2026-11-21T10:30:00");
    assert_eq!(past(" 10:30:15 "), "2026-11-21T10:30:15");
    assert_eq!(past("10:45:30"), "2026-11-21T10:45:30");
    assert_eq!(past("10:46"), "2026-11-20T10:46:00");
    assert_eq!(past("23:59:59.5"), "2026-11-20T23:59:59.5");
    assert_eq!(past("9:05"), "2026-11-21T09:05:00");
}

#[test]
fn days_by_name() {
    assert_eq!(past("yesterday 17:00"), "2026-11-20T17:00:00");
    assert_eq!(past("Yesterday at 5:30 PM"), "2026-11-20T17:30:00");
    assert_eq!(past("today 9:00"), "2026-11-21T09:00:00");
    assert_eq!(past("today"), "2026-11-21T00:00:00");
    assert_eq!(past("tuesday 17:00"), "2026-11-17T17:00:00");
    assert_eq!(past("saturday 10:00"), "2026-11-21T10:00:00");
    assert_eq!(past("saturday 17:00"), "2026-11-14T17:00:00");
    assert_eq!(past("Sun 8:00"), "2026-11-15T08:00:00");
    assert_eq!(past("now"), "2026-11-21T10:45:30");
}

#[test]
fn halves_of_the_day() {
    assert_eq!(past("9am"), "2026-11-21T09:00:00");
    assert_eq!(past("9:15 am"), "2026-11-21T09:15:00");
    assert_eq!(past("12 am"), "2026-11-21T00:00:00");
    assert_eq!(past("yesterday 12pm"), "2026-11-20T12:00:00");
    assert!(parse("13am", &now()).is_err());
    assert!(parse("0pm", &now()).is_err());
    assert!(parse("pm", &now()).is_err());
    assert!(parse("5", &now()).is_err());
}

#[test]
fn so_long_ago() {
    assert_eq!(past("2 h ago"), "2026-11-21T08:45:30");
    assert_eq!(past("2h ago"), "2026-11-21T08:45:30");
    assert_eq!(past("90 min ago"), "2026-11-21T09:15:30");
    assert_eq!(past("1h30m ago"), "2026-11-21T09:15:30");
    assert_eq!(past("3 days ago"), "2026-11-18T10:45:30");
    assert_eq!(past("1 week ago"), "2026-11-14T10:45:30");
    assert_eq!(past("1 second ago"), "2026-11-21T10:45:29");
}

#[test]
fn dates() {
    assert_eq!(past("2026-11-20"), "2026-11-20T00:00:00");
    assert_eq!(past("2026-11-20 17:00"), "2026-11-20T17:00:00");
    assert_eq!(past("2026-11-20 17:00:05"), "2026-11-20T17:00:05");
    assert_eq!(past("2026-11-20 17:00:05.123"), "2026-11-20T17:00:05.123");
    assert_eq!(past("2026/11/20 7:00"), "2026-11-20T07:00:00");
    assert_eq!(past("2026-11-20T17:00"), "2026-11-20T17:00:00");
    assert_eq!(past("2026-1-5"), "2026-01-05T00:00:00");
    assert_eq!(past("2026-11-20T17:00:00Z"), "2026-11-20T18:00:00");
    assert_eq!(past("2026-11-20T17:00:00+01:00"), "2026-11-20T17:00:00");
    assert_eq!(past("2026-11-20 17:00:00.25-05:00"), "2026-11-20T23:00:00.25");
}

#[test]
fn chinese() {
    assert_eq!(past("昨天 17:00"), "2026-11-20T17:00:00");
    assert_eq!(past("昨天17：00"), "2026-11-20T17:00:00");
    assert_eq!(past("昨天下午5点半"), "2026-11-20T17:30:00");
    assert_eq!(past("前天 8:00"), "2026-11-19T08:00:00");
    assert_eq!(past("今天"), "2026-11-21T00:00:00");
    assert_eq!(past("今天9点"), "2026-11-21T09:00:00");
    assert_eq!(past("今天上午9点20分"), "2026-11-21T09:20:00");
    assert_eq!(past("2 小时前"), "2026-11-21T08:45:30");
    assert_eq!(past("２个小时前"), "2026-11-21T08:45:30");
    assert_eq!(past("10 分钟前"), "2026-11-21T10:35:30");
    assert_eq!(past("3 天前"), "2026-11-18T10:45:30");
    assert_eq!(past("1周前"), "2026-11-14T10:45:30");
    assert_eq!(past("周二 17:00"), "2026-11-17T17:00:00");
    assert_eq!(past("星期天 8:00"), "2026-11-15T08:00:00");
    assert_eq!(past("2026年11月20日 17:00"), "2026-11-20T17:00:00");
    assert_eq!(past("现在"), "2026-11-21T10:45:30");
    assert_eq!(ahead("明天8点"), "2026-11-22T08:00:00");
}

#[test]
fn what_is_to_come() {
    assert_eq!(ahead("18:00"), "2026-11-21T18:00:00");
    assert_eq!(ahead("8:00"), "2026-11-22T08:00:00");
    assert_eq!(ahead("tomorrow 08:00"), "2026-11-22T08:00:00");
    assert_eq!(ahead("monday 8:00"), "2026-11-23T08:00:00");
    assert_eq!(ahead("saturday 8:00"), "2026-11-28T08:00:00");
    assert_eq!(ahead("2026-12-01"), "2026-12-01T00:00:00");
    for over in ["yesterday", "now", "2026-11-20 17:00", "2 h ago"] {
        assert!(matches!(parse_ahead(over, &now()), Err(BadWhen::InThePast { .. })), "{over}");
    }
}

#[test]
fn a_past_moment_is_not_to_come() {
    for future in ["tomorrow", "today 10:46", "2026-11-21 10:45:31", "2027-01-01", "2026-11-21T10:00:00Z"] {
        let bad = parse(future, &now()).unwrap_err();
        assert!(matches!(bad, BadWhen::InTheFuture { .. }), "{future}");
    }
    let report = Report::from(parse("tomorrow 08:00", &now()).unwrap_err());
    assert_eq!(report.message, "`tomorrow 08:00` is still to come (it means 2026-11-22 08:00:00 +01:00)");
    assert!(report.hint.is_some());
}

#[test]
fn nonsense_is_refused_with_what_to_write() {
    let nonsense = [
        "",
        " ",
        "soon",
        "25:00",
        "10:60",
        "10:30:61",
        "10",
        "10:",
        ":30",
        "+10:30",
        "10:-5",
        "2026-13-01",
        "2026-02-30",
        "26-11-20",
        "yesterday today",
        "yesterday 17:00 18:00",
        "ago",
        "h ago",
        "2 ago",
        "2 parsecs ago",
        "-2 h ago",
        "99999999999999999999 h ago",
        "9999999999 days ago",
        "10:30.5",
        "10:30:15.1234567890",
        "am pm 5",
        "at",
        "昨天的",
        "2026-11-20T",
        "日",
        "昨天晚上12点",
    ];
    for text in nonsense {
        assert!(matches!(parse(text, &now()), Err(BadWhen::NotATime { .. })), "{text:?}");
    }
    let report = Report::from(parse("soon", &now()).unwrap_err());
    assert_eq!(report.message, "`soon` is not a time");
    assert!(report.hint.unwrap().contains("yesterday 17:00"));
}

/// Berlin sets its clocks back on 25 October 2026 at 03:00 and forward on 29 March 2026 at 02:00.
#[test]
fn clock_times_that_happen_twice_or_never() {
    let utc = |text: &str| parse(text, &now()).unwrap().to_string();
    assert_eq!(utc("2026-10-25 02:30"), "2026-10-25T00:30:00Z"); // the first of two
    assert_eq!(utc("2026-10-25 02:30:00+01:00"), "2026-10-25T01:30:00Z"); // the second
    assert_eq!(utc("2026-03-29 02:30"), "2026-03-29T01:30:00Z"); // shown as 03:30
    // A day by the calendar, not 24 hours: the clock shows the same.
    let after: Zoned = "2026-10-25T12:00:00+01:00[Europe/Berlin]".parse().unwrap();
    assert_eq!(parse("1 day ago", &after).unwrap().to_string(), "2026-10-24T10:00:00Z");
    assert_eq!(parse("24 h ago", &after).unwrap().to_string(), "2026-10-24T11:00:00Z");
}

#[test]
fn durations() {
    for (text, seconds) in [
        ("1h", 3600),
        ("30m", 1800),
        ("90 s", 90),
        ("1h30m", 5400),
        ("1 h 30 min", 5400),
        ("2 days", 172_800),
        ("1w", 604_800),
        ("1 小时", 3600),
        ("10分钟", 600),
    ] {
        assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
    }
    for bad in ["", "0s", "h", "1", "1h ago", "-1h", "1.5h", "99999999999999999999h", "9223372036854775807w"]
    {
        assert!(matches!(duration(bad), Err(BadWhen::NotADuration { .. })), "{bad:?}");
    }
}

/// Zones with and without changes of their clocks, on both sides of the globe and of the date line.
const ZONES: [&str; 6] =
    ["UTC", "Europe/Berlin", "America/New_York", "Asia/Shanghai", "Australia/Lord_Howe", "Pacific/Apia"];

/// Times all around the clock, in each zone, throughout ten days around each of two changes of clocks.
#[test]
fn a_time_alone_is_never_in_the_future_and_never_further_than_a_day() {
    for zone in ZONES {
        for start in ["2026-03-26T00:00:00Z", "2026-10-23T00:00:00Z"] {
            let start: Timestamp = start.parse().unwrap();
            for hour in (0..240).step_by(3) {
                let now = start.checked_add(SignedDuration::from_secs(hour * 3600 + 1234)).unwrap();
                let now = now.in_tz(zone).unwrap();
                for minute in (0..1440).step_by(90) {
                    let text = format!("{}:{:02}", minute / 60, minute % 60);
                    let time = parse(&text, &now).unwrap();
                    let age = now.timestamp().duration_since(time);
                    assert!(age >= SignedDuration::ZERO, "{text} at {now}");
                    assert!(age <= SignedDuration::from_hours(25), "{text} at {now}: {age}");
                    let next = parse_ahead(&text, &now).unwrap().duration_since(now.timestamp());
                    assert!(next > SignedDuration::ZERO, "{text} at {now}");
                    assert!(next <= SignedDuration::from_hours(25), "{text} at {now}: {next}");
                }
            }
        }
    }
}

#[test]
fn what_is_written_is_what_is_read() {
    for zone in ZONES {
        let now = now().with_time_zone(jiff::tz::TimeZone::get(zone).unwrap());
        for back in (0..200).map(|n| n * 7919) {
            let time = now.timestamp().checked_sub(SignedDuration::from_secs(back * 7)).unwrap();
            assert_eq!(parse(&time.to_string(), &now), Ok(time));
            let wall = time.to_zoned(now.time_zone().clone());
            let text = wall.strftime("%Y-%m-%d %H:%M:%S").to_string();
            let read = parse(&text, &now).unwrap().to_zoned(now.time_zone().clone());
            assert_eq!(read.datetime(), wall.datetime(), "{text} in {zone}");
            let ago = format!("{} s ago", back);
            assert_eq!(
                parse(&ago, &now).unwrap(),
                now.timestamp().checked_sub(SignedDuration::from_secs(back)).unwrap()
            );
        }
    }
}

/// Whatever is typed, there is an answer.
#[test]
fn no_text_makes_it_fall_over() {
    let signs: Vec<char> = "0123456789:.-/ tTzZapmsh昨今天前小时分点半日月年周二５：".chars().collect();
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..2_000 {
        let mut text = String::new();
        for _ in 0..12 {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            let pick = usize::try_from(seed >> 33).unwrap() % signs.len();
            text.push(signs[pick]);
            if let Ok(time) = parse(&text, &now()) {
                assert!(time <= now().timestamp(), "{text}");
            }
            if let Ok(time) = parse_ahead(&text, &now()) {
                assert!(time > now().timestamp(), "{text}");
            }
            let _ = duration(&text);
        }
    }
}
