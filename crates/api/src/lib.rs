//! What crosses a boundary of SQLite Replicate: configuration, status, commands, events, errors.

pub mod config;
mod control;
mod dashboard;
mod error;
mod history;
mod ids;
mod job;
mod status;
pub mod text;
#[cfg(test)]
mod typescript;
pub mod when;

pub use control::{
    AddDatabase, Added, CheckpointMode, Checkpointed, ConfigText, ControlAddress, Credentials, Event,
    LogLine, Pause, ReplaceConfig, Restart, SetSetting, Synced, http_status,
};
pub use dashboard::{
    About, BundledProgram, CheckConfig, ConfigCheck, DashboardKey, DashboardLink, DashboardSession,
    SettingOrigin, SettingRow,
};
pub use error::{ErrorCode, Report, Result};
pub use history::{
    Base, EpochHistory, EpochRecord, History, HistoryHole, LevelSummary, NamedSnapshot, OpenedBy,
    RestorePoint,
};
pub use ids::{BadName, Epoch, Name, Txid};
pub use job::{
    Finding, Integrity, JobRequest, JobState, JobSummary, Moment, Outcome, Progress, RestorePlan,
    RestoreRequest, ScanReport, Stage, Target,
};
pub use status::{
    CheckSummary, ChildPhase, ChildStatus, Condition, ConditionCode, DatabaseStatus, HostStatus, Overall,
    Screen, Severity, Status, StoreStatus,
};
