//! A line for each layer, drawn again and again: what Docker's client makes of a pull's progress where it writes to a terminal (its
//! `jsonmessage`). Text alone: whoever has the terminal writes it.

use crate::view::reclaimed::human_size;

/// A bar has so many places.
const PLACES: u64 = 50;
/// In a window that is not wider there are numbers alone.
const BAR_COLUMNS_MIN: u16 = 110;

/// The lines that are on the terminal.
#[derive(Clone, Debug, Default)]
pub struct Bars {
    /// Whose they are, from the top.
    ids: Vec<String>,
    /// Of the window.
    columns: u16,
}

impl Bars {
    /// None yet.
    pub fn new(columns: u16) -> Bars {
        Bars { ids: Vec::new(), columns }
    }

    /// These lines, each of them at the place of its layer, if it is about one.
    pub fn lines(&mut self, text: &str) -> String {
        let mut shown = String::new();
        for line in text.split_inclusive('\n') {
            match line.trim_end_matches('\n').split_once(": ").filter(|(id, _)| is_layer(id)) {
                Some((id, status)) => shown += &self.place(id, status, ""),
                None => {
                    // Docker's client begins anew below what has no id.
                    self.ids.clear();
                    shown += line;
                }
            }
        }
        shown
    }

    /// So much of a layer is done: `abc: Downloading [==>   ]  1.2MB/3.4MB`.
    pub fn progress(&mut self, id: &str, status: &str, done: u64, whole: u64) -> String {
        let counted = counted(done, whole, self.columns);
        self.place(id, status, &counted)
    }

    fn place(&mut self, id: &str, status: &str, counted: &str) -> String {
        let known = self.ids.iter().position(|shown| shown == id);
        let line = known.unwrap_or_else(|| {
            self.ids.push(id.to_string());
            self.ids.len() - 1
        });
        let (up, begun) = (self.ids.len() - line, if known.is_none() { "\n" } else { "" });
        format!("{begun}\x1b[{up}A\x1b[2K\r{id}: {status} {counted}\r\x1b[{up}B")
    }
}

/// Twelve digits, as Docker shortens digests.
fn is_layer(id: &str) -> bool {
    id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn counted(done: u64, whole: u64, columns: u16) -> String {
    if done == 0 && whole == 0 {
        return String::new();
    }
    if whole == 0 {
        return format!("{:>8}", human_size(done));
    }
    let places = usize::try_from((done.min(whole).saturating_mul(100) / whole) * PLACES / 100).unwrap_or_default();
    let bar = match columns > BAR_COLUMNS_MIN {
        true => format!("[{}>{}] ", "=".repeat(places), " ".repeat(PLACES as usize - places)),
        false => String::new(),
    };
    format!("{bar}{:>8}/{}", human_size(done), human_size(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_layer_keeps_its_line() {
        let mut bars = Bars::new(120);
        assert_eq!(bars.lines("1: Pulling from team/app\n"), "1: Pulling from team/app\n");
        assert_eq!(bars.lines("0123456789ab: Pulling fs layer\n"), "\n\x1b[1A\x1b[2K\r0123456789ab: Pulling fs layer \r\x1b[1B");
        bars.lines("ba9876543210: Pulling fs layer\n");
        let first = bars.progress("0123456789ab", "Downloading", 1_200_000, 3_400_000);
        let bar = format!("[{}>{}] ", "=".repeat(17), " ".repeat(33));
        assert_eq!(first, format!("\x1b[2A\x1b[2K\r0123456789ab: Downloading {bar}   1.2MB/3.4MB\r\x1b[2B"));
        assert_eq!(bars.lines("Digest: sha256:00\n"), "Digest: sha256:00\n");
        assert!(Bars::new(80).progress("0123456789ab", "Downloading", 5, 5).ends_with("Downloading       5B/5B\r\x1b[1B"));
    }

    #[test]
    fn a_bar_ends_where_it_ends() {
        assert!(counted(9, 5, 200).starts_with(&format!("[{}>] ", "=".repeat(50))));
        assert_eq!(counted(u64::MAX, 0, 200), "18.45EB".to_string().replace("18.45EB", &format!("{:>8}", human_size(u64::MAX))));
    }
}
