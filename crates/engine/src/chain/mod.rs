//! What a listing of LTX objects can restore, and where its holes are. Pure: no I/O, no clock.
//!
//! A restore begins with a whole database (a snapshot, or any file from transaction 1) and goes on with files
//! that each begin no later than one past what has been reached. So a moment can be restored exactly if and
//! only if a file ends there and an unbroken chain of files, none of which goes beyond it, leads there.
//!
//! Litestream captures into level 0, compacts upwards (1, 2, …), and deletes **from the front only**: level 0
//! what level 1 has and is old enough, higher levels what ends before the oldest snapshots. So a gap in the
//! middle of a level is a loss; what lies before its first file is normal trimming. Snapshots (level 9)
//! overlap everything and mend all gaps before them, for the newest state, not for the moments inside.
//!
//! A listing can't show that the newest objects are missing: for that, compare [`Listing::newest`] with what
//! was captured.
//!
//! Source: `CalcRestorePlan`, retention and compaction of Litestream v0.5.18.

mod holes;
mod listing;
mod plan;
mod points;
mod time;

pub use crate::ltx::Level;
pub use holes::{Effect, Hole};
pub use listing::{Listing, Object};
pub use plan::{ChainError, ChainPlan};
pub use points::{Point, RestorableSpan};
pub use time::{Found, TimeSearch};

#[cfg(test)]
mod oracle;
