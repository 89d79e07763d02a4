// What crosses the control API. Made from crates/api by `cargo xtask ui --types`; a test of
// crates/api fails when it is not current.

export type About = {
version: string,
system: string,
home: string,
language: string,
programs: Array<BundledProgram>,
notices: string | null, };

export type AddDatabase = {
path: string,
name: string | null,
dry_run: boolean, };

export type Added = {
name: string,
path: string,
bytes: number,
changes: Array<string>,
advice: Array<string>,
same_disk: boolean, };

export type Base = {
epoch: string,
txid: string | null, };

export type BundledProgram = {
name: string,
version: string | null,
licence: string | null,
module: string | null, };

export type CheckConfig = { "text": string } | { "set": SetSetting };

export type CheckSummary = {
at: string,
good: boolean,
text: string, };

export type ChildPhase = "stopped" | "starting" | "ready" | "backing-off";

export type ChildStatus = {
name: string,
phase: ChildPhase,
pid: number | null,
restarts: number, };

export type Condition = {
code: ConditionCode,
severity: Severity,
text: string,
hint?: string | null,
since: string,
screen: Screen, };

export type ConditionCode = "starting" | "first-copy" | "checking" | "restoring" | "store-down" | "store-refused" | "store-full" | "capture-down" | "crash-loop" | "bundle-broken" | "behind" | "database-missing" | "database-replaced" | "not-a-database" | "database-encrypted" | "database-damaged" | "database-read-only" | "database-held" | "database-remote" | "foreign-litestream" | "wal-growing" | "history-damaged" | "history-lost" | "scan-overdue" | "never-drilled" | "drill-overdue" | "drill-failed" | "config-bad" | "health-port-taken" | "notify-failing" | "same-disk" | "low-space" | "clock-set-back" | "paused" | "no-databases";

export type ConfigCheck = {
problems: Array<Report>, };

export type ConfigText = {
path: string,
text: string, };

export type Credentials = {
access_key_id: string,
secret_access_key: string, };

export type DashboardKey = {
key: string, };

export type DashboardSession = {
proof: string, };

export type DatabaseStatus = {
name: string,
path: string,
overall: Overall,
sentence: string,
epoch: string,
size_bytes: number,
wal_bytes: number,
here: string | null,
uncaptured: boolean,
stored: string | null,
acknowledged: string | null,
lag_seconds: number,
last_commit_at: string | null,
last_stored_at: string | null,
last_drill: CheckSummary | null,
last_scan: CheckSummary | null,
conditions: Array<Condition>, };

export type EpochHistory = {
record: EpochRecord,
levels: Array<LevelSummary>,
holes: Array<HistoryHole>,
points: Array<RestorePoint>, };

export type EpochRecord = {
epoch: string,
database_id: string,
database: string,
host_id: string,
host: string,
prefix: string,
base: Base | null,
opened_by: OpenedBy,
opened_at: string, };

export type ErrorCode = "internal" | "io" | "bad-request" | "bad-config" | "config-unreadable" | "engine-not-running" | "engine-already-running" | "unauthorized" | "bundle-broken" | "no-such-database" | "database-already-protected" | "database-missing" | "not-a-database" | "database-encrypted" | "database-damaged" | "database-read-only" | "database-remote" | "database-in-use" | "foreign-litestream" | "store-unreachable" | "store-refused" | "no-such-restore-point" | "target-exists" | "no-space" | "restore-damaged" | "verification-failed" | "history-damaged" | "nothing-to-undo" | "timeout" | "busy" | "unsupported" | "cancelled";

export type Event = {
id: number,
at: string,
kind: string,
database?: string | null,
text: string, };

export type Finding = { "finding": "hole",
level: number,
first: string,
last: string,
blocking: boolean, } | { "finding": "damaged",
key: string,
why: string, };

export type History = {
database: string,
epochs: Array<EpochHistory>,
snapshots: Array<NamedSnapshot>, };

export type HistoryHole = {
level: number,
first: string,
last: string,
blocking: boolean, };

export type HostStatus = {
name: string,
id: string, };

export type Integrity = "none" | "quick" | "full";

