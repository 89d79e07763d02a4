//! `logs` and `events`: what the programs say, and what happened.

use std::collections::VecDeque;
use std::time::Duration;

use clap::Args;
use jiff::tz::TimeZone;
use sqlite_replicate_api::{Event, LogLine};

use super::{Context, now};
use crate::engine_calls::Client;
use crate::interrupt::Interrupt;
use crate::output::{Done, Output};
use crate::render;

/// How often to look for more.
const LOOK: Duration = Duration::from_millis(500);
/// Lines to look at for what is new; more than any program of ours says in between.
const WINDOW: usize = 1000;
/// Events that are asked for at once.
const PAGE: usize = 1000;

/// Shows what the engine and the bundled programs say
#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// Only one of them
    #[arg(value_parser = ["store", "capture", "engine"])]
    source: Option<String>,
    /// So many lines
    #[arg(long, short = 'n', value_name = "N", default_value_t = 100)]
    lines: usize,
    /// Goes on until Ctrl-C
    #[arg(long, short)]
    follow: bool,
}

/// Shows what happened
#[derive(Debug, Args)]
pub(crate) struct Events {
    /// So many of them
    #[arg(long, short = 'n', value_name = "N", default_value_t = 100)]
    lines: usize,
    /// Goes on until Ctrl-C
    #[arg(long, short)]
    follow: bool,
}

pub(crate) async fn logs(command: Logs, context: &Context<'_>) -> Done {
    let client = context.connect().await?;
    let source = command.source.as_deref();
    let zone = now().time_zone().clone();
    let mut interrupt = Interrupt::listen()?;
    let window = if command.follow { command.lines.max(WINDOW) } else { command.lines };
    let mut seen = client.logs(source, window).await?;
    print_lines(context.output, &seen[seen.len().saturating_sub(command.lines)..], &zone)?;
    if !command.follow {
        return Ok(());
    }
    loop {
        tokio::select! {
            () = interrupt.next() => return Ok(()),
            () = tokio::time::sleep(LOOK) => {}
        }
        let lines = client.logs(source, window).await?;
        print_lines(context.output, unseen(&seen, &lines), &zone)?;
        seen = lines;
    }
}

/// The lines of a window that were not in the window before: what follows the longest end of `before` that `lines`
/// begins with.
fn unseen<'a>(before: &[LogLine], lines: &'a [LogLine]) -> &'a [LogLine] {
    let most = before.len().min(lines.len());
    let overlap = (0..=most).rev().find(|n| before[before.len() - n..] == lines[..*n]).unwrap_or(0);
    &lines[overlap..]
}

fn print_lines(output: &Output, lines: &[LogLine], zone: &TimeZone) -> Done {
    for line in lines {
        output.result(line, |paint| {
            let at = paint.dim(&render::exact(line.at, zone));
            format!("{at} {} {}", paint.cyan(&format!("{:<7}", line.source)), line.text)
        })?;
    }
    Ok(())
}

pub(crate) async fn events(command: Events, context: &Context<'_>) -> Done {
    let client = context.connect().await?;
    let zone = now().time_zone().clone();
    let mut interrupt = Interrupt::listen()?;
    let mut last = VecDeque::new();
    let mut after = 0;
    after_each(&client, &mut after, |event| {
        last.push_back(event);
        if last.len() > command.lines {
            last.pop_front();
        }
        Ok(())
    })
    .await?;
    for event in &last {
        print_event(context.output, event, &zone)?;
    }
    if !command.follow {
        return Ok(());
    }
    loop {
        tokio::select! {
            () = interrupt.next() => return Ok(()),
            () = tokio::time::sleep(LOOK) => {}
        }
        after_each(&client, &mut after, |event| print_event(context.output, &event, &zone)).await?;
    }
}

/// Gives every event after an id to `each`, and moves the id on.
async fn after_each(client: &Client, after: &mut u64, mut each: impl FnMut(Event) -> Done) -> Done {
    loop {
        let page = client.events(*after, PAGE).await?;
        let full = page.len() >= PAGE;
        for event in page {
            *after = event.id;
            each(event)?;
        }
        if !full {
            return Ok(());
        }
    }
}

fn print_event(output: &Output, event: &Event, zone: &TimeZone) -> Done {
    output.result(event, |paint| {
        let at = paint.dim(&render::exact(event.at, zone));
        let database = event.database.as_ref().map_or_else(String::new, |name| format!("{name}: "));
        format!("{at} {database}{} {}", event.text, paint.dim(&format!("({})", event.kind)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::testing::{Kept, output};

    fn lines(texts: &str) -> Vec<LogLine> {
        let line = |text: char| LogLine {
            at: "2026-11-21T10:45:30Z".parse().unwrap(),
            source: "store".to_owned(),
            text: text.to_string(),
        };
        texts.chars().map(line).collect()
    }

    #[test]
    fn no_line_is_shown_twice_and_none_is_left_out() {
        for (before, now, new) in [
            ("", "", ""),
            ("", "ab", "ab"),
            ("abc", "abc", ""),
            ("abc", "bcd", "d"),
            ("aa", "aaa", "a"),
            ("abc", "xyz", "xyz"),
            ("abc", "abcab", "ab"),
            ("abc", "", ""),
        ] {
            assert_eq!(unseen(&lines(before), &lines(now)), lines(new), "{before} {now}");
        }
    }

    #[test]
    fn lines_and_events_as_text_and_as_objects() {
        let zone = TimeZone::UTC;
        let results = Kept::default();
        print_lines(&output(results.clone(), Kept::default(), false), &lines("a"), &zone).unwrap();
        assert_eq!(results.text(), "2026-11-21 10:45:30 store   a\n");
        let event = Event {
            id: 7,
            at: "2026-11-21T10:45:30Z".parse().unwrap(),
            kind: "started".to_owned(),
            database: None,
            text: "The engine began.".to_owned(),
        };
        let results = Kept::default();
        print_event(&output(results.clone(), Kept::default(), true), &event, &zone).unwrap();
        assert_eq!(
            results.text(),
            "{\"id\":7,\"at\":\"2026-11-21T10:45:30Z\",\"kind\":\"started\",\"text\":\"The engine began.\"}\n"
        );
    }
}
