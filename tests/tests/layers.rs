//! Layers on Linux: the cases of the model, archives that GNU tar and Python write, what both kernels pack, and what overlayfs makes of it.

// Unit tests of the core, where both are allowed.
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#[path = "../../core/src/oci/layer/tests/cases.rs"]
mod cases;

/// What the shared cases are written with.
mod api {
    pub use glassbox_core::archive::{Member, MemberKind, Writer};
    pub use glassbox_core::oci::layer::*;
}

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use glassbox::exec::layer::LayerDisk;
use glassbox_core::host::HostFacts;
use glassbox_core::sim;
use glassbox_tests::apart::apart;
use glassbox_tests::binary::{has_program, is_root, skip};
use tempfile::TempDir;

use api::*;

/// Sparse files and the rest of a hundred names fit.
const LIMITS: LayerLimits = LayerLimits::of_linux(64 << 20);

/// `inside`, empty, and something beside it that is not to be touched.
struct Place(TempDir);

impl Place {
    fn new() -> Result<Place> {
        let place = Place(tempfile::tempdir()?);
        fs::write(place.0.path().join("kept"), "as it was")?;
        fs::create_dir(place.inside())?;
        Ok(place)
    }

    fn inside(&self) -> PathBuf {
        self.0.path().join("inside")
    }

    fn disk(&self) -> Result<LayerDisk> {
        Ok(LayerDisk::open(self.inside())?)
    }

    fn is_untouched(&self) -> Result<bool> {
        let names: Vec<_> = fs::read_dir(self.0.path())?.collect::<Result<Vec<_>, _>>()?;
        Ok(names.len() == 2 && fs::read(self.0.path().join("kept"))? == b"as it was")
    }
}

/// Owners and devices take root.
fn as_root(test: &str) -> bool {
    if !is_root() {
        skip(&format!("{test}: layers have owners and devices, which takes root"));
    }
    is_root()
}

#[test]
fn every_case_is_unpacked_or_refused() -> Result<()> {
    if !as_root("every_case_is_unpacked_or_refused") {
        return Ok(());
    }
    for case in cases::all() {
        let place = Place::new()?;
        cases::check(&case, &mut place.disk()?);
        ensure!(place.is_untouched()?, "{}", case.name);
    }
    Ok(())
}

/// Where the entries of a link out would have come to lie.
#[test]
fn a_link_out_leads_nowhere() -> Result<()> {
    if !as_root("a_link_out_leads_nowhere") {
        return Ok(());
    }
    let place = Place::new()?;
    let beside = place.0.path().to_string_lossy().into_owned();
    for link in [beside.as_str(), "..", "../../../../../../../../../../tmp"] {
        let archive = cases::archive(&[cases::symlink("a", link), cases::file("a/kept", "changed")]);
        // In a root of its own `..` is the top, and the rest is not there.
        let _ = unpack(&mut place.disk()?, &cases::OPTIONS, archive.as_slice());
        ensure!(place.is_untouched()?, "{link}");
    }
    Ok(())
}

#[test]
fn both_kernels_pack_the_same_bytes() -> Result<()> {
    if !as_root("both_kernels_pack_the_same_bytes") {
        return Ok(());
    }
    for case in cases::all().into_iter().filter(|case| case.expected.is_ok()) {
        for epoch_seconds in [None, Some(500)] {
            let options = PackOptions { form: case.options.form, epoch_seconds, ..PackOptions::default() };
            let place = Place::new()?;
            let mut native = Vec::new();
            unpack(&mut place.disk()?, &case.options, case.archive.as_slice())?;
            let told = pack(&mut place.disk()?, &options, &mut native)?;
            let mut kernel = sim::boot(&HostFacts::example());
            let mut model = Vec::new();
            unpack(&mut sim::LayerDisk::open(&mut kernel, "/srv")?, &case.options, case.archive.as_slice())?;
            let same = pack(&mut sim::LayerDisk::open(&mut kernel, "/srv")?, &options, &mut model)?;
            ensure!(native == model && told == same, "{}: {told:?} {same:?}", case.name);
        }
    }
    Ok(())
}

#[test]
fn names_are_bytes() -> Result<()> {
    if !as_root("names_are_bytes") {
        return Ok(());
    }
    let place = Place::new()?;
    let archive = cases::not_text();
    unpack(&mut place.disk()?, &cases::OPTIONS, archive.as_slice())?;
    let mut again = Vec::new();
    pack(&mut place.disk()?, &PackOptions::default(), &mut again)?;
    let other = Place::new()?;
    unpack(&mut other.disk()?, &cases::OPTIONS, again.as_slice())?;
    ensure!(other.disk()?.names(b"")? == [b"caf\xe9".to_vec()]);
    Ok(())
}

