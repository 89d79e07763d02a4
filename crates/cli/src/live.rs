//! A screen that is redrawn in place: the terminal's cursor goes back up, each line is overwritten, nothing flickers.

use console::Term;

use crate::output::{Done, Output};

/// A part of the terminal that always shows the last text.
pub(crate) struct Live<'a> {
    output: &'a Output,
    lines: usize,
}

impl<'a> Live<'a> {
    /// Begins where the cursor is.
    pub(crate) fn new(output: &'a Output) -> Self {
        Self { output, lines: 0 }
    }

    /// Shows a text in the place of the last one.
    pub(crate) fn draw(&mut self, text: &str) -> Done {
        let rows = Term::stdout().size_checked().map_or(24, |(rows, _)| usize::from(rows));
        let (frame, lines) = frame(self.lines, text, rows);
        self.lines = lines;
        self.output.raw(&frame)
    }
}

/// What to write so that `text` stands where `above` lines stood, and how many lines stand then. A text that is
/// longer than the terminal is cut: its first lines would scroll away and never be overwritten.
fn frame(above: usize, text: &str, rows: usize) -> (String, usize) {
    let all: Vec<&str> = text.trim_end_matches('\n').lines().collect();
    let room = rows.saturating_sub(1).max(2);
    let shown = if all.len() > room { room - 1 } else { all.len() };
    let mut frame = String::from("\u{1b}[?25l");
    if above > 0 {
        frame.push_str(&format!("\u{1b}[{above}A"));
    }
    frame.push('\r');
    for line in &all[..shown] {
        frame.push_str(line);
        frame.push_str("\u{1b}[K\n");
    }
    let mut lines = shown;
    if shown < all.len() {
        frame.push_str(&format!("… and {} lines more\u{1b}[K\n", all.len() - shown));
        lines += 1;
    }
    frame.push_str("\u{1b}[J\u{1b}[?25h");
    (frame, lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_overwrites_the_one_before() {
        assert_eq!(
            frame(0, "a\nb\n", 24),
            ("\u{1b}[?25l\ra\u{1b}[K\nb\u{1b}[K\n\u{1b}[J\u{1b}[?25h".into(), 2)
        );
        assert_eq!(frame(2, "c", 24), ("\u{1b}[?25l\u{1b}[2A\rc\u{1b}[K\n\u{1b}[J\u{1b}[?25h".into(), 1));
    }

    #[test]
    fn a_frame_never_scrolls() {
        let (text, lines) = frame(0, "1\n2\n3\n4\n5", 4);
        assert_eq!(lines, 3);
        assert!(text.contains("2\u{1b}[K\n… and 3 lines more"), "{text}");
    }
}
