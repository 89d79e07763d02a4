use clap::CommandFactory;

use super::*;

fn parse(line: &str) -> Result<Command, clap::Error> {
    let arguments = std::iter::once("sqlite-replicate").chain(line.split_whitespace());
    Cli::try_parse_from(arguments).map(|cli| cli.command)
}

/// The command as it was understood.
fn read(line: &str) -> String {
    match parse(line) {
        Ok(command) => format!("{command:?}"),
        Err(error) => panic!("{line}: {error}"),
    }
}

#[test]
fn the_command_line_holds_together() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_takes_what_it_should() {
    for line in [
        "run",
        "run a.db b.db",
        "run --sample",
        "status",
        "status --watch",
        "status --json",
        "add a.db",
        "add a.db --name a --dry-run",
        "adopt litestream.yml",
        "adopt litestream.yml --dry-run",
        "adopt litestream.yml --yes",
        "remove orders --yes",
        "databases",
        "history orders",
        "history orders --points",
        "history orders --points 5",
        "undo-restore orders -y",
        "snapshot orders before-stocktaking",
        "recovery-sheet",
        "recovery-sheet --to a.txt",
        "verify orders",
        "validate orders",
        "scan orders",
        "scan orders --heal",
        "drill orders",
        "sync orders",
        "checkpoint orders passive",
        "checkpoint orders full",
        "checkpoint orders restart",
        "checkpoint orders truncate",
        "pause",
        "pause --for 1h",
        "pause --until 18:00",
        "resume",
        "restart",
        "restart store",
        "restart capture",
        "stop",
        "stop --timeout 5s",
        "config check",
        "config show",
        "config path",
        "config get capture.sync_interval",
        "config set capture.sync_interval 2s",
        "config set capture.sync_interval --unset",
        "config credentials",
        "logs",
        "logs store -n 5 --follow",
        "logs capture",
        "logs engine",
        "events",
        "events -n 5 -f",
        "doctor",
        "doctor --to a.json",
        "litestream",
        "litestream -- ltx -level all",
        "sample-app",
        "sample-app --every 2s --database a.db --listen 127.0.0.1:80",
        "sample-app --rate 200 --payload 100 --die-with-stdin",
        "completions bash",
    ] {
        read(line);
    }
}

