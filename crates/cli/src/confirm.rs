//! A person's word before something that can't be taken for granted; scripts give it with `--yes`.

use std::io::{BufRead, IsTerminal};

use sqlite_replicate_api::{ErrorCode, Report};

use crate::output::{Done, Output};

/// Asks whether to go on. `question` names what will be done: ``Replace `orders.db`?``
pub(crate) fn confirm(output: &Output, question: &str, yes: bool) -> Done {
    if yes {
        return Ok(());
    }
    let stdin = std::io::stdin();
    let terminal = stdin.is_terminal() && std::io::stderr().is_terminal();
    ask(output, question, terminal, &mut stdin.lock())
}

fn ask(output: &Output, question: &str, terminal: bool, answers: &mut impl BufRead) -> Done {
    if !terminal {
        let what = question.trim_end_matches('?');
        let report = Report::new(ErrorCode::BadRequest, format!("this needs a person's word: {what}"))
            .hint("there is no terminal to ask on; `--yes` says so beforehand");
        return Err(report.into());
    }
    output.ask(&format!("{question} [y/N] "))?;
    let mut answer = String::new();
    answers
        .read_line(&mut answer)
        .map_err(|error| Report::new(ErrorCode::Io, "the answer can't be read").because(error))?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" | "是" => Ok(()),
        _ => Err(Report::new(ErrorCode::Cancelled, "you said no; nothing was changed").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::End;
    use crate::output::testing::{Kept, output};

    fn answer(terminal: bool, text: &str) -> (Result<(), ErrorCode>, String) {
        let words = Kept::default();
        let out = output(Kept::default(), words.clone(), false);
        let end = ask(&out, "Replace `orders.db`?", terminal, &mut text.as_bytes());
        let end = end.map_err(|end| match end {
            End::Failed(report) => report.code,
            other => panic!("{other:?}"),
        });
        (end, words.text())
    }

    #[test]
    fn only_a_yes_is_a_yes() {
        for yes in ["y\n", "Y\n", " yes \n", "是\n"] {
            assert_eq!(answer(true, yes), (Ok(()), "Replace `orders.db`? [y/N] ".to_owned()));
        }
        for no in ["\n", "", "n\n", "no\n", "yesterday\n"] {
            assert_eq!(answer(true, no).0, Err(ErrorCode::Cancelled), "{no:?}");
        }
    }

    #[test]
    fn without_a_terminal_nothing_is_asked() {
        assert_eq!(answer(false, "y\n"), (Err(ErrorCode::BadRequest), String::new()));
    }

    #[test]
    fn scripts_say_it_beforehand() {
        let out = output(Kept::default(), Kept::default(), false);
        assert!(confirm(&out, "Replace `orders.db`?", true).is_ok());
    }
}
