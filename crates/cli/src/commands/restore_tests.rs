use clap::Parser;

use super::*;
use crate::output::testing::{Kept, output};

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    restore: Restore,
}

fn line(text: &str) -> Restore {
    Line::try_parse_from(std::iter::once("restore").chain(text.split(' '))).unwrap().restore
}

fn now() -> Zoned {
    "2026-11-21T10:45:30+01:00[Europe/Berlin]".parse().unwrap()
}

fn moment(text: &str) -> Result<Moment> {
    line(text).moment(&now())
}

#[test]
fn which_moment() {
    let name = |text: &str| text.parse::<Name>().unwrap();
    assert_eq!(moment("orders --plan"), Ok(Moment::Newest));
    assert_eq!(moment("orders --at 10:30"), Ok(Moment::At("2026-11-21T09:30:00Z".parse().unwrap())));
    assert_eq!(moment("orders --txid 2f"), Ok(Moment::Txid { txid: Txid(0x2f), epoch: None }));
    let epoch = Epoch { term: 1, n: 2 };
    assert_eq!(
        moment("orders --txid 2f --epoch 1.2"),
        Ok(Moment::Txid { txid: Txid(0x2f), epoch: Some(epoch) })
    );
    assert_eq!(moment("orders --snapshot monday"), Ok(Moment::Snapshot(name("monday"))));
    assert_eq!(moment("orders --at tomorrow").unwrap_err().code, ErrorCode::BadRequest);
}

#[test]
fn the_zone_of_a_time_can_be_named() {
    let restore = line("orders --at 2026-11-20T17:00 --time-zone Asia/Shanghai");
    let moment = restore.moment(&restore.now()).unwrap();
    assert_eq!(moment, Moment::At("2026-11-20T09:00:00Z".parse().unwrap()));
}

#[test]
fn where_to() {
    let here = std::env::current_dir().unwrap();
    assert_eq!(line("orders --to a.db").target(), Ok(Target::File(here.join("a.db"))));
    assert_eq!(line("orders --in-place").target(), Ok(Target::InPlace));
    assert_eq!(line("orders --plan").target(), Ok(Target::InPlace));
    let report = line("orders").target().unwrap_err();
    assert_eq!(report.code, ErrorCode::BadRequest);
    assert!(report.hint.unwrap().contains("--to FILE"));
}

#[test]
fn keys_from_variables() {
    let with = |variables: &[(&str, &str)]| {
        credentials(|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
        .map(|keys| keys.map(|keys| keys.access_key_id))
    };
    let aws = [("AWS_ACCESS_KEY_ID", "aws"), ("AWS_SECRET_ACCESS_KEY", "hush")];
    assert_eq!(with(&[]), Ok(None));
    assert_eq!(with(&[("AWS_ACCESS_KEY_ID", "")]), Ok(None));
    assert_eq!(with(&aws), Ok(Some("aws".to_owned())));
    let ours = [
        ("SQLITE_REPLICATE_STORE_ACCESS_KEY_ID", "ours"),
        ("SQLITE_REPLICATE_STORE_SECRET_ACCESS_KEY", "hush"),
    ];
    assert_eq!(with(&[aws, ours].concat()), Ok(Some("ours".to_owned())));
    let half = with(&[("LITESTREAM_SECRET_ACCESS_KEY", "hush")]).unwrap_err();
    assert_eq!(half.message, "the variable `LITESTREAM_ACCESS_KEY_ID` is not set");
    assert!(!format!("{half:?}").contains("hush"));
}

fn context<'a>(home: &Path, output: &'a Output) -> Context<'a> {
    Context { home: home.to_owned(), config: home.join("config.toml"), bundle: None, output }
}

#[tokio::test]
async fn a_start_script_goes_on_where_the_database_exists() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("a.db");
    std::fs::write(&target, "here already").unwrap();
    let results = Kept::default();
    let out = output(results.clone(), Kept::default(), false);
    let restore = line(&format!("--from s3://bucket/a --if-db-not-exists --to {}", target.display()));
    run(restore, &context(folder.path(), &out)).await.unwrap();
    assert_eq!(results.text(), format!("Nothing to do: `{}` exists.\n", target.display()));
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "here already");
}

#[test]
fn a_broken_link_exists_and_nothing_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    assert_eq!(exists(&path), Ok(false));
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(folder.path().join("nowhere"), &path).unwrap();
        assert_eq!(exists(&path), Ok(true));
    }
    std::fs::write(folder.path().join("file"), "").unwrap();
    #[cfg(unix)]
    assert_eq!(exists(&folder.path().join("file/a.db")).unwrap_err().code, ErrorCode::Io);
}
