use std::fs;
use std::io::Write;
use std::path::PathBuf;

use glassbox_core::model::LogConfig;
use glassbox_core::model::log::Rotation;

use super::*;
use crate::test_support::TempRoot;

const AT: u64 = 1_795_264_496_120_000_000;

fn log() -> (TempRoot, PathBuf) {
    let root = TempRoot::new();
    let path = root.path().join("a-json.log");
    (root, path)
}

fn texts(entries: &[LogEntry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.log.as_str()).collect()
}

fn read_all(path: &std::path::Path, tail: Option<u64>) -> Vec<LogEntry> {
    let mut reader = LogReader::open(path, tail).unwrap();
    let mut all = Vec::new();
    reader
        .follow(
            || true,
            |entry| {
                all.push(entry.clone());
                true
            },
        )
        .unwrap();
    all
}

#[test]
fn lines_stand_as_docker_writes_them() {
    let (_root, path) = log();
    let mut writer = LogWriter::open(&path, Rotation::of(&LogConfig::default())).unwrap();
    writer.write(Stream::Stdout, b"hi\npart", AT).unwrap();
    writer.write(Stream::Stderr, b"<a> & \"b\"\\\t\x1b[0m\xff\n", AT + 5).unwrap();
    writer.write(Stream::Stdout, b"ial\nrest", AT - 120_000_000).unwrap();
    writer.finish(AT).unwrap();
    let expected = [
        r#"{"log":"hi\n","stream":"stdout","time":"2026-11-21T12:34:56.12Z"}"#,
        concat!(
            r#"{"log":"\u003ca\u003e \u0026 \"b\"\\\t\u001b[0m"#,
            "\u{fffd}",
            r#"\n","stream":"stderr","time":"2026-11-21T12:34:56.120000005Z"}"#
        ),
        r#"{"log":"partial\n","stream":"stdout","time":"2026-11-21T12:34:56Z"}"#,
        r#"{"log":"rest","stream":"stdout","time":"2026-11-21T12:34:56.12Z"}"#,
    ];
    assert_eq!(fs::read_to_string(&path).unwrap().lines().collect::<Vec<_>>(), expected);
    let entries = read_all(&path, None);
    assert_eq!(texts(&entries), ["hi\n", "<a> & \"b\"\\\t\u{1b}[0m\u{fffd}\n", "partial\n", "rest"]);
    assert_eq!(entries[0].time_in_full(), "2026-11-21T12:34:56.120000000Z");
    assert_eq!(entries[2].time_in_full(), "2026-11-21T12:34:56.000000000Z");
}

#[test]
fn a_long_line_comes_in_parts_with_one_time() {
    let (_root, path) = log();
    let mut writer = LogWriter::open(&path, Rotation::of(&LogConfig::default())).unwrap();
    let long = vec![b'x'; 40_000];
    for (index, part) in long.chunks(7_000).enumerate() {
        writer.write(Stream::Stdout, part, AT + index as u64 * 1_000).unwrap();
    }
    writer.write(Stream::Stdout, b"\nnext\n", AT + 99_000).unwrap();
    let entries = read_all(&path, None);
    assert_eq!(entries.iter().map(|entry| entry.log.len()).collect::<Vec<_>>(), [16_384, 16_384, 40_000 - 32_768 + 1, 5]);
    assert!(entries[..3].iter().all(|entry| entry.time == entries[0].time));
    assert_ne!(entries[3].time, entries[0].time);
}

#[test]
fn the_last_lines() {
    let (_root, path) = log();
    let mut writer = LogWriter::open(&path, Rotation::of(&LogConfig::default())).unwrap();
    let text: String = (0..5_000).map(|number| format!("{number}\n")).collect();
    writer.write(Stream::Stdout, text.as_bytes(), AT).unwrap();
    assert!(fs::metadata(&path).unwrap().len() > 3 * 64 * 1024);
    assert_eq!(texts(&read_all(&path, Some(2))), ["4998\n", "4999\n"]);
    assert_eq!(read_all(&path, Some(0)), []);
    assert_eq!(read_all(&path, Some(4_000))[0].log, "1000\n");
    assert_eq!(read_all(&path, Some(99_999)).len(), 5_000);
}

#[test]
fn a_torn_line_is_passed_over_and_the_next_stands_alone() {
    let (_root, path) = log();
    let mut writer = LogWriter::open(&path, Rotation::of(&LogConfig::default())).unwrap();
    writer.write(Stream::Stdout, b"one\n", AT).unwrap();
    fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"log\":\"to").unwrap();
    assert_eq!(texts(&read_all(&path, Some(1))), ["one\n"]);
    let mut later = LogWriter::open(&path, Rotation::of(&LogConfig::default())).unwrap();
    later.write(Stream::Stdout, b"two\n", AT).unwrap();
    assert_eq!(texts(&read_all(&path, None)), ["one\n", "two\n"]);
}

