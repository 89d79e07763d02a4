// What crosses the control API. Made from crates/api by `cargo xtask ui --types`; a test of
// crates/api fails when it is not current.

export type About = { 
/**
 * Of this program.
 */
version: string, 
/**
 * `linux x86_64`.
 */
system: string, 
/**
 * The folder of everything that belongs to this host.
 */
home: string, 
/**
 * The language of the status' sentences: `en`, `zh-CN`.
 */
language: string, 
/**
 * The programs that it runs.
 */
programs: Array<BundledProgram>, 
/**
 * Their licences and where their sources are, in Markdown, where they came with the bundle.
 */
notices: string | null, };

export type AddDatabase = { 
/**
 * Where it is; absolute.
 */
path: string, 
/**
 * What to call it; none means after the file.
 */
name: string | null, 
/**
 * Only looks, and says what would be done.
 */
dry_run: boolean, };

export type Added = { 
/**
 * What it is called.
 */
name: string, 
/**
 * Where it is.
 */
path: string, 
/**
 * Its size in bytes.
 */
bytes: number, 
/**
 * What changes in the database: WAL is switched on, Litestream's two small tables.
 */
changes: Array<string>, 
/**
 * What only the program itself can set, and other advice.
 */
advice: Array<string>, 
/**
 * Whether its history is kept on the same disk, so that a broken disk takes both.
 */
same_disk: boolean, };

export type Base = { 
/**
 * The epoch before.
 */
epoch: string, 
/**
 * The last transaction of it that is part of this one; none means that it isn't known.
 */
txid: string | null, };

export type BundledProgram = { 
/**
 * `litestream`, `minio`.
 */
name: string, 
/**
 * Its version, where the bundle says it.
 */
version: string | null, 
/**
 * Its licence, where the bundle says it.
 */
licence: string | null, 
/**
 * The Go module that it was built from, where the bundle says it.
 */
module: string | null, };

export type CheckConfig = { "text": string } | { "set": SetSetting };

export type CheckSummary = { 
/**
 * When it ended.
 */
at: string, 
/**
 * Whether it found what it should.
 */
good: boolean, 
/**
 * What it found, in a sentence.
 */
text: string, };

export type ChildPhase = "stopped" | "starting" | "ready" | "backing-off";

export type ChildStatus = { 
/**
 * `store` or `capture`.
 */
name: string, 
/**
 * How it is.
 */
phase: ChildPhase, 
/**
 * Its process, while there is one.
 */
pid: number | null, 
/**
 * How often it ended by itself since the engine began.
 */
restarts: number, };

export type Condition = { 
/**
 * For programs.
 */
code: ConditionCode, 
/**
 * How bad it is.
 */
severity: Severity, 
/**
 * One sentence of truth, in the configured language.
 */
text: string, 
/**
 * What to do about it, in the configured language.
 */
hint?: string | null, 
/**
 * Since when it has lasted.
 */
since: string, 
/**
 * The screen that fixes it.
 */
screen: Screen, };

export type ConditionCode = "starting" | "first-copy" | "checking" | "restoring" | "store-down" | "store-refused" | "store-full" | "capture-down" | "crash-loop" | "bundle-broken" | "behind" | "database-missing" | "database-replaced" | "not-a-database" | "database-encrypted" | "database-damaged" | "database-read-only" | "database-held" | "database-remote" | "foreign-litestream" | "wal-growing" | "history-damaged" | "history-lost" | "scan-overdue" | "never-drilled" | "drill-overdue" | "drill-failed" | "config-bad" | "health-port-taken" | "notify-failing" | "same-disk" | "low-space" | "clock-set-back" | "paused" | "no-databases";

export type ConfigCheck = { 
/**
 * Everything that is wrong; empty when it could be saved.
 */
problems: Array<Report>, };

export type ConfigText = { 
/**
 * The file.
 */
path: string, 
/**
 * The TOML.
 */
text: string, };

export type Credentials = { 
/**
 * The access key's id.
 */
access_key_id: string, 
/**
 * The secret key.
 */
secret_access_key: string, };

export type DashboardKey = { 
/**
 * The part of the link after `#open=`.
 */
key: string, };

export type DashboardSession = { 
/**
 * To be shown with every request, in the header `X-Dashboard-Proof`. The cookie alone is worth nothing: browsers
 * send it to whatever else listens on this machine, on any port.
 */
proof: string, };

