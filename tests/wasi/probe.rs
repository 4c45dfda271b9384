//! What a module may do in a container: compiled for wasm32-wasip1 by the tests, and run by both kernels.
//!
//! `probe WORD…`: each word is one thing to try; what came of it is a line.

use std::io::{Read, Seek, SeekFrom, Write};
use std::time::{Duration, Instant};
use std::{env, fs, io, process};

fn main() {
    for word in env::args().skip(1) {
        let (what, of) = word.split_once('=').unwrap_or((&word, ""));
        let answer = try_it(what, of).unwrap_or_else(|error| format!("{:?}: {error}", error.kind()));
        println!("{what}: {answer}");
    }
}

fn try_it(what: &str, of: &str) -> io::Result<String> {
    Ok(match what {
        "args" => env::args().collect::<Vec<_>>().join(" "),
        "env" => env::var(of).unwrap_or_else(|_| "not set".into()),
        "cat" => fs::read_to_string(of)?,
        "ls" => {
            let mut names: Vec<String> = fs::read_dir(of)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect::<io::Result<_>>()?;
            names.sort();
            names.join(" ")
        }
        "write" => {
            fs::write(of, "first line\nsecond line\n")?;
            format!("{} bytes", fs::metadata(of)?.len())
        }
        "append" => {
            fs::OpenOptions::new().append(true).open(of)?.write_all(b"third line\n")?;
            format!("{} bytes", fs::metadata(of)?.len())
        }
        "middle" => {
            let mut file = fs::File::open(of)?;
            file.seek(SeekFrom::Start(6))?;
            let mut four = [0; 4];
            file.read_exact(&mut four)?;
            let end = file.seek(SeekFrom::End(0))?;
            format!("{} of {end}", String::from_utf8_lossy(&four))
        }
        "mkdir" => fs::create_dir(of).map(|()| "made".into())?,
        "rmdir" => fs::remove_dir(of).map(|()| "gone".into())?,
        "rm" => fs::remove_file(of).map(|()| "gone".into())?,
        "mv" => {
            let (from, to) = of.split_once(':').unwrap_or((of, of));
            fs::rename(from, to).map(|()| "moved".into())?
        }
        "stdin" => {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text)?;
            format!("{text:?}")
        }
        "sleep" => {
            let (start, span) = (Instant::now(), Duration::from_millis(of.parse().unwrap_or(100)));
            std::thread::sleep(span);
            if start.elapsed() >= span { "slept".into() } else { "woke too soon".into() }
        }
        "sum" => (0..of.parse::<u64>().unwrap_or(0)).fold(0u64, |sum, n| sum.wrapping_mul(31).wrapping_add(n)).to_string(),
        "memory" => {
            let mut all: Vec<u8> = Vec::new();
            let bytes = of.parse::<usize>().unwrap_or(0) << 20;
            match all.try_reserve_exact(bytes) {
                Ok(()) => format!("{bytes} bytes"),
                Err(_) => "refused".into(),
            }
        }
        "process" => process::Command::new("/bin/sh").status().map(|status| status.to_string())?,
        "panic" => panic!("as asked"),
        "exit" => process::exit(of.parse().unwrap_or(1)),
        other => format!("{other} is nothing that is known here"),
    })
}
