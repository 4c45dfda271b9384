//! The state as ratatui's widgets. All that colour says, a sign or a word says too.

use glassbox_core::model::short_digest;
use glassbox_core::oci::layer::{Touch, Touched};
use glassbox_core::view::layers::LayerView;
use glassbox_core::view::reclaimed::human_size;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, List, ListState, Paragraph};

use super::content::{Content, plain};
use super::rows::Row;
use super::state::{Browser, Page, Pane};

/// What every RUN of a line of shell begins with: the line below has all of it.
const SHELL: &str = "/bin/sh -c ";
/// In a smaller window there is a word alone.
const SMALLEST: (u16, u16) = (40, 8);
/// Columns of the list of layers, at least, and in hundredths of the window.
const LAYERS_COLUMNS_MIN: u16 = 28;
const LAYERS_PERCENT: u16 = 36;

/// Draws all of it, and tells the state how many lines a list has.
pub fn draw(frame: &mut Frame<'_>, browser: &mut Browser) {
    let whole = frame.area();
    if whole.width < SMALLEST.0 || whole.height < SMALLEST.1 {
        let words = format!("The window is too small: at least {}x{}. q: end", SMALLEST.0, SMALLEST.1);
        return frame.render_widget(Paragraph::new(words).wrap(ratatui::widgets::Wrap { trim: true }), whole);
    }
    let [title, body, detail, keys] =
        Layout::vertical([Constraint::Length(1), Constraint::Min(3), Constraint::Length(1), Constraint::Length(1)]).areas(whole);
    browser.height = usize::from(body.height.saturating_sub(2));
    frame.render_widget(Paragraph::new(headline(browser)).style(Style::new().add_modifier(Modifier::BOLD)), title);
    match &browser.page {
        Page::Lists => lists(frame, body, browser),
        Page::Waste => waste(frame, body, browser),
        Page::File(content) => file(frame, body, content),
    }
    frame.render_widget(Paragraph::new(below(browser)), detail);
    frame.render_widget(Paragraph::new(help(browser)).style(Style::new().add_modifier(Modifier::REVERSED)), keys);
}

fn headline(browser: &Browser) -> String {
    let view = &browser.view;
    let name = view.names.first().map_or_else(|| short_digest(&view.id), String::as_str);
    let hidden = match view.wasted_bytes {
        0 => "nothing in them is hidden".to_string(),
        bytes => format!(
            "{} ({}.{:02}%) hidden by later layers",
            human_size(bytes),
            view.wasted_basis_points / 100,
            view.wasted_basis_points % 100
        ),
    };
    format!("{name}: {} in {} layers, {hidden}", human_size(view.bytes), view.layers.len())
}

fn help(browser: &Browser) -> &'static str {
    match (&browser.page, browser.pane) {
        (Page::Lists, Pane::Layers) => " ↑↓ layer  →/Tab files  u hidden only  w what is wasted  q end",
        (Page::Lists, Pane::Files) => " ↑↓ file  Enter open/fold  ←/Tab layers  u hidden only  w wasted  q end",
        (Page::Waste, _) => " ↑↓ file  Enter go to it  w/Esc back",
        (Page::File(_), _) => " ↑↓ PgUp PgDn line  ←→ sideways  Home End  q/Esc back",
    }
}

/// What is chosen, in full.
fn below(browser: &Browser) -> String {
    match &browser.page {
        Page::Lists if browser.pane == Pane::Files => match (browser.chosen(), browser.rows.get(browser.row)) {
            (Some(file), Some(row)) => told(file, row),
            _ if browser.choice.hidden_only => "later layers hide nothing of this one".to_string(),
            _ => "there is nothing in this layer".to_string(),
        },
        Page::Lists => browser.view.layers.get(browser.layer).map_or(String::new(), |layer| plain(&layer.created_by)),
        Page::Waste => "it is in the image, goes over the network each time, and no container sees it".to_string(),
        Page::File(content) => format!("{} in layer {}, {} lines", content.path, browser.layer + 1, content.lines.len()),
    }
}

fn told(file: &Touched, row: &Row) -> String {
    let what = match file.touch {
        Touch::Added => "added",
        Touch::Changed => "changed",
        Touch::Removed => "removed",
    };
    let opaque = if file.opaque { ", hides all that was in it" } else { "" };
    let hidden = row.hidden.map_or(String::new(), |(by, cause)| format!(", {} in layer {by}", cause.hiding_told()));
    format!("{} {what}, {} {:o} {}:{}{opaque}{hidden}", plain(&file.path), file.kind, file.mode, file.owner.0, file.owner.1)
}

fn pane(title: String, has_keys: bool) -> Block<'static> {
    let style = if has_keys { Style::new().fg(Color::Cyan).add_modifier(Modifier::BOLD) } else { Style::new() };
    Block::bordered().title(title).border_style(style)
}