export type DatabaseStatus = { 
/**
 * What it is called.
 */
name: string, 
/**
 * Where it is.
 */
path: string, 
/**
 * The word for this database.
 */
overall: Overall, 
/**
 * One sentence of truth, in the configured language.
 */
sentence: string, 
/**
 * The line of history that is being written.
 */
epoch: string, 
/**
 * Size of the database file, in bytes.
 */
size_bytes: number, 
/**
 * Size of its write-ahead log, in bytes.
 */
wal_bytes: number, 
/**
 * Newest transaction that Litestream has captured on this PC.
 */
here: string | null, 
/**
 * Whether commits exist that Litestream has not captured yet.
 */
uncaptured: boolean, 
/**
 * Newest transaction that the store lists, with everything before it.
 */
stored: string | null, 
/**
 * Newest transaction that another machine has acknowledged; none without a peer.
 */
acknowledged: string | null, 
/**
 * Age in seconds of the oldest commit that is not where it must be (acknowledged by the peer, or without a peer
 * stored); 0 when there is none.
 */
lag_seconds: number, 
/**
 * When the last commit was seen.
 */
last_commit_at: string | null, 
/**
 * When everything up to then was known to be stored.
 */
last_stored_at: string | null, 
/**
 * The last restore made to prove that it works (a drill or a `verify`).
 */
last_drill: CheckSummary | null, 
/**
 * The last scan of the stored history.
 */
last_scan: CheckSummary | null, 
/**
 * What is to be known about it.
 */
conditions: Array<Condition>, };

export type EpochHistory = { 
/**
 * Its birth certificate.
 */
record: EpochRecord, 
/**
 * Its objects by level.
 */
levels: Array<LevelSummary>, 
/**
 * What is missing.
 */
holes: Array<HistoryHole>, 
/**
 * Every transaction that a restore can end with, oldest first.
 */
points: Array<RestorePoint>, };

export type EpochRecord = { 
/**
 * The epoch.
 */
epoch: string, 
/**
 * The random id of the database.
 */
database_id: string, 
/**
 * What the database is called.
 */
database: string, 
/**
 * The random id of the host that writes it.
 */
host_id: string, 
/**
 * What the host is called.
 */
host: string, 
/**
 * Where its objects are, within the bucket.
 */
prefix: string, 
/**
 * Where it comes from; none for the first.
 */
base: Base | null, 
/**
 * Why it was opened.
 */
opened_by: OpenedBy, 
/**
 * When.
 */
opened_at: string, };

export type ErrorCode = "internal" | "io" | "bad-request" | "bad-config" | "config-unreadable" | "engine-not-running" | "engine-already-running" | "unauthorized" | "bundle-broken" | "no-such-database" | "database-already-protected" | "database-missing" | "not-a-database" | "database-encrypted" | "database-damaged" | "database-read-only" | "database-remote" | "database-in-use" | "foreign-litestream" | "store-unreachable" | "store-refused" | "no-such-restore-point" | "target-exists" | "no-space" | "restore-damaged" | "verification-failed" | "history-damaged" | "nothing-to-undo" | "timeout" | "busy" | "unsupported" | "cancelled";

export type Event = { 
/**
 * Grows with each event of a host.
 */
id: number, 
/**
 * When.
 */
at: string, 
/**
 * What, for programs: `started`, `condition-raised`, `restore-finished`, …
 */
kind: string, 
/**
 * To which database.
 */
database?: string | null, 
/**
 * In a sentence.
 */
text: string, };

export type Finding = { "finding": "hole", 
/**
 * The level.
 */
level: number, 
/**
 * The first missing transaction.
 */
first: string, 
/**
 * The last missing transaction.
 */
last: string, 
/**
 * Whether the newest state can't be restored because of it.
 */
blocking: boolean, } | { "finding": "damaged", 
/**
 * Its key.
 */
key: string, 
/**
 * What is wrong with it.
 */
why: string, };

export type History = { 
/**
 * The database.
 */
database: string, 
/**
 * Its epochs, oldest first.
 */
epochs: Array<EpochHistory>, 
/**
 * Its named snapshots, oldest first.
 */
snapshots: Array<NamedSnapshot>, };

export type HistoryHole = { 
/**
 * The level.
 */
level: number, 
/**
 * The first missing transaction.
 */
first: string, 
/**
 * The last missing transaction.
 */
last: string, 
/**
 * Whether the newest state can't be restored because of it.
 */
blocking: boolean, };

export type HostStatus = { 
/**
 * What the owner calls it.
 */
name: string, 
/**
 * Random, made at the first start.
 */
id: string, };

export type Integrity = "none" | "quick" | "full";

export type JobRequest = { "kind": "restore" } & RestoreRequest | { "kind": "undo-restore" } | { "kind": "verify" } | { "kind": "validate" } | { "kind": "drill" } | { "kind": "scan", 
/**
 * Whether what is found is also mended.
 */
heal: boolean, } | { "kind": "snapshot", 
/**
 * The name.
 */
name: string, };

export type JobState = { "state": "running", 
/**
 * How far it is; none before the first report.
 */
progress: Progress | null, } | { "state": "succeeded", 
/**
 * With what.
 */
outcome: Outcome, } | { "state": "failed", 
/**
 * Why.
 */
error: Report, };

