//! Brings what a person wrote into one plain form: lower case, ASCII digits and signs, Chinese words as English ones.

/// Words that become others; an earlier line wins over a later one that it contains.
const WORDS: &[(&str, &str)] = &[
    ("个小时", "小时"),
    ("个星期", "星期"),
    ("小时前", " h ago"),
    ("分钟前", " min ago"),
    ("秒钟前", " s ago"),
    ("秒前", " s ago"),
    ("星期前", " weeks ago"),
    ("周前", " weeks ago"),
    ("天前", " days ago"),
    ("以前", " ago"),
    ("小时", " h "),
    ("分钟", " min "),
    ("秒钟", " s "),
    ("前天", " day-before-yesterday "),
    ("昨天", " yesterday "),
    ("昨日", " yesterday "),
    ("今天", " today "),
    ("今日", " today "),
    ("明天", " tomorrow "),
    ("明日", " tomorrow "),
    ("现在", " now "),
    ("凌晨", " am "),
    ("早上", " am "),
    ("上午", " am "),
    ("下午", " pm "),
    ("晚上12", " ? "), // midnight of which day?
    ("晚上", " pm "),
    ("点半", ":30 "),
    ("点整", ":00 "),
    ("点钟", ":00 "),
    ("年", "-"),
    ("月", "-"),
    ("号", " "),
];

/// `周二`, `星期二` and `礼拜二` with the day's own sign.
const WEEKDAYS: &[(char, &str)] = &[
    ('一', "monday"),
    ('二', "tuesday"),
    ('三', "wednesday"),
    ('四', "thursday"),
    ('五', "friday"),
    ('六', "saturday"),
    ('日', "sunday"),
    ('天', "sunday"),
];

/// The plain form; single blanks between words.
pub(super) fn plain(text: &str) -> String {
    let mut plain: String = text.trim().to_lowercase().chars().map(ascii).collect();
    for week in ["星期", "礼拜", "周"] {
        for (sign, day) in WEEKDAYS {
            plain = plain.replace(&format!("{week}{sign}"), &format!(" {day} "));
        }
    }
    for (word, becomes) in WORDS {
        plain = plain.replace(word, becomes);
    }
    let plain = clock_signs(&plain.replace('日', " "));
    let words: Vec<String> = plain.split_whitespace().map(apart).collect();
    words.join(" ")
}

/// Full-width digits and signs, as Chinese keyboards write them.
fn ascii(c: char) -> char {
    match c {
        '\u{3000}' => ' ',
        '\u{ff01}'..='\u{ff5e}' => {
            char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c) // the whole range lies within ASCII then
        }
        _ => c,
    }
}

/// `17点` is `17:00`, `17点30分` is `17:30`.
fn clock_signs(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        match sign {
            '点' | '时' if signs.peek().is_some_and(char::is_ascii_digit) => out.push(':'),
            '点' | '时' => out.push_str(":00 "),
            '分' => out.push(' '),
            _ => out.push(sign),
        }
    }
    out
}

/// Parts what is written without a blank: `5pm`, `2026-11-20t17:00`.
fn apart(word: &str) -> String {
    let digit_before = |at: usize| at > 0 && word.as_bytes()[at - 1].is_ascii_digit();
    for half in ["am", "pm"] {
        if let Some(time) = word.strip_suffix(half)
            && digit_before(time.len())
        {
            return format!("{time} {half}");
        }
    }
    match word.find('t') {
        Some(at) if digit_before(at) && at + 1 < word.len() && word.as_bytes()[..at].contains(&b'-') => {
            format!("{} {}", &word[..at], &word[at + 1..])
        }
        _ => word.to_owned(),
    }
}
