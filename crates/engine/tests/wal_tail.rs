//! The end of the WAL, while a real SQLite writes it.

use rusqlite::Connection;
use sqlite_replicate_engine::wal::WalTail;

#[test]
fn each_commit_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let mut tail = WalTail::new(&path);
    assert_eq!(tail.poll().unwrap().generation, 0);
    let db = Connection::open(&path).unwrap();
    db.execute_batch("PRAGMA journal_mode = wal; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (x)").unwrap();
    for i in 0..20 {
        let end = tail.poll().unwrap();
        assert_eq!((end.generation, end.commits), (1, 1 + i));
        assert_eq!(end.offset, std::fs::metadata(tail.path()).unwrap().len());
        db.execute("INSERT INTO t VALUES (1)", []).unwrap();
    }
}