export type JobSummary = { 
/**
 * Grows with each job of an engine.
 */
id: number, 
/**
 * What it does.
 */
request: JobRequest, 
/**
 * To which database.
 */
database: string, 
/**
 * When it began.
 */
started_at: string, } & ({ "state": "running", 
/**
 * How far it is; none before the first report.
 */
progress: Progress | null, } | { "state": "succeeded", 
/**
 * With what.
 */
outcome: Outcome, } | { "state": "failed", 
/**
 * Why.
 */
error: Report, });

export type LevelSummary = { 
/**
 * The level.
 */
level: number, 
/**
 * How many.
 */
objects: number, 
/**
 * Their size in bytes.
 */
bytes: number, 
/**
 * First and last transaction.
 */
first: string, 
/**
 * See `first`.
 */
last: string, 
/**
 * When the oldest and the newest were stored.
 */
from: string, 
/**
 * See `from`.
 */
to: string, };

export type LogLine = { 
/**
 * When it was read.
 */
at: string, 
/**
 * `store`, `capture` or `engine`.
 */
source: string, 
/**
 * The line.
 */
text: string, };

export type Moment = "newest" | { "at": string } | { "txid": { 
/**
 * The transaction.
 */
txid: string, 
/**
 * Its epoch; none means the newest.
 */
epoch?: string | null, } } | { "snapshot": string };

export type NamedSnapshot = { 
/**
 * The name.
 */
name: string, 
/**
 * The epoch that it was taken from.
 */
epoch: string, 
/**
 * The transaction.
 */
txid: string, 
/**
 * When it was made.
 */
created_at: string, 
/**
 * Where its objects are, within the bucket.
 */
prefix: string, 
/**
 * Bytes that it takes in the store.
 */
bytes: number, };

export type OpenedBy = "protection" | "restore" | "replacement" | "healing" | "undo" | "vote" | "person" | "machine";

export type Outcome = { "outcome": "restored", 
/**
 * What was done.
 */
plan: RestorePlan, 
/**
 * Where the file is.
 */
path: string, 
/**
 * Its size in bytes.
 */
bytes: number, 
/**
 * Seconds it took.
 */
seconds: number, 
/**
 * The epoch that an in-place restore opened.
 */
epoch?: string | null, } | { "outcome": "undone", 
/**
 * The epoch that it opened.
 */
epoch: string, } | { "outcome": "verified", 
/**
 * Seconds from the commit until it was stored.
 */
stored_after: number, 
/**
 * Seconds from the commit until it was found in the restored copy.
 */
seconds: number, } | { "outcome": "validated", 
/**
 * The transaction that was compared.
 */
txid: string, 
/**
 * Tables that were compared.
 */
tables: number, 
/**
 * Rows that were compared.
 */
rows: number, 
/**
 * Seconds it took.
 */
seconds: number, } | { "outcome": "drilled", 
/**
 * The newest transaction that it held.
 */
txid: string, 
/**
 * Rows in all tables.
 */
rows: number, 
/**
 * Its size in bytes.
 */
bytes: number, 
/**
 * Seconds it took.
 */
seconds: number, } | { "outcome": "scanned" } & ScanReport | { "outcome": "snapshot", 
/**
 * The name.
 */
name: string, 
/**
 * The transaction.
 */
txid: string, 
/**
 * Bytes that it takes in the store.
 */
bytes: number, };

export type Overall = "protected" | "local-only" | "fenced" | "paused" | "catching-up" | "attention" | "not-protected" | "contested";

export type Pause = { 
/**
 * When it resumes by itself; none means when it is told to.
 */
until: string | null, };

export type Progress = { 
/**
 * What it is at.
 */
stage: Stage, 
/**
 * Done so far, in bytes.
 */
done: number, 
/**
 * To be done in all, in bytes, if known.
 */
total: number | null, 
/**
 * Bytes a second lately.
 */
rate: number, 
/**
 * Seconds left in this stage, if that can be said.
 */
seconds_left: number | null, };

export type ReplaceConfig = { 
/**
 * What was read before editing.
 */
base: string, 
/**
 * What is to be written.
 */
text: string, };

export type Report = { 
/**
 * For programs.
 */
code: ErrorCode, 
/**
 * One sentence without a final period, names in backticks: what happened, to which file or PC.
 */
message: string, 
/**
 * Why, outermost first.
 */
causes?: Array<string>, 
/**
 * What to do next.
 */
hint?: string | null, };

export type Restart = "all" | "store" | "capture";

