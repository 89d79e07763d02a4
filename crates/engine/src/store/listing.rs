//! From keys to LTX objects and back.

use super::Listed;
use crate::chain::Object;
use crate::ltx::{Level, LtxKey};

/// The prefix of one level's objects: `orders/1.0-pc-3f2a9c1d/0000/`.
pub(crate) fn level_prefix(prefix: &str, level: Level) -> String {
    format!("{prefix}/{:04}/", level.number())
}

/// The object that a listed key below `prefix` is; none for what is not Litestream's.
pub(crate) fn object_of(prefix: &str, listed: &Listed) -> Option<Object> {
    let key: LtxKey = listed.key.strip_prefix(prefix)?.strip_prefix('/')?.parse().ok()?;
    Some(Object {
        level: key.level,
        min: key.name.min,
        max: key.name.max,
        size: listed.bytes,
        stored_at: listed.stored_at,
        timestamp: None,
    })
}

/// The key of an object.
pub(crate) fn key_of(prefix: &str, object: &Object) -> String {
    format!("{prefix}/{}", object.key())
}