/// Of a list only what is on the screen becomes text: an image has hundreds of thousands of files.
fn list(
    frame: &mut Frame<'_>,
    area: Rect,
    block: Block<'_>,
    (at, count): (usize, usize),
    line: impl Fn(usize, usize) -> Line<'static>,
) {
    let inner = block.inner(area);
    let height = usize::from(inner.height).max(1);
    let top = (at / height * height).min(count.saturating_sub(height));
    let lines = (top..count.min(top + height)).map(|number| line(number, usize::from(inner.width)));
    let mut state = ListState::default().with_selected(Some(at.saturating_sub(top)));
    let list = List::new(lines).block(block).highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    frame.render_stateful_widget(list, area, &mut state);
}

fn lists(frame: &mut Frame<'_>, area: Rect, browser: &Browser) {
    let columns = (area.width * LAYERS_PERCENT / 100).max(LAYERS_COLUMNS_MIN);
    let [left, right] = Layout::horizontal([Constraint::Length(columns), Constraint::Min(1)]).areas(area);
    let layers = &browser.view.layers;
    let block = pane(" Layers, the lowest first ".to_string(), browser.pane == Pane::Layers);
    list(frame, left, block, (browser.layer, layers.len()), |number, _| layers.get(number).map_or(Line::default(), of_layer));
    let number = browser.layer + 1;
    let title = match browser.choice.hidden_only {
        true => format!(" Hidden of layer {number}, the largest first "),
        false => format!(" Layer {number}: + added ~ changed - removed ! hidden "),
    };
    let rows = &browser.rows;
    list(frame, right, pane(title, browser.pane == Pane::Files), (browser.row, rows.len()), |number, width| {
        let file = rows.get(number).and_then(|row| Some((row, layers.get(browser.layer)?.files.get(row.place)?)));
        file.map_or(Line::default(), |(row, file)| of_row(row, file, width))
    });
}

fn of_layer(layer: &LayerView) -> Line<'static> {
    let mark = if layer.wasted_bytes > 0 { "!" } else { " " };
    Line::from(format!(
        "{:>3} {:>9}{mark} {}",
        layer.number,
        human_size(layer.bytes),
        plain(&layer.created_by.replacen(SHELL, "", 1))
    ))
}

fn of_row(row: &Row, file: &Touched, width: usize) -> Line<'static> {
    let (sign, style) = match (file.touch, row.hidden) {
        (_, Some(_)) => ("!", Style::new().fg(Color::Yellow)),
        (Touch::Added, _) => ("+", Style::new().fg(Color::Green)),
        (Touch::Changed, _) => ("~", Style::new()),
        (Touch::Removed, _) => ("-", Style::new().fg(Color::Red)),
    };
    let fold = match row.folded {
        Some(true) => "▸ ",
        Some(false) => "▾ ",
        None => "",
    };
    let slash = if row.folded.is_some() { "/" } else { "" };
    let hidden = row.hidden.map_or(String::new(), |(by, _)| format!(" by {by}"));
    let bytes = if row.bytes > 0 { human_size(row.bytes) } else { String::new() };
    let lead = format!("{sign} {bytes:>9} {}{fold}", "  ".repeat(row.depth));
    let room = width.saturating_sub(lead.chars().count() + slash.len() + hidden.len());
    Line::styled(format!("{lead}{}{slash}{hidden}", cut(&row.name, room)), style)
}

/// Its end, which tells files apart, where there is no room for all.
fn cut(name: &str, room: usize) -> String {
    let (name, count) = (plain(name), name.chars().count());
    match count <= room {
        true => name,
        false => format!("…{}", name.chars().skip((count + 1).saturating_sub(room)).collect::<String>()),
    }
}

fn waste(frame: &mut Frame<'_>, area: Rect, browser: &Browser) {
    let told = |(cause, bytes, count): (Touch, u64, usize)| {
        let files = if count == 1 { "file" } else { "files" };
        format!("{} in {count} {files} {}", human_size(bytes), cause.hiding_told())
    };
    let title = format!(" Hidden by later layers: {} ", browser.causes().map(told).join(", "));
    let waste = &browser.view.waste;
    list(frame, area, pane(title, true), (browser.wasted, waste.len()), |number, width| {
        let Some(one) = waste.get(number) else { return Line::default() };
        let lead = format!("{:>9} ", human_size(one.bytes));
        let end = format!("  in layer {}, {} in layer {}", one.layer, one.cause_told(), one.by);
        let room = width.saturating_sub(lead.chars().count() + end.chars().count());
        Line::from(format!("{lead}{}{end}", cut(&one.path, room)))
    });
}

fn file(frame: &mut Frame<'_>, area: Rect, content: &Content) {
    let block = pane(format!(" {} ", plain(&content.path)), true);
    let height = usize::from(block.inner(area).height);
    let shown = content.lines.iter().skip(content.top).take(height);
    let lines: Vec<Line<'_>> = shown.map(|line| Line::from(line.chars().skip(content.left).collect::<String>())).collect();
    frame.render_widget(Paragraph::new(lines).block(block), area);
}