/// In a user namespace the marks are `user.*`, nobody else owns anything, and there are no devices.
#[test]
fn an_ordinary_user_unpacks_too() -> Result<()> {
    let place = Place::new()?;
    let options = UnpackOptions { limits: LIMITS, form: OverlayForm::User, owners: false, devices: false };
    let archive = cases::archive(&[
        cases::directory("a"),
        cases::file("a/.wh..wh..opq", ""),
        (Member { uid: 12345, ..cases::file("a/b", "x").0 }, "x"),
        (cases::entry("null", MemberKind::CharDevice { major: 1, minor: 3 }), ""),
    ]);
    let told = unpack(&mut place.disk()?, &options, archive.as_slice())?;
    ensure!(told.devices_left_out == 1 && told.content_bytes == 1);
    let marks = place.disk()?.attributes(b"a", NodeKind::Directory)?;
    ensure!(marks.contains(&("user.overlay.opaque".to_string(), b"y".to_vec())), "{marks:?}");
    let mut again = Vec::new();
    let packed = pack(&mut place.disk()?, &PackOptions { form: OverlayForm::User, ..PackOptions::default() }, &mut again)?;
    ensure!(packed.entries == 3, "{packed:?}");
    Ok(())
}

fn run(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {said}");
    Ok(format!("{}{said}", String::from_utf8_lossy(&output.stdout)))
}

/// Everything that tar can say, but for what is sparse.
fn make_tree(top: &Path) -> Result<()> {
    let script = r#"
        set -e; cd "$1"
        mkdir -p usr/bin etc "deep/$(printf 'd%.0s' $(seq 90))/$(printf 'e%.0s' $(seq 90))/$(printf 'f%.0s' $(seq 90))"
        echo text > etc/motd; (cd deep/*/*/*; printf x > "$(printf 'g%.0s' $(seq 120))")
        : > etc/empty; head -c 100000 /dev/zero > etc/zeros
        ln etc/motd etc/second; ln -s motd etc/link; ln -s "$(printf '../%.0s' $(seq 60))x" etc/far
        cp /bin/true usr/bin/su; chown 1000:5 usr/bin/su; chmod 4755 usr/bin/su
        echo ä > 'etc/Grüße und mehr'; chmod 1777 deep; chmod 2750 etc
        mkfifo etc/pipe; mknod etc/null c 1 3; mknod etc/disk b 7 200
        chown 3000000:4000000 etc/empty
        find . -depth -exec touch -h -d @1600000000 {} +
    "#;
    run(Command::new("sh").arg("-c").arg(script).arg("sh").arg(top)).map(drop)
}

/// The tree as GNU tar unpacks it, and as it is unpacked here.
fn holds_against_tar(archive: &[u8], what: &str) -> Result<()> {
    let (ours, theirs) = (Place::new()?, Place::new()?);
    let options = UnpackOptions { limits: LIMITS, ..cases::OPTIONS };
    unpack(&mut ours.disk()?, &options, archive).with_context(|| what.to_string())?;
    let file = theirs.0.path().join("archive.tar");
    fs::write(&file, archive)?;
    run(Command::new("tar").args(["--numeric-owner", "--same-owner", "-xpf"]).arg(&file).arg("-C").arg(theirs.inside()))?;
    let (ours, theirs) = (cases::listing(&mut ours.disk()?), cases::listing(&mut theirs.disk()?));
    let only = |one: &[String], other: &[String]| -> Vec<String> {
        one.iter().filter(|line| !other.contains(line)).map(|line| line.chars().take(300).collect()).collect()
    };
    ensure!(ours == theirs, "{what}\nours: {:#?}\ntar's: {:#?}", only(&ours, &theirs), only(&theirs, &ours));
    ensure!(ours.len() > 10, "{what}: {} entries", ours.len());
    Ok(())
}

#[test]
fn what_tar_writes_is_unpacked_as_tar_unpacks_it() -> Result<()> {
    if !as_root("what_tar_writes_is_unpacked_as_tar_unpacks_it") {
        return Ok(());
    }
    let tree = Place::new()?;
    make_tree(&tree.inside())?;
    for format in ["gnu", "oldgnu", "pax", "ustar"] {
        let file = tree.0.path().join("archive.tar");
        let mut tar = Command::new("tar");
        tar.arg(format!("--format={format}")).arg("-cf").arg(&file).arg("-C").arg(tree.inside());
        if format == "ustar" {
            // What it has no room for.
            tar.args(["--exclude=./deep", "--exclude=./etc/far", "--exclude=./etc/empty"]);
        }
        run(tar.arg("."))?;
        holds_against_tar(&fs::read(&file)?, format)?;
        fs::remove_file(&file)?;
    }
    Ok(())
}

#[test]
fn what_python_writes_is_unpacked_as_tar_unpacks_it() -> Result<()> {
    if !has_program("python3") {
        eprintln!("left out: no python3 here, so no archives by its tarfile");
        return Ok(());
    }
    if !as_root("what_python_writes_is_unpacked_as_tar_unpacks_it") {
        return Ok(());
    }
    let tree = Place::new()?;
    make_tree(&tree.inside())?;
    for format in ["GNU_FORMAT", "PAX_FORMAT"] {
        let file = tree.0.path().join("archive.tar");
        let script = "import sys, tarfile\n\
                      with tarfile.open(sys.argv[1], 'w', format=getattr(tarfile, sys.argv[3])) as t: t.add(sys.argv[2], '.')";
        run(Command::new("python3").arg("-c").arg(script).arg(&file).arg(tree.inside()).arg(format))?;
        holds_against_tar(&fs::read(&file)?, format)?;
        fs::remove_file(&file)?;
    }
    Ok(())
}

