//! The doing of SQLite Replicate: children, store, capture, restore, verify, journal, control.

pub mod config;
pub mod chain;
pub mod ltx;
pub mod wal;

mod bundle;
mod children;
pub mod entry;
mod home;
mod inspect;
mod jobs;
mod journal;
mod secrets;
mod store;
mod watch;