#[test]
fn restore_takes_one_moment_one_target_one_source() {
    for line in [
        "restore orders --to a.db",
        "restore orders --in-place",
        "restore orders --in-place --yes",
        "restore orders --plan",
        "restore orders --at 10:30 --to a.db --time-zone Europe/Berlin",
        "restore orders --txid 2f --to a.db",
        "restore orders --txid 2f --epoch 1.0 --to a.db",
        "restore orders --snapshot monday --to a.db",
        "restore orders --to a.db --integrity quick",
        "restore orders --to a.db --integrity none",
        "restore orders --to a.db --if-db-not-exists --if-replica-exists",
        "restore --from s3://bucket/orders --to a.db --credentials-from-stdin",
        "restore --sheet sheet.txt --to a.db",
        "restore orders --sheet sheet.txt --to a.db --plan",
    ] {
        read(line);
    }
    for line in [
        "restore",
        "restore orders --at 10:30 --txid 2f --to a.db",
        "restore orders --to a.db --in-place",
        "restore orders --snapshot a --at 10:30 --to a.db",
        "restore --from s3://b/o",
        "restore --sheet sheet.txt",
        "restore --from s3://b/o --sheet sheet.txt --to a.db",
        "restore --from s3://b/o --in-place",
        "restore orders --epoch 1.0 --to a.db",
        "restore orders --txid x --to a.db",
        "restore Orders --to a.db",
        "restore orders --time-zone Nowhere/None --to a.db",
        "restore orders --to a.db --integrity some",
        "restore orders --to a.db --credentials-from-stdin",
    ] {
        assert!(parse(line).is_err(), "{line}");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    for line in [
        "",
        "status extra",
        "add",
        "remove",
        "remove A",
        "snapshot orders",
        "checkpoint orders",
        "checkpoint orders most",
        "pause --for 1h --until 18:00",
        "restart both",
        "stop --timeout soon",
        "config",
        "config set a",
        "config set a b --unset",
        "logs minio",
        "logs -n many",
        "litestream ltx",
        "sample-app --rate 0",
        "sample-app --rate 5 --every 1s",
        "sample-app --every 0s",
        "completions tcsh",
        "config credentials AKIA secret",
        "run --plain",
    ] {
        assert!(parse(line).is_err(), "{line}");
    }
}

#[test]
fn options_of_every_command_stand_anywhere() {
    for line in ["--home /h --json status", "status --json --home /h", "status --home=/h --json"] {
        let arguments = std::iter::once("sqlite-replicate").chain(line.split_whitespace());
        let global = Cli::try_parse_from(arguments).unwrap().global;
        assert_eq!((global.home, global.json), (Some(PathBuf::from("/h")), true), "{line}");
    }
}

#[test]
fn litestream_gets_its_arguments_as_they_are() {
    let command = parse("litestream -- restore -o a.db --json s3://b/p").unwrap();
    assert_eq!(
        format!("{command:?}"),
        "Litestream(Litestream { arguments: [\"restore\", \"-o\", \"a.db\", \"--json\", \"s3://b/p\"] })"
    );
}

#[test]
fn a_misunderstood_line_is_a_report() {
    let report = report(&parse("checkpoint orders ful").unwrap_err());
    assert_eq!(report.code.exit_code(), 2);
    assert!(report.message.starts_with("invalid value 'ful' for '<MODE>'"), "{report}");
    assert_eq!(report.hint.as_deref(), Some("a similar value exists: 'full'"));
}

#[test]
fn completions_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let (results, words) = (Kept::default(), Kept::default());
        let out = output(results.clone(), words, false);
        let cli = Cli::try_parse_from(["sqlite-replicate", "completions", shell]).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(crate::commands::run(cli, &out)).unwrap();
        for command in Cli::command().get_subcommands() {
            assert!(results.text().contains(command.get_name()), "{shell}: {}", command.get_name());
        }
    }
}

use crate::output::testing::{Kept, output};

/// `docs/cli.md`, and in it the section of each command.
fn guide() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cli.md");
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_guide_has_every_command_with_every_option() {
    let guide = guide();
    let mut undocumented = Vec::new();
    let mut top = Cli::command();
    top.build();
    for command in top.get_subcommands().filter(|command| command.get_name() != "help") {
        let name = command.get_name();
        let heading = format!("\n### `{name}`");
        let Some((_, section)) = guide.split_once(&heading) else {
            undocumented.push(name.to_owned());
            continue;
        };
        let section = section.split("\n### ").next().unwrap().split("\n## ").next().unwrap();
        let own =
            command.get_subcommands().flat_map(clap::Command::get_arguments).chain(command.get_arguments());
        for argument in own.filter(|argument| !argument.is_global_set()) {
            let Some(long) = argument.get_long() else { continue };
            if !["help", "version"].contains(&long) && !section.contains(&format!("--{long}")) {
                undocumented.push(format!("{name} --{long}"));
            }
        }
    }
    assert_eq!(undocumented, Vec::<String>::new());
}

#[test]
fn the_guide_has_every_exit_code() {
    let guide = guide();
    let mut told = Vec::new();
    for row in guide.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let Ok(exit) = cells[1].parse::<u8>() else { continue };
        let codes = cells[2].split(',').map(|code| code.trim().trim_matches('`')).filter(|code| *code != "–");
        told.extend(codes.map(|code| (code.to_owned(), exit)));
    }
    told.sort();
    let mut meant: Vec<(String, u8)> =
        ErrorCode::ALL.iter().map(|code| (code.to_string(), code.exit_code())).collect();
    meant.sort();
    assert_eq!(told, meant);
}
