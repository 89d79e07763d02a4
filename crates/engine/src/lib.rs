//! The doing of SQLite Replicate: children, store, capture, restore, verify, journal, control.

pub mod chain;
pub mod config;
pub mod entry;
pub mod handle;
pub mod ltx;
pub mod wal;

mod assess;
mod bundle;
mod children;
mod conductor;
mod core;
mod engine;
mod follower;
mod home;
mod inspect;
mod jobs;
mod journal;
mod protect;
mod secrets;
mod store;
mod watch;