export type JobRequest = { "kind": "restore" } & RestoreRequest | { "kind": "undo-restore" } | { "kind": "verify" } | { "kind": "validate" } | { "kind": "drill" } | { "kind": "scan",
heal: boolean, } | { "kind": "snapshot",
name: string, };

export type JobState = { "state": "running",
progress: Progress | null, } | { "state": "succeeded",
outcome: Outcome, } | { "state": "failed",
error: Report, };

export type JobSummary = {
id: number,
request: JobRequest,
database: string,
started_at: string, } & ({ "state": "running",
progress: Progress | null, } | { "state": "succeeded",
outcome: Outcome, } | { "state": "failed",
error: Report, });

export type LevelSummary = {
level: number,
objects: number,
bytes: number,
first: string,
last: string,
from: string,
to: string, };

export type LogLine = {
at: string,
source: string,
text: string, };

export type Moment = "newest" | { "at": string } | { "txid": {
txid: string,
epoch?: string | null, } } | { "snapshot": string };

export type NamedSnapshot = {
name: string,
epoch: string,
txid: string,
created_at: string,
prefix: string,
bytes: number, };

export type OpenedBy = "protection" | "restore" | "replacement" | "healing" | "undo" | "vote" | "person" | "machine";

export type Outcome = { "outcome": "restored",
plan: RestorePlan,
path: string,
bytes: number,
seconds: number,
epoch?: string | null, } | { "outcome": "undone",
epoch: string, } | { "outcome": "verified",
stored_after: number,
seconds: number, } | { "outcome": "validated",
txid: string,
tables: number,
rows: number,
seconds: number, } | { "outcome": "drilled",
txid: string,
rows: number,
bytes: number,
seconds: number, } | { "outcome": "scanned" } & ScanReport | { "outcome": "snapshot",
name: string,
txid: string,
bytes: number, };

export type Overall = "protected" | "local-only" | "fenced" | "paused" | "catching-up" | "attention" | "not-protected" | "contested";

export type Pause = {
until: string | null, };

export type Progress = {
stage: Stage,
done: number,
total: number | null,
rate: number,
seconds_left: number | null, };

export type ReplaceConfig = {
base: string,
text: string, };

export type Report = {
code: ErrorCode,
message: string,
causes?: Array<string>,
hint?: string | null, };

export type Restart = "all" | "store" | "capture";

export type RestorePlan = {
database: string | null,
source: string,
epoch: string | null,
txid: string,
time: string | null,
objects: number,
bytes: number,
target: Target,
set_aside: number | null,
shortfall: string | null, };

export type RestorePoint = {
txid: string,
level: number,
time: string,
bytes: number, };

export type RestoreRequest = {
moment: Moment,
target: Target,
integrity: Integrity, };

export type ScanReport = {
objects: number,
bytes: number,
findings: Array<Finding>,
healed: Array<string>, };

export type Screen = "overview" | "restore" | "settings" | "activity" | "logs" | "about";

export type SetSetting = {
key: string,
value: string | null, };

export type SettingOrigin = { "from": "default" } | { "from": "file",
line: number, } | { "from": "environment",
variable: string, };

export type SettingRow = {
key: string,
kind: string,
words: Array<string>,
about: string,
wired_to: string,
restarts: string,
least: string | null,
most: string | null,
default: string | null,
value: string | null,
origin: SettingOrigin,
example: string, };

export type Severity = "info" | "progress" | "warning" | "failure";

export type Stage = "planning" | "syncing" | "downloading" | "checking" | "comparing" | "scanning" | "healing" | "copying" | "swapping";

export type Status = {
version: string,
host: HostStatus,
overall: Overall,
sentence: string,
at: string,
databases: Array<DatabaseStatus>,
store: StoreStatus,
children: Array<ChildStatus>,
conditions: Array<Condition>,
jobs: Array<JobSummary>,
paused_until: string | null, };

export type StoreStatus = {
bundled: boolean,
endpoint: string,
bucket: string,
data_dir: string | null,
reachable: boolean,
free_bytes: number | null, };

export type Synced = {
txid: string,
seconds: number, };

export type Target = { "file": string } | "in-place";