#[test]
fn tar_reads_what_is_packed() -> Result<()> {
    if !as_root("tar_reads_what_is_packed") {
        return Ok(());
    }
    let tree = Place::new()?;
    make_tree(&tree.inside())?;
    let mut archive = Vec::new();
    let packed = pack(&mut tree.disk()?, &PackOptions::default(), &mut archive)?;
    let file = tree.0.path().join("archive.tar");
    fs::write(&file, &archive)?;
    let listed = run(Command::new("tar").arg("-tvf").arg(&file))?;
    ensure!(listed.lines().count() as u64 == packed.entries, "{packed:?}\n{listed}");
    ensure!(listed.lines().any(|line| line.contains("-rwsr-xr-x 1000/5") && line.ends_with("usr/bin/su")), "{listed}");
    holds_against_tar(&archive, "our own")?;
    let mut again = Vec::new();
    let same = pack(&mut tree.disk()?, &PackOptions::default(), &mut again)?;
    ensure!(archive == again && packed == same, "twice");
    Ok(())
}

#[test]
fn gzip_and_zstd_are_read() -> Result<()> {
    if !as_root("gzip_and_zstd_are_read") {
        return Ok(());
    }
    let tree = Place::new()?;
    make_tree(&tree.inside())?;
    let mut compressor = Compressor::gzip(Vec::new());
    let packed = pack(&mut tree.disk()?, &PackOptions::default(), &mut compressor)?;
    let (digest, bytes, blob) = compressor.finish()?;
    let file = tree.0.path().join("archive.tar.gz");
    fs::write(&file, &blob)?;
    ensure!(run(Command::new("gzip").arg("-t").arg(&file))?.is_empty());
    let mut blobs = vec![(Compression::Gzip, blob.clone())];
    run(Command::new("gzip").args(["-dk"]).arg(&file))?;
    let plain = file.with_extension("");
    if has_program("zstd") {
        run(Command::new("zstd").args(["-q", "-19"]).arg(&plain))?;
        blobs.push((Compression::Zstd, fs::read(plain.with_extension("tar.zst"))?));
    } else {
        eprintln!("left out: no zstd here");
    }
    blobs.push((Compression::None, fs::read(&plain)?));
    for (compression, bytes) in blobs {
        let place = Place::new()?;
        let mut blob = Blob::new(bytes.as_slice())?;
        ensure!(blob.compression() == compression);
        let told = unpack(&mut place.disk()?, &UnpackOptions { limits: LIMITS, ..cases::OPTIONS }, &mut blob)?;
        ensure!(told.diff_id == packed.diff_id, "{compression:?}");
        ensure!(blob.finish()?.1 == bytes.len() as u64);
    }
    let sum = run(Command::new("sha256sum").arg(&file))?;
    ensure!(sum.starts_with(digest.trim_start_matches("sha256:")) && bytes == blob.len() as u64, "{sum}");
    Ok(())
}

/// The kernel itself: two layers, merged.
#[test]
fn overlayfs_merges_what_is_unpacked() -> Result<()> {
    apart("overlayfs_merges_what_is_unpacked", || {
        let place = tempfile::tempdir()?;
        let top = place.path();
        let below = [cases::file("a", ""), cases::file("b", ""), cases::file("d/x", ""), cases::file("e/x", "")];
        let above = [
            cases::file(".wh.a", ""),
            cases::file("d/.wh..wh..opq", ""),
            cases::file("d/y", ""),
            cases::file("e/y", ""),
            cases::file(".wh.b", ""),
            cases::directory("b"),
        ];
        for (name, members) in [("below", &below[..]), ("above", &above)] {
            fs::create_dir(top.join(name))?;
            unpack(&mut LayerDisk::open(top.join(name))?, &cases::OPTIONS, cases::archive(members).as_slice())?;
        }
        for name in ["upper", "work", "merged"] {
            fs::create_dir(top.join(name))?;
        }
        let script = "mount -t overlay none -o lowerdir=above:below,upperdir=upper,workdir=work merged && cd merged && find . | sort && \
                      rm -r d e/x b && mkdir d && echo z > d/z && cd .. && umount merged";
        let found = run(Command::new("sh").args(["-ec", script]).current_dir(top))?;
        ensure!(found == ".\n./b\n./d\n./d/y\n./e\n./e/x\n./e/y\n", "{found}");
        let mut archive = Vec::new();
        pack(&mut LayerDisk::open(top.join("upper"))?, &PackOptions::default(), &mut archive)?;
        fs::write(top.join("upper.tar"), &archive)?;
        let names = run(Command::new("tar").arg("-tf").arg(top.join("upper.tar")))?;
        ensure!(names == ".wh.b\nd/\nd/.wh..wh..opq\nd/z\ne/\ne/.wh.x\n", "{names}");
        Ok(())
    })
}
