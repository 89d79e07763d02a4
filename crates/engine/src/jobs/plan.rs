//! From a wanted moment to the objects that bring it back.

use jiff::Timestamp;
use sqlite_replicate_api::{
    Epoch, EpochRecord, ErrorCode, Moment, Name, NamedSnapshot, Report, RestorePlan, Result, Target, Txid,
};

use super::old_format;
use crate::chain::{ChainError, ChainPlan, Listing, Object, TimeSearch};
use crate::ltx::{HEADER_SIZE, Header};
use crate::store::{Store, key_of, object_of};

/// One line of history within a bucket.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) store: Store,
    /// Without a slash at its end.
    pub(crate) prefix: String,
    pub(crate) epoch: Option<Epoch>,
    pub(crate) database: Option<Name>,
}

/// A restore that can be done.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    pub(crate) line: Line,
    pub(crate) chain: ChainPlan,
    /// Size of the restored database, in bytes.
    pub(crate) result_bytes: u64,
    pub(crate) time: Timestamp,
    pub(crate) shortfall: Option<String>,
    /// Transactions of the line after the moment.
    pub(crate) after: u64,
    /// Set where the backup is one of Litestream 0.3: then there is no chain of objects.
    pub(crate) old: Option<OldFormat>,
}

/// What a restore from a backup of Litestream 0.3 goes by.
#[derive(Clone, Debug)]
pub(crate) struct OldFormat {
    /// How many there are to fetch.
    pub(crate) objects: usize,
    /// The time to stop at; none: all there is.
    pub(crate) until: Option<Timestamp>,
}

impl Planned {
    /// As it is shown.
    pub(crate) fn shown(&self, target: Target) -> RestorePlan {
        let in_place = matches!(target, Target::InPlace);
        RestorePlan {
            database: self.line.database.clone(),
            source: format!(
                "{}/{}/{}",
                self.line.store.remote().endpoint,
                self.line.store.remote().bucket,
                self.line.prefix
            ),
            epoch: self.line.epoch,
            txid: self.chain.reached,
            time: Some(self.time),
            objects: self.old.as_ref().map_or(self.chain.objects.len(), |old| old.objects),
            bytes: self.chain.bytes,
            target,
            set_aside: in_place.then_some(self.after),
            shortfall: self.shortfall.clone(),
        }
    }
}

impl Line {
    /// The line that an epoch's record names.
    pub(crate) fn of(store: Store, record: &EpochRecord) -> Self {
        let prefix = record.prefix.clone();
        Self { store, prefix, epoch: Some(record.epoch), database: Some(record.database.clone()) }
    }

    /// Lists its objects.
    pub(crate) async fn listing(&self) -> Result<Listing> {
        let listed = self.store.list(&format!("{}/", self.prefix)).await?;
        Ok(Listing::new(listed.iter().filter_map(|listed| object_of(&self.prefix, listed)).collect()))
    }

    /// The key of an object.
    pub(crate) fn key(&self, object: &Object) -> String {
        key_of(&self.prefix, object)
    }

    async fn header(&self, object: &Object) -> Result<Header> {
        let key = self.key(object);
        let bytes = self.store.get_head(&key, HEADER_SIZE as u64).await?;
        Header::parse(&bytes).map_err(|error| {
            Report::new(ErrorCode::HistoryDamaged, format!("the stored object `{key}` is damaged"))
                .because(error)
                .hint("run `sqlite-replicate scan --heal`, and choose an earlier moment meanwhile")
        })
    }

    /// The newest transaction that was captured at or before a time.
    async fn find_time(&self, listing: &Listing, wanted: Timestamp) -> Result<Option<Txid>> {
        let mut search = TimeSearch::new(listing, wanted);
        while let Some(object) = search.next_probe() {
            let header = self.header(&object).await?;
            search.answer(header.timestamp);
        }
        Ok(search.found().map(|found| found.point.txid()))
    }

    /// Plans the way to a moment of this line: to a time, to a transaction, or to its end.
    pub(crate) async fn plan(&self, moment: &Moment) -> Result<Planned> {
        match self.plan_chain(moment).await {
            // No epoch: it is not one of ours, and may be older than the format of today.
            Err(report) if self.epoch.is_none() && report.code == ErrorCode::NoSuchRestorePoint => {
                old_format::plan(self, moment).await?.ok_or(report)
            }
            planned => planned,
        }
    }