export type RestorePlan = { 
/**
 * The database, where it is known by name.
 */
database: string | null, 
/**
 * From where: the store's address and the prefix, without credentials.
 */
source: string, 
/**
 * The epoch that it is taken from.
 */
epoch: string | null, 
/**
 * The transaction that it ends with; 0 for a backup of Litestream 0.3, which knows none.
 */
txid: string, 
/**
 * When that transaction was captured.
 */
time: string | null, 
/**
 * Objects to fetch.
 */
objects: number, 
/**
 * Their size in bytes.
 */
bytes: number, 
/**
 * Where it goes.
 */
target: Target, 
/**
 * Transactions that are set aside by an in-place restore: captured after the chosen moment.
 */
set_aside: number | null, 
/**
 * Why it is not exactly what was asked for (a hole in the history), in a sentence.
 */
shortfall: string | null, };

export type RestorePoint = { 
/**
 * The transaction.
 */
txid: string, 
/**
 * The finest level that ends with it: 0 each sync, 1 each half minute, …, 9 snapshots.
 */
level: number, 
/**
 * When the object was stored: not earlier than the commit.
 */
time: string, 
/**
 * The object's size in bytes.
 */
bytes: number, };

export type RestoreRequest = { 
/**
 * Which moment.
 */
moment: Moment, 
/**
 * Where to.
 */
target: Target, 
/**
 * How thoroughly it is checked.
 */
integrity: Integrity, };

export type ScanReport = { 
/**
 * Objects that were read.
 */
objects: number, 
/**
 * Their size in bytes.
 */
bytes: number, 
/**
 * What is wrong; empty when all is well.
 */
findings: Array<Finding>, 
/**
 * How it was mended, in sentences; empty when nothing was mended.
 */
healed: Array<string>, };

export type Screen = "overview" | "restore" | "settings" | "activity" | "logs" | "about";

export type SetSetting = { 
/**
 * `capture.sync_interval`.
 */
key: string, 
/**
 * As written in the file, without quotes; none takes the line out.
 */
value: string | null, };

export type SettingOrigin = { "from": "default" } | { "from": "file", 
/**
 * The line, from 1.
 */
line: number, } | { "from": "environment", 
/**
 * The variable's name.
 */
variable: string, };

export type SettingRow = { 
/**
 * `capture.sync_interval`.
 */
key: string, 
/**
 * What kind of value it takes: `duration`, `size`, `number`, `choice`, `choices`, `flag`, `path`, `secret`, …
 */
kind: string, 
/**
 * The words of a `choice` or of `choices`.
 */
words: Array<string>, 
/**
 * What it is for, in one English sentence.
 */
about: string, 
/**
 * The part, or the key of Litestream, that it sets.
 */
wired_to: string, 
/**
 * What starts again when it changes: `nothing`, `capture` or `store`.
 */
restarts: string, 
/**
 * The least value, if there is one.
 */
least: string | null, 
/**
 * The greatest value, if there is one.
 */
most: string | null, 
/**
 * The value without anybody's setting it; none where it depends on the machine or there is none.
 */
default: string | null, 
/**
 * The value now, as it is written in the file without quotes; none if it is not set. Never a secret.
 */
value: string | null, 
/**
 * Where it comes from.
 */
origin: SettingOrigin, 
/**
 * A value of this kind.
 */
example: string, };

export type Severity = "info" | "progress" | "warning" | "failure";

export type Stage = "planning" | "syncing" | "downloading" | "checking" | "comparing" | "scanning" | "healing" | "copying" | "swapping";

export type Status = { 
/**
 * Of the program.
 */
version: string, 
/**
 * This host.
 */
host: HostStatus, 
/**
 * The one word.
 */
overall: Overall, 
/**
 * One sentence of truth, in the configured language.
 */
sentence: string, 
/**
 * When this was true.
 */
at: string, 
/**
 * Every protected database, in the order of the configuration.
 */
databases: Array<DatabaseStatus>, 
/**
 * Where history is kept.
 */
store: StoreStatus, 
/**
 * The bundled programs.
 */
children: Array<ChildStatus>, 
/**
 * What concerns the whole host.
 */
conditions: Array<Condition>, 
/**
 * Long operations that run, or ended lately.
 */
jobs: Array<JobSummary>, 
/**
 * Until when it is paused, if there is an end.
 */
paused_until: string | null, };

export type StoreStatus = { 
/**
 * Whether it is the bundled one.
 */
bundled: boolean, 
/**
 * Its address, without credentials.
 */
endpoint: string, 
/**
 * The bucket.
 */
bucket: string, 
/**
 * The folder of the bundled one.
 */
data_dir: string | null, 
/**
 * Whether it answered the last time it was asked.
 */
reachable: boolean, 
/**
 * Free space where it lies, in bytes, if known.
 */
free_bytes: number | null, };

export type Synced = { 
/**
 * Everything committed before the call is stored with this transaction.
 */
txid: string, 
/**
 * Seconds it took.
 */
seconds: number, };

export type Target = { "file": string } | "in-place";
