//! Old epochs go once nothing of them is younger than the retention, and never before the present one is proved: it has a
//! whole copy in the store, and a restore of it worked (DESIGN §2: never past its own last proven snapshot).
//!
//! Within an epoch Litestream trims by itself. Named snapshots have prefixes of their own and are never touched.

use jiff::{SignedDuration, Timestamp};
use sqlite_replicate_api::{EpochRecord, Result};

use crate::chain::Listing;
use crate::core::{Core, Database, lock};
use crate::jobs::plan::Line;
use crate::store::layout;

/// Deletes what is past retention. An interrupted run is made up for by the next one.
pub(crate) async fn trim(core: &Core, database: &Database) -> Result<()> {
    let store = core.store()?;
    let present = database.record();
    let line = |record: &EpochRecord| Line::of(store.clone(), record);
    let drill = lock(&database.checks).drill.clone();
    let proved = drill.is_some_and(|drill| drill.good && drill.at > present.opened_at)
        && !line(&present).listing().await?.snapshots().is_empty();
    if !proved {
        return Ok(());
    }
    let retention =
        SignedDuration::try_from(core.config().capture.retention.duration()).unwrap_or(SignedDuration::MAX);
    for record in core.epochs(database).await?.into_iter().filter(|record| record.epoch < present.epoch) {
        let old = line(&record);
        if is_over(&old.listing().await?, &record, retention, Timestamp::now()) {
            delete(core, database, &old, &record).await?;
        }
    }
    Ok(())
}

/// Whether everything of an epoch is older than the retention. An empty one goes by when it was opened.
fn is_over(listing: &Listing, record: &EpochRecord, retention: SignedDuration, now: Timestamp) -> bool {
    let newest = listing.objects().iter().map(|object| object.stored_at).max().unwrap_or(record.opened_at);
    now.duration_since(newest) > retention
}

/// Objects first, then the record, then our own note of it: whatever is left can be found again.
async fn delete(core: &Core, database: &Database, line: &Line, record: &EpochRecord) -> Result<()> {
    let epoch = record.epoch;
    for listed in line.store.list(&format!("{}/", line.prefix)).await? {
        line.store.delete(&listed.key).await?;
    }
    line.store.delete(&layout::epoch_record(record)).await?;
    let id = database.id.clone();
    core.journal.run(move |journal| journal.forget_epoch(&id, epoch)).await?;
    let text = format!("the history {epoch} of `{}` is past its retention and was deleted", database.name);
    core.event("epoch-deleted", Some(&database.name), text).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use sqlite_replicate_api::{Epoch, OpenedBy, Txid};

    use super::*;
    use crate::chain::Object;
    use crate::ltx::Level;

    #[test]
    fn an_epoch_is_over_when_its_newest_object_is() {
        let at = |hours: i64| Timestamp::from_second(hours * 3600).unwrap();
        let record = EpochRecord {
            epoch: Epoch::FIRST,
            database_id: "d".into(),
            database: "orders".parse().unwrap(),
            host_id: "h".into(),
            host: "H".into(),
            prefix: "p".into(),
            base: None,
            opened_by: OpenedBy::Protection,
            opened_at: at(0),
        };
        let object = |hours| Object {
            level: Level::CAPTURED,
            min: Txid(1),
            max: Txid(1),
            size: 1,
            stored_at: at(hours),
            timestamp: None,
        };
        let retention = SignedDuration::from_hours(72);
        let listing = Listing::new(vec![object(1), object(10)]);
        assert!(!is_over(&listing, &record, retention, at(80)));
        assert!(is_over(&listing, &record, retention, at(83)));
        assert!(is_over(&Listing::new(vec![]), &record, retention, at(73)));
    }
}