#[test]
fn a_log_that_does_not_exist_yet_is_followed_from_its_beginning() {
    let (_root, path) = log();
    let mut reader = LogReader::open(&path, Some(10)).unwrap();
    assert_eq!(reader.read().unwrap(), []);
    let mut writer = LogWriter::open(&path, Rotation::of(&LogConfig::default())).unwrap();
    let mut left = vec!["c", "b", "a"];
    let mut seen = String::new();
    let ended = || match left.pop() {
        Some(line) => {
            writer.write(Stream::Stdout, format!("{line}\n").as_bytes(), AT).unwrap();
            false
        }
        None => true,
    };
    reader
        .follow(ended, |entry| {
            seen.push_str(&entry.log);
            true
        })
        .unwrap();
    assert_eq!(seen, "a\nb\nc\n");
}

fn rotating(bytes: &str, files: &str) -> Rotation {
    let options = [("max-size", bytes), ("max-file", files)].map(|(name, value)| (name.to_string(), value.to_string()));
    Rotation::of(&LogConfig { options: options.into(), ..LogConfig::default() })
}

fn packing(bytes: &str, files: &str) -> Rotation {
    let mut rotation = rotating(bytes, files);
    rotation.compress = true;
    rotation
}

fn numbered(writer: &mut LogWriter, numbers: std::ops::Range<u32>) {
    let text: String = numbers.map(|number| format!("{number}\n")).collect();
    writer.write(Stream::Stdout, text.as_bytes(), AT).unwrap();
}

#[test]
fn a_full_file_makes_room_and_all_that_is_kept_is_read() {
    let (root, path) = log();
    let mut writer = LogWriter::open(&path, rotating("130", "3")).unwrap();
    numbered(&mut writer, 0..9);
    drop(writer);
    // What is in the file already counts.
    let mut writer = LogWriter::open(&path, rotating("130", "3")).unwrap();
    numbered(&mut writer, 9..10);
    let names = || fs::read_dir(root.path()).unwrap().count();
    let before = names();
    assert_eq!(texts(&read_all(&path, None)), ["4\n", "5\n", "6\n", "7\n", "8\n", "9\n"]);
    assert_eq!(texts(&read_all(&path, Some(3))), ["7\n", "8\n", "9\n"]);
    assert_eq!(texts(&read_all(&path, Some(99))).len(), 6);
    numbered(&mut writer, 10..50);
    assert_eq!(names(), before);
    assert_eq!(texts(&read_all(&path, Some(1))), ["49\n"]);
    let (_root, path) = log();
    let mut alone = LogWriter::open(&path, rotating("1", "1")).unwrap();
    numbered(&mut alone, 0..9);
    assert_eq!(texts(&read_all(&path, None)), ["8\n"]);
}

#[test]
fn who_follows_misses_nothing_while_files_change() {
    for (bytes, files, at_once) in [("1", "9", 8), ("100", "3", 3), ("1", "1", 1), ("1k", "2", 10)] {
        follow_all(rotating(bytes, files), at_once);
        follow_all(packing(bytes, files), at_once);
    }
}

fn follow_all(rotation: Rotation, at_once: u32) {
    {
        let told = format!("{rotation:?}");
        let (_root, path) = log();
        let mut writer = LogWriter::open(&path, rotation).unwrap();
        let mut left = (0..20).map(|round| round * at_once..(round + 1) * at_once).rev().collect::<Vec<_>>();
        let mut reader = LogReader::open(&path, Some(0)).unwrap();
        let seen = std::cell::RefCell::new(Vec::new());
        // The next ones are written when those before have been read: it is no race.
        let ended = || match left.last() {
            Some(numbers) if numbers.start > seen.borrow().len() as u32 => false,
            Some(_) => {
                numbered(&mut writer, left.pop().unwrap());
                false
            }
            None => true,
        };
        let note = |entry: &LogEntry| {
            seen.borrow_mut().push(entry.log.trim().parse::<u32>().unwrap());
            true
        };
        reader.follow(ended, note).unwrap();
        let seen = seen.into_inner();
        assert_eq!(seen, (0..20 * at_once).collect::<Vec<_>>(), "{told}");
    }
}

#[test]
fn full_files_are_packed_and_read_all_the_same() {
    let (root, path) = log();
    let mut writer = LogWriter::open(&path, packing("130", "3")).unwrap();
    numbered(&mut writer, 0..10);
    let mut names: Vec<String> =
        fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["a-json.log", "a-json.log.1.gz", "a-json.log.2.gz"]);
    assert_eq!(texts(&read_all(&path, None)), ["4\n", "5\n", "6\n", "7\n", "8\n", "9\n"]);
    assert_eq!(texts(&read_all(&path, Some(3))), ["7\n", "8\n", "9\n"]);
    assert_eq!(texts(&read_all(&path, Some(5))), ["5\n", "6\n", "7\n", "8\n", "9\n"]);
    assert_eq!(texts(&read_all(&path, Some(99))).len(), 6);
    // One that could not be packed moves up as it is.
    fs::rename(root.path().join("a-json.log.1.gz"), root.path().join("kept")).unwrap();
    fs::write(root.path().join("a-json.log.1"), "{\"log\":\"plain\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-21T12:34:56Z\"}\n")
        .unwrap();
    assert_eq!(texts(&read_all(&path, None)), ["4\n", "5\n", "plain\n", "8\n", "9\n"]);
    numbered(&mut writer, 10..11);
    assert_eq!(texts(&read_all(&path, None)), ["plain\n", "8\n", "9\n", "10\n"]);
}
