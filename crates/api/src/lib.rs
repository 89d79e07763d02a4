//! What crosses a boundary of SQLite Replicate: configuration, status, commands, events, errors.

pub mod config;
mod error;
mod ids;

pub use error::{ErrorCode, Report, Result};
pub use ids::{BadName, Epoch, Name, Txid};
