//! From keys to LTX objects and back.

use sqlite_replicate_api::Txid;

use super::Listed;
use crate::chain::{Level, Object};
use crate::ltx::LtxName;

/// The prefix of one level's objects: `orders/1.0-pc-3f2a9c1d/0000/`.
pub(crate) fn level_prefix(prefix: &str, level: Level) -> String {
    format!("{prefix}/{level}/")
}

/// The object that a listed key below `prefix` is; none for what is not Litestream's.
pub(crate) fn object_of(prefix: &str, listed: &Listed) -> Option<Object> {
    let (level, name) = listed.key.strip_prefix(prefix)?.strip_prefix('/')?.split_once('/')?;
    let name: LtxName = name.parse().ok()?;
    Some(Object {
        level: level.parse().ok()?,
        min: name.min,
        max: name.max,
        size: listed.bytes,
        stored_at: listed.stored_at,
        timestamp: None,
    })
}

/// The key of an object.
pub(crate) fn key_of(prefix: &str, level: Level, min: Txid, max: Txid) -> String {
    format!("{}{}", level_prefix(prefix, level), LtxName { min, max })
}
