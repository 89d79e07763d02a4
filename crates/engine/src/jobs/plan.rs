//! From a wanted moment to the objects that bring it back.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sqlite_replicate_api::{
    Epoch, EpochRecord, ErrorCode, Moment, Name, NamedSnapshot, Report, RestorePlan, Result, Target, Txid,
};

use super::old_format;
use crate::chain::{ChainError, ChainPlan, Listing, Object, TimeSearch};
use crate::ltx::{HEADER_SIZE, Header};
use crate::store::layout::unproved;
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
    /// Keys that it does without, because their objects are damaged.
    pub(crate) damaged: BTreeSet<String>,
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

    async fn header(&self, object: &Object) -> std::result::Result<Header, Stop> {
        let key = self.key(object);
        let bytes = match self.store.get_head(&key, HEADER_SIZE as u64).await {
            Err(report) if is_rotten(&report) => return Err(Stop::Damaged(key)),
            bytes => bytes?,
        };
        Header::parse(&bytes).map_err(|_| Stop::Damaged(key))
    }

    /// The newest transaction that was captured at or before a time.
    async fn find_time(
        &self,
        listing: &Listing,
        wanted: Timestamp,
    ) -> std::result::Result<Option<Txid>, Stop> {
        let mut search = TimeSearch::new(listing, wanted);
        while let Some(object) = search.next_probe() {
            let header = self.header(&object).await?;
            search.answer(header.timestamp);
        }
        Ok(search.found().map(|found| found.point.txid()))
    }

    /// Plans the way to a moment of this line: to a time, to a transaction, or to its end.
    pub(crate) async fn plan(&self, moment: &Moment) -> Result<Planned> {
        match self.plan_around(moment, &BTreeSet::new()).await {
            // No epoch: it is not one of ours, and may be older than the format of today.
            Err(report) if self.epoch.is_none() && report.code == ErrorCode::NoSuchRestorePoint => {
                old_format::plan(self, moment).await?.ok_or(report)
            }
            planned => planned,
        }
    }

    /// The same, but no further than what is proved to leave nothing out: for a line that nobody writes any more, or whose
    /// latest objects are in doubt. A PC may have been lost just when what Litestream captured first after a start was.
    pub(crate) async fn as_far_as_proved(&self, planned: Planned, moment: &Moment) -> Result<Planned> {
        let Some(proved) = self.proved_until().await? else { return Ok(planned) };
        if planned.chain.reached <= proved || !matches!(moment, Moment::Newest | Moment::At(_)) {
            return Ok(planned);
        }
        let listing = self.listing().await?;
        let reachable =
            listing.points().iter().map(|point| point.txid()).filter(|txid| *txid <= proved).max();
        let txid = reachable.unwrap_or(proved);
        let moment = Moment::Txid { txid, epoch: None };
        let planned = self.plan_around(&moment, &planned.damaged).await?;
        let why = "what was captured last could not be proved to be whole, so this is the moment before it";
        Ok(Planned { shortfall: Some(why.to_owned()), ..planned })
    }

    /// The last transaction that is proved to leave nothing out; none while there is no doubt.
    async fn proved_until(&self) -> Result<Option<Txid>> {
        match self.store.get_small(&unproved(&self.prefix)).await {
            Ok(text) => Ok(Some(
                std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok()).unwrap_or_default(),
            )),
            Err(report) if report.code == ErrorCode::NoSuchRestorePoint => Ok(None),
            Err(report) => Err(report),
        }
    }

    /// Plans a way that does without the objects of these keys, because they are damaged. One that turns out to be is
    /// left out as well.
    pub(crate) async fn plan_around(&self, moment: &Moment, damaged: &BTreeSet<String>) -> Result<Planned> {
        let all = self.listing().await?;
        let mut damaged = damaged.clone();
        loop {
            match self.plan_once(&all, moment, &damaged).await {
                Ok(planned) => return Ok(planned),
                Err(Stop::Damaged(key)) if !damaged.contains(&key) => drop(damaged.insert(key)),
                Err(Stop::Damaged(key)) => return Err(damaged_object(&key)),
                Err(Stop::Failed(report)) => return Err(*report),
            }
        }
    }

    async fn plan_once(
        &self,
        all: &Listing,
        moment: &Moment,
        damaged: &BTreeSet<String>,
    ) -> std::result::Result<Planned, Stop> {
        let newest = all.newest().ok_or_else(|| {
            Report::new(ErrorCode::NoSuchRestorePoint, format!("there is no history at `{}`", self.prefix))
                .hint("see what there is with `sqlite-replicate history`")
        })?;
        let whole = |object: &&Object| !damaged.contains(&self.key(object));
        let listing: Listing = all.objects().iter().filter(whole).copied().collect();
        let target = match moment {
            Moment::Newest | Moment::Snapshot(_) => None,
            Moment::Txid { txid, .. } => Some(*txid),
            Moment::At(wanted) => {
                Some(self.find_time(&listing, *wanted).await?.ok_or_else(|| too_old(&listing, *wanted))?)
            }
        };
        let (chain, mut shortfall) = match listing.plan(target) {
            Ok(chain) => (chain, None),
            Err(ChainError::Unreachable { newest_before: Some(before), .. })
                if !matches!(moment, Moment::Txid { .. }) =>
            {
                let chain = listing.plan(Some(before)).map_err(unreachable)?;
                (chain, Some(hole_sentence(newest, before)))
            }
            Err(error) => return Err(unreachable(error).into()),
        };
        // What was left out may have been the end, which leaves no hole.
        let left_out = |object: &&Object| !whole(object) && object.max > chain.reached;
        let wanted = match moment {
            Moment::Txid { .. } => false,
            Moment::At(wanted) => all.objects().iter().filter(left_out).any(|o| o.stored_at <= *wanted),
            Moment::Newest | Moment::Snapshot(_) => chain.reached < newest,
        };
        if shortfall.is_none() && wanted {
            shortfall = Some(hole_sentence(newest, chain.reached));
        }
        let last = chain.objects.last().ok_or_else(|| unreachable(ChainError::Empty))?;
        let header = self.header(last).await?;
        let result_bytes = u64::from(header.commit) * u64::from(header.page_size);
        let after = newest.0.saturating_sub(chain.reached.0);
        let damaged = damaged.clone();
        let time = header.timestamp;
        let line = self.clone();
        Ok(Planned { line, result_bytes, time, shortfall, after, chain, damaged, old: None })
    }
}

/// Why a plan can't be made this way.
enum Stop {
    /// This object is damaged.
    Damaged(String),
    Failed(Box<Report>),
}

impl From<Report> for Stop {
    fn from(report: Report) -> Self {
        Self::Failed(Box::new(report))
    }
}

/// Whether the store itself says that it can't give an object back as it took it.
pub(super) fn is_rotten(report: &Report) -> bool {
    // With one disk `SlowDownRead` is MinIO's word for a file that fails its check: too few good copies of it.
    let words = ["Corrupt", "InternalError", "SlowDownRead"];
    report.causes.iter().any(|cause| words.iter().any(|word| cause.contains(word)))
}

fn damaged_object(key: &str) -> Report {
    Report::new(ErrorCode::HistoryDamaged, format!("the stored object `{key}` is damaged"))
        .hint("run `sqlite-replicate scan --heal`, and choose an earlier moment meanwhile")
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
