//! The screen as ratatui's test backend has it.

use glassbox_core::oci::layer::{Touch, Touched, Waste};
use glassbox_core::view::layers::{LayerView, LayersView};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::draw::draw;
use super::state::{Browser, Key, Page, Pane, Wish};

fn touched(path: &str, touch: Touch, kind: &str, bytes: u64) -> Touched {
    Touched { path: path.into(), touch, kind: kind.into(), bytes, mode: 0o644, owner: (0, 0), opaque: false }
}

/// Two files in a directory, of which the next layer removes one.
fn view() -> LayersView {
    let lower = vec![
        touched("/data", Touch::Added, "directory", 0),
        touched("/data/big", Touch::Added, "file", 5_000_000),
        touched("/data/small", Touch::Added, "file", 10),
        touched("/data-sheet", Touch::Added, "file", 20),
    ];
    let upper = vec![touched("/data", Touch::Changed, "directory", 0), touched("/data/big", Touch::Removed, "file", 0)];
    let layer = |number: usize, created_by: &str, bytes, wasted_bytes, files| LayerView {
        number,
        diff_id: format!("sha256:{number:064}"),
        digest: String::new(),
        created_by: created_by.into(),
        bytes,
        blob_bytes: bytes,
        wasted_bytes,
        files,
    };
    LayersView {
        id: "sha256:00".into(),
        names: vec!["web:1".into()],
        layers: vec![layer(1, "COPY data /data", 5_000_030, 5_000_000, lower), layer(2, "RUN rm /data/big", 0, 0, upper)],
        bytes: 5_000_030,
        seen_bytes: 30,
        wasted_bytes: 5_000_000,
        wasted_basis_points: 9_999,
        waste: vec![Waste { path: "/data/big".into(), bytes: 5_000_000, layer: 1, by: 2, cause: Touch::Removed }],
    }
}

fn shown(browser: &mut Browser, columns: u16, rows: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| draw(frame, browser)).unwrap();
    terminal.backend().to_string()
}

fn press(browser: &mut Browser, keys: &[Key]) -> Vec<Wish> {
    keys.iter().map(|key| browser.press(*key)).filter(|wish| *wish != Wish::Nothing).collect()
}

fn has(screen: &str, wanted: &[&str]) {
    for wanted in wanted {
        assert!(screen.contains(wanted), "no {wanted:?} in\n{screen}");
    }
}

#[test]
fn layers_stand_left_and_their_files_right() {
    let mut browser = Browser::new(view());
    let screen = shown(&mut browser, 80, 24);
    assert_eq!(screen.lines().count(), 24);
    has(&screen, &["web:1: 5MB in 2 layers, 5MB (99.99%) hidden by later layers", "Layers, the lowest first"]);
    has(&screen, &["  1       5MB! COPY data", "  2        0B  RUN rm", "COPY data /data", "q end"]);
    has(&screen, &["+       5MB ▾ data/", "!       5MB   big by 2", "+       10B   small", "+       20B data-sheet"]);
    // A directory's files follow it at once, whatever its neighbours are called.
    let (directory, sheet) = (screen.find("small"), screen.find("data-sheet"));
    assert!(directory < sheet, "{screen}");
    press(&mut browser, &[Key::Down]);
    has(&shown(&mut browser, 80, 24), &["-             big", "RUN rm /data/big", "Layer 2: + added ~ changed - removed ! hidden"]);
}

#[test]
fn directories_fold_and_files_are_read() {
    let mut browser = Browser::new(view());
    press(&mut browser, &[Key::Tab]);
    assert_eq!(browser.pane, Pane::Files);
    press(&mut browser, &[Key::Enter]);
    let folded = shown(&mut browser, 80, 24);
    has(&folded, &["▸ data/", "data-sheet"]);
    assert!(!folded.contains("small"), "{folded}");
    press(&mut browser, &[Key::Enter, Key::Down]);
    has(&shown(&mut browser, 120, 24), &["/data/big added, file 644 0:0, removed in layer 2"]);
    let wish = press(&mut browser, &[Key::Enter]);
    assert_eq!(wish, [Wish::Read { layer: 1, path: "/data/big".into() }]);
    browser.read("/data/big", Ok(b"first\n\tsecond \x1b[2J\nthird\n".to_vec()));
    has(&shown(&mut browser, 80, 24), &["first", "        second ·[2J", "/data/big in layer 1, 3 lines"]);
    press(&mut browser, &[Key::Right]);
    has(&shown(&mut browser, 80, 24), &["│second ·[2J"]);
    press(&mut browser, &[Key::Letter('q')]);
    assert_eq!(browser.page, Page::Lists);
    browser.read("/data/big", Ok(vec![0, 255, b'a']));
    has(&shown(&mut browser, 80, 24), &["00000000  00 ff 61", "..a"]);
    browser.read("/data/big", Err("this layer removes it".into()));
    has(&shown(&mut browser, 80, 24), &["glassbox: /data/big: this layer removes it"]);
}

#[test]
fn what_is_wasted_is_told_by_cause_and_leads_to_its_file() {
    let mut browser = Browser::new(view());
    press(&mut browser, &[Key::Letter('w')]);
    let screen = shown(&mut browser, 80, 24);
    has(
        &screen,
        &["Hidden by later layers: 5MB in 1 file removed, 0B in 0 files overwritten", "/data/big  in layer 1, removed in layer 2"],
    );
    press(&mut browser, &[Key::Enter]);
    assert_eq!(browser.chosen().map(|file| file.path.as_str()), Some("/data/big"));
    press(&mut browser, &[Key::Letter('u')]);
    assert_eq!(browser.rows.len(), 1);
    has(&shown(&mut browser, 80, 24), &["Hidden of layer 1", "/data/big by 2"]);
    press(&mut browser, &[Key::Tab, Key::Down, Key::Tab]);
    has(&shown(&mut browser, 80, 24), &["later layers hide nothing of this one"]);
}

#[test]
fn no_key_and_no_window_is_too_much() {
    let mut empty = Browser::new(LayersView { layers: Vec::new(), waste: Vec::new(), ..view() });
    let mut full = Browser::new(view());
    let keys = [Key::Up, Key::Down, Key::PageDown, Key::PageUp, Key::End, Key::Home, Key::Enter, Key::Right, Key::Left, Key::Tab];
    let letters = "wuwjkgGhl ".chars().map(Key::Letter);
    for key in keys.into_iter().chain(letters).cycle().take(60) {
        for browser in [&mut empty, &mut full] {
            if let Wish::Read { path, .. } = browser.press(key) {
                browser.read(&path, Ok(vec![b'x'; 100_000]));
            }
            for (columns, rows) in [(80, 24), (1, 1), (40, 8), (39, 8)] {
                shown(browser, columns, rows);
            }
        }
    }
    has(&shown(&mut full, 39, 8), &["The window is too small"]);
    full.page = Page::Lists;
    assert_eq!(full.press(Key::Back), Wish::Quit);
    assert_eq!(full.press(Key::Interrupt), Wish::Quit);
}
