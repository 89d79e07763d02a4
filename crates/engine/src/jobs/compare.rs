//! What a database holds, as one checksum for each table: to compare two of them without having both in memory.
//!
//! Rows are read in the order of the table's own tree, values with their types. Virtual tables are left out (their shadow
//! tables are not), and so are the tables that Litestream and this program write into by themselves.

use std::collections::BTreeMap;

use ring::digest::{Context, SHA256};
use rusqlite::Connection;
use rusqlite::types::ValueRef;

/// Tables whose rows change without the owner's program.
const OURS: [&str; 3] = ["_litestream_seq", "_litestream_lock", "_sqlite_replicate_verification"];

/// What a database holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Content {
    tables: BTreeMap<String, (u64, String)>,
    schema: Vec<String>,
}

impl Content {
    pub(super) fn tables(&self) -> u64 {
        self.tables.len() as u64
    }

    pub(super) fn rows(&self) -> u64 {
        self.tables.values().map(|(rows, _)| rows).sum()
    }

    /// The first difference, in a sentence.
    pub(super) fn difference(&self, other: &Self) -> Option<String> {
        if self.schema != other.schema {
            return Some("the tables are defined differently".to_owned());
        }
        self.tables.iter().find_map(|(name, (rows, digest))| match other.tables.get(name) {
            None => Some(format!("the table `{name}` is missing")),
            Some((other_rows, _)) if other_rows != rows => {
                Some(format!("the table `{name}` has {other_rows} rows instead of {rows}"))
            }
            Some((_, other_digest)) if other_digest != digest => {
                Some(format!("the rows of the table `{name}` differ"))
            }
            Some(_) => None,
        })
    }
}

/// Reads everything that a database holds.
pub(super) fn content(db: &Connection) -> rusqlite::Result<Content> {
    let mut statement =
        db.prepare("SELECT name, type, coalesce(sql, '') FROM sqlite_schema ORDER BY type, name")?;
    let objects: Vec<(String, String, String)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut content = Content::default();
    for (name, kind, sql) in objects {
        if OURS.contains(&name.as_str()) || name.starts_with("sqlite_autoindex__sqlite_replicate") {
            continue;
        }
        content.schema.push(format!("{kind} {name} {sql}"));
        let is_virtual = sql.trim_start().to_ascii_uppercase().starts_with("CREATE VIRTUAL");
        if kind == "table" && !is_virtual {
            let summed = table(db, &name)?;
            content.tables.insert(name, summed);
        }
    }
    Ok(content)
}

fn table(db: &Connection, name: &str) -> rusqlite::Result<(u64, String)> {
    let quoted = name.replace('"', "\"\"");
    // Without an index, so that both databases are read in the same order.
    let mut statement = db.prepare(&format!("SELECT * FROM \"{quoted}\" NOT INDEXED"))?;
    let columns = statement.column_count();
    let mut digest = Context::new(&SHA256);
    let mut count = 0;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        count += 1;
        for column in 0..columns {
            add(&mut digest, row.get_ref(column)?);
        }
    }
    let hex = digest.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((count, hex))
}

/// Adds a value with its type and length, so that no two different rows look the same.
fn add(digest: &mut Context, value: ValueRef<'_>) {
    let mut with = |kind: u8, bytes: &[u8]| {
        digest.update(&[kind]);
        digest.update(&(bytes.len() as u64).to_le_bytes());
        digest.update(bytes);
    };
    match value {
        ValueRef::Null => with(0, &[]),
        ValueRef::Integer(value) => with(1, &value.to_le_bytes()),
        ValueRef::Real(value) => with(2, &value.to_bits().to_le_bytes()),
        ValueRef::Text(value) => with(3, value),
        ValueRef::Blob(value) => with(4, value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sql: &str) -> Content {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(sql).unwrap();
        content(&db).unwrap()
    }

    const BASE: &str = "CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 'x'), (2, NULL);";

    #[test]
    fn equal_content_is_equal_and_ours_does_not_count() {
        let ours = format!(
            "{BASE} CREATE TABLE _litestream_seq (id, seq); INSERT INTO _litestream_seq VALUES (1, 7);"
        );
        assert_eq!(of(BASE).difference(&of(&ours)), None);
        assert_eq!((of(BASE).rows(), of(BASE).tables()), (2, 1));
    }

    #[test]
    fn every_difference_is_found() {
        for other in [
            "CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 'x');",
            "CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 'x'), (2, '');",
            "CREATE TABLE t (a, b); INSERT INTO t VALUES ('1', 'x'), (2, NULL);",
            "CREATE TABLE t (a, b); INSERT INTO t VALUES (2, NULL), (1, 'x');",
            "CREATE TABLE t (a, b, c); INSERT INTO t VALUES (1, 'x', 1), (2, NULL, 1);",
            "CREATE TABLE u (a, b);",
        ] {
            assert!(of(BASE).difference(&of(other)).is_some(), "{other}");
        }
    }
}
