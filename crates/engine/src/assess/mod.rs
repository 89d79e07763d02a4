//! From facts to the truth that is shown (DESIGN §4.2). Pure: what is wrong, since when, what the one word is.

mod facts;
mod raise;
mod settle;

pub(crate) use facts::{DatabaseFacts, HostFacts};
pub(crate) use raise::{database_conditions, host_conditions};
pub(crate) use settle::{Settled, Settling, overall_of};
