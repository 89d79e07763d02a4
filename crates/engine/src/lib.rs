//! The doing of SQLite Replicate: children, store, capture, restore, verify, journal, control.

pub mod client;
pub mod control;
pub mod handle;
pub mod health;
