use sqlite_replicate_api::{ConditionCode, Overall};

use super::*;
use crate::render::fixtures::{condition, database, status};

#[test]
fn a_database_is_the_same_through_a_link() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    assert!(same_file(&path, &path));
    assert!(!same_file(&path, &folder.path().join("b.db")));
    std::fs::write(&path, "").unwrap();
    assert!(same_file(&path, &folder.path().join(".").join("a.db")));
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&path, folder.path().join("b.db")).unwrap();
        assert!(same_file(&path, &folder.path().join("b.db")));
    }
}

#[test]
fn the_first_lines_say_everything() {
    assert_eq!(
        changes(None, &status(vec![database("orders")])),
        [
            "local-only: Kept on this PC only. Connect a second PC to survive losing this one.",
            "orders local-only: Every change is stored.",
        ]
    );
}

#[test]
fn then_only_what_is_other() {
    let before = status(vec![database("orders"), database("stock")]);
    assert_eq!(changes(Some(&before), &before), Vec::<String>::new());

    let mut after = before.clone();
    after.databases[0].lag_seconds = 0.7;
    after.databases[0].sentence = "The last change was stored 3 seconds ago.".to_owned();
    assert_eq!(changes(Some(&before), &after), Vec::<String>::new());

    after.overall = Overall::NotProtected;
    after.sentence = "The store does not answer.".to_owned();
    after.databases[0].overall = Overall::NotProtected;
    after.databases[0].conditions = vec![
        condition(ConditionCode::Behind, "Commits wait.", Some("look")),
        condition(ConditionCode::FirstCopy, "The first copy is on its way.", None),
    ];
    after.databases.pop();
    assert_eq!(
        changes(Some(&before), &after),
        [
            "not-protected: The store does not answer.",
            "orders not-protected: The last change was stored 3 seconds ago.",
            "orders behind: Commits wait. (look)",
            "stock is no longer protected",
        ]
    );
    assert!(changes(Some(&after), &before).contains(&"orders behind is over".to_owned()));
}
