//! What a program's writing to a terminal comes to: carriage returns, cursor moves and what is drawn over, taken as a VT100 takes them
//! (ECMA-48). Colours are left out.

use std::fmt;

/// Lines that are kept above those that the terminal shows; the oldest go first.
const LINES_ABOVE_MAX: usize = 4000;
/// Rows and columns of a terminal of unknown size.
const SIZE: (u16, u16) = (24, 80);

/// The terminal of one command.
pub struct Screen {
    parser: vt100::Parser,
}

impl Default for Screen {
    fn default() -> Screen {
        Screen { parser: vt100::Parser::new(SIZE.0, SIZE.1, LINES_ABOVE_MAX) }
    }
}

impl fmt::Debug for Screen {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Screen").field("size", &self.parser.screen().size()).finish_non_exhaustive()
    }
}

impl Screen {
    /// Rows and columns, at least one of each.
    pub fn resize(&mut self, (rows, columns): (u16, u16)) {
        self.parser.screen_mut().set_size(rows.max(1), columns.max(1));
    }

    /// Takes what the program wrote.
    pub fn take(&mut self, written: &str) {
        self.parser.process(written.as_bytes());
    }

    /// All that is there, what has scrolled away first; a line that was broken only because the terminal is narrow is whole again.
    /// Ends with a newline unless empty.
    pub fn text(&mut self) -> String {
        let screen = self.parser.screen_mut();
        let (rows, columns) = screen.size();
        screen.set_scrollback(usize::MAX);
        let above = screen.scrollback();
        let mut text = String::new();
        let mut shown = 0;
        while shown < above + usize::from(rows) {
            // A window onto the rows, `scrollback` of them above the terminal's own; the last one overlaps the one before.
            screen.set_scrollback(above.saturating_sub(shown));
            let top = above - screen.scrollback();
            for (row, line) in (0..rows).zip(screen.rows(0, columns)).skip(shown - top) {
                text.push_str(&line);
                if !screen.row_wrapped(row) {
                    text.push('\n');
                }
            }
            shown = top + usize::from(rows);
        }
        screen.set_scrollback(0);
        let end = text.trim_end_matches('\n').len();
        text.truncate(end);
        if !text.is_empty() {
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(size: (u16, u16), written: &str) -> String {
        let mut screen = Screen::default();
        screen.resize(size);
        screen.take(written);
        screen.text()
    }

    #[test]
    fn what_is_drawn_over_is_gone() {
        assert_eq!(shown((5, 20), "one\r\ntwo\r\n\u{1b}[2A\u{1b}[34mONE\u{1b}[0m\r\n"), "ONE\ntwo\n");
        assert_eq!(shown((5, 20), "10%\r20%"), "20%\n");
        assert_eq!(shown((5, 20), ""), "");
    }

    #[test]
    fn nothing_that_scrolls_away_is_lost_and_long_lines_stay_whole() {
        for lines in [1, 3, 4, 5, 7, 8, 9, 100] {
            let written: String = (0..lines).map(|line| format!("line {line}\r\n")).collect();
            assert_eq!(shown((4, 20), &written), written.replace('\r', ""), "{lines} lines");
        }
        assert_eq!(shown((4, 5), "abcdefghijkl\r\nx\r\n"), "abcdefghijkl\nx\n");
    }
}
