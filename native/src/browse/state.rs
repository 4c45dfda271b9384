//! What is on the screen, and what a key makes of it. Without I/O: what is to be read is a wish.

use glassbox_core::oci::layer::{Touch, Touched};
use glassbox_core::view::layers::LayersView;

use super::content::Content;
use super::rows::{Choice, Row, rows};

/// So far a line goes sideways at once.
const SIDEWAYS: usize = 8;

/// A key that means something here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A line up.
    Up,
    /// A line down.
    Down,
    /// To the left.
    Left,
    /// To the right.
    Right,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the beginning.
    Home,
    /// To the end.
    End,
    /// To the other list.
    Tab,
    /// Open, or fold.
    Enter,
    /// Back to where one came from.
    Back,
    /// Ctrl-C, Ctrl-D.
    Interrupt,
    /// A letter.
    Letter(char),
}

/// What a key asks of whoever has the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Nothing but to be drawn.
    Nothing,
    /// The end.
    Quit,
    /// A file of a layer, counted from 1.
    Read {
        /// Which layer.
        layer: usize,
        /// Which file: absolute.
        path: String,
    },
}

/// Which list the keys move in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pane {
    /// The layers.
    Layers,
    /// The files of one.
    Files,
}

/// What fills the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// Layers and files.
    Lists,
    /// What nobody sees.
    Waste,
    /// A file.
    File(Content),
}

/// All that is on the screen.
#[derive(Clone, Debug)]
pub struct Browser {
    /// Of the image.
    pub view: LayersView,
    /// What fills the screen.
    pub page: Page,
    /// Where the keys go.
    pub pane: Pane,
    /// The layer that is chosen, from 0.
    pub layer: usize,
    /// Its files, as they are listed.
    pub rows: Vec<Row>,
    /// The row that is chosen.
    pub row: usize,
    /// The line of the waste that is chosen.
    pub wasted: usize,
    /// Which files are listed.
    pub choice: Choice,
    /// Lines of a list that are on the screen: whoever draws it says so.
    pub height: usize,
}

impl Browser {
    /// At the lowest layer.
    pub fn new(view: LayersView) -> Browser {
        let mut browser = Browser {
            view,
            page: Page::Lists,
            pane: Pane::Layers,
            layer: 0,
            rows: Vec::new(),
            row: 0,
            wasted: 0,
            choice: Choice::default(),
            height: 1,
        };
        browser.list();
        browser
    }

    /// The file that is chosen.
    pub fn chosen(&self) -> Option<&Touched> {
        let row = self.rows.get(self.row)?;
        self.view.layers.get(self.layer)?.files.get(row.place)
    }

    /// A key was pressed.
    pub fn press(&mut self, key: Key) -> Wish {
        match (&mut self.page, key) {
            (_, Key::Interrupt) | (Page::Lists, Key::Letter('q') | Key::Back) => return Wish::Quit,
            (_, Key::Letter('q') | Key::Back) => self.page = Page::Lists,
            (Page::File(content), key) => scroll(content, key, self.height),
            (Page::Waste, key) => return self.in_waste(key),
            (Page::Lists, key) => return self.in_lists(key),
        }
        Wish::Nothing
    }

    /// A file has been read, or why it could not be.
    pub fn read(&mut self, path: &str, bytes: Result<Vec<u8>, String>) {
        self.page = Page::File(Content::of(path, bytes));
    }

    fn list(&mut self) {
        self.rows = rows(&self.view, self.layer, &self.choice);
        self.row = self.row.min(self.rows.len().saturating_sub(1));
    }

    fn in_lists(&mut self, key: Key) -> Wish {
        match (key, self.pane) {
            (Key::Tab, Pane::Layers) | (Key::Right | Key::Enter | Key::Letter('l'), Pane::Layers) => self.pane = Pane::Files,
            (Key::Tab, Pane::Files) | (Key::Left | Key::Letter('h'), Pane::Files) => self.pane = Pane::Layers,
            (Key::Enter | Key::Right | Key::Letter(' ' | 'l'), Pane::Files) => return self.open(),
            (Key::Letter('w'), _) => self.page = Page::Waste,
            (Key::Letter('u'), _) => {
                self.choice.hidden_only = !self.choice.hidden_only;
                self.row = 0;
                self.list();
            }
            (key, Pane::Files) => self.row = moved(self.row, key, self.rows.len(), self.height),
            (key, Pane::Layers) => {
                let layer = moved(self.layer, key, self.view.layers.len(), self.height);
                if layer != self.layer {
                    (self.layer, self.row) = (layer, 0);
                    self.list();
                }
            }
        }
        Wish::Nothing
    }

    /// A directory is folded or unfolded; a file is read.
    fn open(&mut self) -> Wish {
        let Some((path, folded)) = self.chosen().map(|file| file.path.clone()).zip(self.rows.get(self.row).map(|row| row.folded))
        else {
            return Wish::Nothing;
        };
        match folded {
            None => return Wish::Read { layer: self.layer + 1, path },
            Some(true) => drop(self.choice.folded.remove(&path)),
            Some(false) => drop(self.choice.folded.insert(path)),
        }
        self.list();
        Wish::Nothing
    }

    /// Enter leads to the file in its layer.
    fn in_waste(&mut self, key: Key) -> Wish {
        if key == Key::Letter('w') {
            self.page = Page::Lists;
            return Wish::Nothing;
        }
        let chosen = self.view.waste.get(self.wasted).filter(|_| matches!(key, Key::Enter | Key::Right));
        let Some(waste) = chosen else {
            self.wasted = moved(self.wasted, key, self.view.waste.len(), self.height);
            return Wish::Nothing;
        };
        let (layer, path) = (waste.layer - 1, waste.path.clone());
        (self.page, self.pane, self.layer, self.choice) = (Page::Lists, Pane::Files, layer, Choice::default());
        self.list();
        let files = &self.view.layers.get(layer).map(|layer| layer.files.as_slice()).unwrap_or_default();
        let at = self.rows.iter().position(|row| files.get(row.place).is_some_and(|file| file.path == path));
        self.row = at.unwrap_or_default();
        Wish::Nothing
    }

    /// Bytes and files that nobody sees, by what hides them.
    pub fn causes(&self) -> [(Touch, u64, usize); 2] {
        [Touch::Removed, Touch::Changed].map(|cause| {
            let of = || self.view.waste.iter().filter(|waste| waste.cause == cause);
            (cause, of().map(|waste| waste.bytes).sum(), of().count())
        })
    }
}

/// Where in a list of `count` lines a key leads.
fn moved(at: usize, key: Key, count: usize, height: usize) -> usize {
    let page = height.max(1);
    let to = match key {
        Key::Up | Key::Letter('k') => at.saturating_sub(1),
        Key::Down | Key::Letter('j') => at + 1,
        Key::PageUp => at.saturating_sub(page),
        Key::PageDown => at.saturating_add(page),
        Key::Home | Key::Letter('g') => 0,
        Key::End | Key::Letter('G') => count,
        _ => at,
    };
    to.min(count.saturating_sub(1))
}

fn scroll(content: &mut Content, key: Key, height: usize) {
    match key {
        Key::Left | Key::Letter('h') => content.left = content.left.saturating_sub(SIDEWAYS),
        Key::Right | Key::Letter('l') => content.left += SIDEWAYS,
        key => {
            let tops = content.lines.len().saturating_sub(height.max(1)) + 1;
            content.top = moved(content.top, key, tops, height);
        }
    }
}
