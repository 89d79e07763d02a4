//! Named snapshots: the objects that bring a moment back, copied to a prefix of their own that no retention touches.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlite_replicate_api::{ErrorCode, Moment, Name, NamedSnapshot, Outcome, Report, Result, Stage};

use super::check::Work;
use super::plan::Line;
use super::proof::until_stored;
use crate::store::{Store, layout, object_of};

/// The description in the store. It is written last: without it there is no snapshot.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Description {
    /// Of the database that it belongs to: a bucket may be shared.
    database_id: String,
    #[serde(flatten)]
    snapshot: NamedSnapshot,
}

/// The named snapshots of a database, oldest first. Descriptions of other databases and unreadable ones are left out.
pub(crate) async fn all(store: &Store, database: &Name, id: &str) -> Result<Vec<NamedSnapshot>> {
    all_of(store, database, &BTreeSet::from([id.to_owned()])).await
}

/// The same for a database that has had several ids.
pub(crate) async fn all_of(
    store: &Store,
    database: &Name,
    ids: &BTreeSet<String>,
) -> Result<Vec<NamedSnapshot>> {
    let mut found = described(store, database).await?;
    found.retain(|description| ids.contains(&description.database_id));
    Ok(found.into_iter().map(|description| description.snapshot).collect())
}

async fn described(store: &Store, database: &Name) -> Result<Vec<Description>> {
    let listed = store.list(&layout::snapshots(database)).await?;
    let mut found = Vec::new();
    for key in listed.iter().map(|listed| &listed.key).filter(|key| key.ends_with(".json")) {
        let bytes = store.get_small(key).await?;
        match serde_json::from_slice::<Description>(&bytes) {
            Ok(description) => found.push(description),
            Err(error) => tracing::warn!(%key, %error, "a snapshot's description can't be understood"),
        }
    }
    found.sort_by_key(|description| description.snapshot.created_at);
    Ok(found)
}

/// Keeps the present moment under a name.
pub(super) async fn snapshot(work: &Work, name: Name) -> Result<Outcome> {
    let (core, database) = (&work.core, &work.database);
    let store = core.store()?;
    if all(&store, &database.name, &database.id).await?.iter().any(|snapshot| snapshot.name == name) {
        return Err(Report::new(
            ErrorCode::TargetExists,
            format!("`{}` has a snapshot named `{name}` already", database.name),
        )
        .hint("choose another name"));
    }
    let txid = until_stored(work).await?;
    let record = database.record();
    let line = Line::of(store.clone(), &record);
    let planned = line.plan(&Moment::Txid { txid, epoch: Some(record.epoch) }).await?;
    let prefix = core.host_key().snapshot(&database.name, &name);
    // What an interrupted one left under this prefix would be restored with it.
    for left in store.list(&format!("{prefix}/")).await? {
        store.delete(&left.key).await?;
    }
    let total = planned.chain.bytes;
    let mut done = 0;
    for object in &planned.chain.objects {
        work.cancel.check()?;
        work.reporter.at(Stage::Copying, done, Some(total));
        let key = line.key(object);
        store.copy(&key, &key.replacen(&record.prefix, &prefix, 1)).await?;
        done += object.size;
    }
    check_copied(&store, &prefix, &planned.chain).await?;
    let snapshot = NamedSnapshot {
        name: name.clone(),
        epoch: record.epoch,
        txid,
        created_at: Timestamp::now(),
        prefix: prefix.clone(),
        bytes: total,
    };
    let description = Description { database_id: database.id.clone(), snapshot };
    let bytes = serde_json::to_vec_pretty(&description)
        .map_err(|error| Report::new(ErrorCode::Internal, "a snapshot can't be described").because(error))?;
    store.put_small(&format!("{prefix}.json"), bytes).await?;
    Ok(Outcome::Snapshot { name, txid, bytes: total })
}

async fn check_copied(store: &Store, prefix: &str, chain: &crate::chain::ChainPlan) -> Result<()> {
    let copied: BTreeMap<String, u64> = store
        .list(&format!("{prefix}/"))
        .await?
        .iter()
        .filter_map(|listed| object_of(prefix, listed))
        .map(|object| (object.key().to_string(), object.size))
        .collect();
    let whole =
        chain.objects.iter().all(|object| copied.get(&object.key().to_string()) == Some(&object.size));
    if whole {
        return Ok(());
    }
    Err(Report::new(ErrorCode::HistoryDamaged, "the snapshot's copy in the store is not whole")
        .hint("try again"))
}
