//! The doing of SQLite Replicate: children, store, capture, restore, verify, journal, control.
//!
//! A program embeds it with [`Engine::start`]; see `examples/embed.rs`.

pub mod adopt;
pub mod bundle;
pub mod chain;
pub mod client;
pub mod config;
pub mod control;
pub mod entry;
pub mod health;
pub mod ltx;
pub mod offline;
pub mod wal;

mod add;
mod assess;
mod children;
mod conductor;
mod continuity;
mod core;
mod engine;
mod follower;
mod handle;
mod holders;
mod home;
mod identity;
mod inspect;
mod jobs;
mod journal;
mod look;
mod outside;
mod protect;
mod retention;
mod secrets;
mod settings;
mod sheet;
mod stale_log;
mod store;
mod sync;
mod watch;

pub use engine::{Engine, Options, machine_name};
pub use handle::Handle;
pub use outside::{doctor_of_a_stopped_engine, keep_credentials, litestream_command};
