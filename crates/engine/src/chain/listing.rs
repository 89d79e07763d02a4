//! The objects of one prefix, sorted.

use jiff::Timestamp;
use sqlite_replicate_api::Txid;

use crate::ltx::{Level, LtxKey, LtxName};

/// One LTX object of a store, as a LIST names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its level.
    pub level: Level,
    /// First transaction; at least 1.
    pub min: Txid,
    /// Last transaction.
    pub max: Txid,
    /// Bytes.
    pub size: u64,
    /// When the store took it (`LastModified`), by the store's clock. Compacted objects are younger than what
    /// is in them.
    pub stored_at: Timestamp,
    /// When its last transaction was captured (header, or metadata `litestream-timestamp`), if that was
    /// looked up.
    pub timestamp: Option<Timestamp>,
}

impl Object {
    /// The end of its key in the store.
    pub fn key(&self) -> LtxKey {
        LtxKey { level: self.level, name: LtxName { min: self.min, max: self.max } }
    }

    /// Whether it can be applied to a database that is at `reached` and gets it further.
    pub(super) fn extends(&self, reached: Txid) -> bool {
        self.min <= reached.next() && self.max > reached
    }
}

/// The objects of one prefix: one database, one epoch, one writer (DESIGN §3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    objects: Vec<Object>,
}

impl Listing {
    /// Takes a LIST's objects in any order. An object that is named twice counts once (the later in
    /// `objects`), and one that no Litestream writes is left out: an impossible range, or a snapshot that
    /// does not begin at transaction 1.
    pub fn new(mut objects: Vec<Object>) -> Self {
        objects.retain(|o| o.min > Txid(0) && o.min <= o.max && (!o.level.is_snapshot() || o.min == Txid(1)));
        // A stable sort keeps the later of two of one name later.
        objects.sort_by_key(Object::key);
        objects.reverse();
        objects.dedup_by_key(|o| o.key());
        objects.reverse();
        Self { objects }
    }

    /// All objects by level, first and last transaction.
    pub fn objects(&self) -> &[Object] {
        &self.objects
    }

    /// The objects of one level, in order.
    pub fn level(&self, level: Level) -> &[Object] {
        let from = self.objects.partition_point(|o| o.level < level);
        let to = self.objects.partition_point(|o| o.level <= level);
        &self.objects[from..to]
    }

    /// Everything but the snapshots.
    pub(super) fn increments(&self) -> &[Object] {
        &self.objects[..self.objects.partition_point(|o| !o.level.is_snapshot())]
    }

    /// The snapshots, oldest first.
    pub fn snapshots(&self) -> &[Object] {
        self.level(Level::SNAPSHOT)
    }

    /// The highest transaction that any object holds: what the store has, restorable or not.
    pub fn newest(&self) -> Option<Txid> {
        self.objects.iter().map(|o| o.max).max()
    }

    /// Bytes of all objects.
    pub fn bytes(&self) -> u64 {
        self.objects.iter().map(|o| o.size).sum()
    }
}

impl FromIterator<Object> for Listing {
    fn from_iter<I: IntoIterator<Item = Object>>(objects: I) -> Self {
        Self::new(objects.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::oracle::object;

    #[test]
    fn objects_are_sorted_and_named_once() {
        let mut again = object(0, 2, 2);
        again.size = 99;
        let all = [object(9, 1, 3), object(1, 1, 2), object(0, 3, 3), object(0, 2, 2), again];
        let listing: Listing = all.into_iter().collect();
        let ranges: Vec<_> = listing.objects().iter().map(|o| (o.level.number(), o.min.0, o.max.0)).collect();
        assert_eq!(ranges, [(0, 2, 2), (0, 3, 3), (1, 1, 2), (9, 1, 3)]);
        assert_eq!(listing.level(Level::CAPTURED)[0].size, 99);
        assert_eq!(listing.increments().len(), 3);
        assert_eq!(listing.snapshots().len(), 1);
        assert_eq!(listing.newest(), Some(Txid(3)));
        assert_eq!(listing.bytes(), 99 + listing.objects()[1..].iter().map(|o| o.size).sum::<u64>());
    }

    #[test]
    fn what_no_litestream_writes_is_left_out() {
        let mut backwards = object(0, 5, 5);
        backwards.max = Txid(4);
        let mut zero = object(0, 1, 1);
        zero.min = Txid(0);
        let listing: Listing = [backwards, zero, object(9, 2, 3)].into_iter().collect();
        assert_eq!(listing, Listing::default());
        assert_eq!(listing.newest(), None);
    }
}
