//! The catalogues, compiled in.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::Language;

type Catalogue = BTreeMap<String, String>;

static EN: LazyLock<Catalogue> = LazyLock::new(|| read(include_str!("../../../../assets/i18n/en.json")));
static ZH_CN: LazyLock<Catalogue> =
    LazyLock::new(|| read(include_str!("../../../../assets/i18n/zh-CN.json")));

#[expect(clippy::expect_used, reason = "the text is compiled in, and the tests of this module read it")]
fn read(json: &str) -> Catalogue {
    serde_json::from_str(json).expect("the catalogues are compiled in, and the tests read each of them")
}

/// All entries of a language.
pub(super) fn of(language: Language) -> &'static Catalogue {
    match language {
        Language::En => &EN,
        Language::ZhCn => &ZH_CN,
    }
}

/// An entry, if there is one.
pub(super) fn find(language: Language, key: &str) -> Option<&'static str> {
    of(language).get(key).map(String::as_str)
}

/// An entry that the tests know to be there; its key otherwise, so that a screen shows what is missing.
pub(super) fn get(language: Language, key: &str) -> &str {
    find(language, key).unwrap_or(key)
}
