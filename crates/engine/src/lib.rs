//! The doing of SQLite Replicate: children, store, capture, restore, verify, journal, control.

pub mod adopt;
pub mod config;