    async fn plan_chain(&self, moment: &Moment) -> Result<Planned> {
        let listing = self.listing().await?;
        let newest = listing.newest().ok_or_else(|| {
            Report::new(ErrorCode::NoSuchRestorePoint, format!("there is no history at `{}`", self.prefix))
                .hint("see what there is with `sqlite-replicate history`")
        })?;
        let target = match moment {
            Moment::Newest | Moment::Snapshot(_) => None,
            Moment::Txid { txid, .. } => Some(*txid),
            Moment::At(wanted) => {
                Some(self.find_time(&listing, *wanted).await?.ok_or_else(|| too_old(&listing, *wanted))?)
            }
        };
        let (chain, shortfall) = match listing.plan(target) {
            Ok(chain) => (chain, None),
            Err(ChainError::Unreachable { newest_before: Some(before), .. })
                if !matches!(moment, Moment::Txid { .. }) =>
            {
                let chain = listing.plan(Some(before)).map_err(unreachable)?;
                (chain, Some(hole_sentence(newest, before)))
            }
            Err(error) => return Err(unreachable(error)),
        };
        let last = chain.objects.last().ok_or_else(|| unreachable(ChainError::Empty))?;
        let header = self.header(last).await?;
        let result_bytes = u64::from(header.commit) * u64::from(header.page_size);
        let after = newest.0.saturating_sub(chain.reached.0);
        let (line, time) = (self.clone(), header.timestamp);
        Ok(Planned { line, result_bytes, time, shortfall, after, chain, old: None })
    }
}

fn hole_sentence(newest: Txid, before: Txid) -> String {
    format!(
        "the history has a hole: {} transactions after this moment can't be restored from here",
        newest.0.saturating_sub(before.0)
    )
}

fn unreachable(error: ChainError) -> Report {
    let hint = match error {
        ChainError::Unreachable { newest_before: Some(before), .. } => {
            format!("the newest moment before it is `--txid {before}`")
        }
        _ => "see what there is with `sqlite-replicate history`".to_owned(),
    };
    Report::new(ErrorCode::NoSuchRestorePoint, "that moment can't be restored").because(error).hint(hint)
}

fn too_old(listing: &Listing, wanted: Timestamp) -> Report {
    let report = Report::new(ErrorCode::NoSuchRestorePoint, format!("there is no moment as old as {wanted}"));
    match listing.points().first() {
        Some(first) => report.hint(format!("the oldest moment is around {}", first.object.stored_at)),
        None => report.hint("see what there is with `sqlite-replicate history`"),
    }
}

/// The line of history that a moment belongs to.
pub(crate) fn line_of(
    moment: &Moment,
    epochs: &[EpochRecord],
    snapshots: &[NamedSnapshot],
) -> Result<(String, Epoch)> {
    let record = |record: &EpochRecord| (record.prefix.clone(), record.epoch);
    let nothing = |what: String| {
        Report::new(ErrorCode::NoSuchRestorePoint, what)
            .hint("see what there is with `sqlite-replicate history`")
    };
    match moment {
        Moment::Snapshot(name) => snapshots
            .iter()
            .find(|snapshot| snapshot.name == *name)
            .map(|snapshot| (snapshot.prefix.clone(), snapshot.epoch))
            .ok_or_else(|| nothing(format!("there is no snapshot named `{name}`"))),
        Moment::Txid { epoch: Some(wanted), .. } => epochs
            .iter()
            .find(|record| record.epoch == *wanted)
            .map(record)
            .ok_or_else(|| nothing(format!("there is no epoch `{wanted}`"))),
        // A moment belongs to the epoch that was being written then.
        Moment::At(wanted) => epochs
            .iter()
            .rev()
            .find(|record| record.opened_at <= *wanted)
            .or(epochs.first())
            .map(record)
            .ok_or_else(|| nothing("there is no history yet".to_owned())),
        Moment::Newest | Moment::Txid { epoch: None, .. } => {
            epochs.last().map(record).ok_or_else(|| nothing("there is no history yet".to_owned()))
        }
    }
}
