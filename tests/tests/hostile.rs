//! Hostile images: archives that no honest program writes, given to `load`, `import`, `pull` and the ADD of a build, and as its context. Each is refused with
//! the entry or the limit in the error, or contained; the store is as it was, and so is what lies beside it.

mod hostile {
    pub mod archive;
    pub mod cases;
    pub mod routes;
}
// Docker's registry is not needed here.
#[allow(dead_code, unused_imports)]
mod served;

use anyhow::{Context, Result, bail, ensure};
use glassbox_core::oci::digest;
use glassbox_core::oci::image::{Descriptor, Index, Manifest, media};
use glassbox_core::oci::layer::Compressor;
use glassbox_tests::apart::apart;
use hostile::archive::{archive, entry, file, header, with_field};
use hostile::cases::{self, Ends};
use hostile::routes::{ROUTES, Route, Store};

/// What one command of the engine may have in memory at its peak. (A child counts what its parent had when it was born, so that the test has
/// to be small too.)
const PEAK_BYTES_MAX: u64 = 64 << 20;
/// How a layer is refused whose files can stand in no layer.
const NO_LAYER: &str = "glassbox: layer: ";

fn peak() -> Result<u64> {
    Ok(glassbox::sys::wait::usage(true)?.memory_bytes_max)
}

#[test]
fn layers_are_refused_or_contained() -> Result<()> {
    apart("layers_are_refused_or_contained", || {
        let store = Store::new()?;
        let mut problems = Vec::new();
        for case in cases::all() {
            for route in ROUTES {
                let ends = if matches!(route, Route::Add | Route::Sent) { &case.added } else { &case.ends };
                let seen = route.go(&store, &case.layer, &digest::of(&case.layer));
                // ADD copies what is no archive for it; a context has to be one, and COPY of it makes a layer of what is in it.
                let ends = match (&seen, route) {
                    (Ok(Err(why)), Route::Sent) if why.contains(NO_LAYER) => &Ends::Refused(NO_LAYER),
                    (Ok(Err(_)), Route::Sent) => &Ends::Refused("failed to unpack the build context: "),
                    _ => ends,
                };
                let answer = seen.and_then(|seen| held_against(ends, &seen)).and_then(|()| store.is_unchanged());
                if let Err(error) = answer {
                    problems.push(format!("{} by {route:?}: {error:#}", case.name));
                }
            }
        }
        ensure!(problems.is_empty(), "{}", problems.join("\n"));
        ensure!(peak()? <= PEAK_BYTES_MAX, "{} bytes at the peak", peak()?);
        Ok(())
    })
}

fn held_against(ends: &Ends, seen: &Result<(), String>) -> Result<()> {
    match (ends, seen) {
        (Ends::Contained, Ok(())) => Ok(()),
        (Ends::Refused(words), Err(said)) if said.contains(words) => Ok(()),
        (ends, seen) => bail!("{ends:?} was expected, and it was {seen:?}"),
    }
}

/// 10 GB in a few kilobytes, compressed in either way.
#[test]
fn bombs_are_refused_before_they_fill_the_disk() -> Result<()> {
    apart("bombs_are_refused_before_they_fill_the_disk", || {
        let store = Store::new()?;
        let ends = Ends::Refused("more than 200 times shorter (EXPANSION_MAX)");
        let (by_zstd, by_gzip) = (zstd_bomb(), gzip_bomb()?);
        ensure!(by_zstd.len() < 1 << 20 && by_gzip.len() < 11 << 20);
        for route in ROUTES {
            let seen = route.go(&store, &by_zstd, &digest::of(b"whatever"))?;
            held_against(&ends, &seen).with_context(|| format!("zstd by {route:?}"))?;
            store.is_unchanged().with_context(|| format!("zstd by {route:?}"))?;
        }
        let seen = Route::Import.go(&store, &by_gzip, "")?;
        held_against(&ends, &seen).context("gzip")?;
        store.is_unchanged()?;
        ensure!(peak()? <= PEAK_BYTES_MAX, "{} bytes at the peak", peak()?);
        Ok(())
    })
}

const TEN_GIGABYTES: u64 = 10 << 30;

fn bomb_header() -> Vec<u8> {
    header(b"zeros", b'0', format!("{TEN_GIGABYTES:o} ").as_bytes(), b"")
}

/// RFC 8878: a raw block, and blocks that are one byte repeated.
fn zstd_bomb() -> Vec<u8> {
    const WINDOW_OF_128_KILOBYTES: u8 = 7 << 3;
    const BLOCK_BYTES: u32 = 128 << 10;
    let block = |size: u32, kind: u32, last: bool| ((size << 3) | (kind << 1) | u32::from(last)).to_le_bytes()[..3].to_vec();
    let mut bytes = vec![0x28, 0xb5, 0x2f, 0xfd, 0, WINDOW_OF_128_KILOBYTES];
    bytes.extend(block(512, 0, false));
    bytes.extend(bomb_header());
    let repeated: Vec<u8> = [block(BLOCK_BYTES, 1, false), vec![0]].concat();
    bytes.extend(repeated.repeat((TEN_GIGABYTES / u64::from(BLOCK_BYTES)) as usize));
    bytes.extend(block(1024, 1, true));
    bytes.push(0);
    bytes
}

/// Members one after the other.
fn gzip_bomb() -> Result<Vec<u8>> {
    let zeros = gzip(&vec![0; 4 << 20])?;
    Ok([gzip(&bomb_header())?, zeros.repeat((TEN_GIGABYTES >> 22) as usize)].concat())
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut compressor = Compressor::gzip(Vec::new());
    std::io::Write::write_all(&mut compressor, bytes)?;
    Ok(compressor.finish()?.2)
}

#[test]
fn what_is_cut_or_goes_on_is_refused() -> Result<()> {
    apart("what_is_cut_or_goes_on_is_refused", || {
        let store = Store::new()?;
        let plain = archive(&[entry("file", b'0', "", &noise())]);
        let (packed, diff_id) = (gzip(&plain)?, digest::of(&plain));
        let by_zstd = [&[0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3, 0, 0x10, 0][..], &plain[..512]].concat();
        let cut = "ends in the middle of it";
        let cases = [
            ("cut gzip", packed[..packed.len() / 2].to_vec(), cut),
            ("gzip without its sum", packed[..packed.len() - 4].to_vec(), cut),
            ("cut zstd", by_zstd, cut),
            ("garbage after gzip", [&packed[..], &b"garbage".repeat(9)].concat(), "invalid gzip header"),
            ("a broken sum", [&packed[..packed.len() - 8], &[0; 4], &packed[packed.len() - 4..]].concat(), "corrupt gzip stream"),
        ];
        for (name, layer, words) in cases {
            for route in [Route::Load, Route::Import, Route::Pull] {
                let seen = route.go(&store, &layer, &diff_id)?;
                held_against(&Ends::Refused(words), &seen).with_context(|| format!("{name} by {route:?}"))?;
                store.is_unchanged().with_context(|| format!("{name} by {route:?}"))?;
            }
        }
        // What follows the end of an archive belongs to its digest, and is nobody's file.
        let goes_on = [&plain[..], &noise()].concat();
        for route in ROUTES {
            let seen = route.go(&store, &goes_on, &digest::of(&goes_on))?;
            held_against(&Ends::Contained, &seen).with_context(|| format!("garbage after tar by {route:?}"))?;
            store.is_unchanged()?;
        }
        Ok(())
    })
}

/// Bytes that do not become shorter.
fn noise() -> Vec<u8> {
    let mut state = 1_u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..20_000).map(next).collect()
}

/// An image layout of these files.
fn layout(index: &[u8], blobs: &[&[u8]]) -> Vec<u8> {
    let mut entries =
        vec![entry("oci-layout", b'0', "", br#"{"imageLayoutVersion":"1.0.0"}"#), entry("index.json", b'0', "", index)];
    entries.extend(blobs.iter().map(|blob| entry(&format!("blobs/sha256/{}", &digest::of(blob)[7..]), b'0', "", blob)));
    archive(&entries)
}

fn index_of(entries: Vec<Descriptor>) -> Vec<u8> {
    Index { manifests: entries, ..Index::default() }.written().into_bytes()
}

/// Ten indexes within each other, around a manifest.
fn within_each_other(manifest: &[u8], blobs: &[&[u8]]) -> Vec<u8> {
    let mut nested = (media::MANIFEST, manifest.to_vec());
    let mut documents: Vec<Vec<u8>> = blobs.iter().map(|blob| blob.to_vec()).collect();
    for _ in 0..10 {
        nested = (media::INDEX, index_of(vec![Descriptor::of(nested.0, &nested.1)]));
        documents.push(nested.1.clone());
    }
    layout(&nested.1, &documents.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// An honest image of one layer, to be told lies about.
struct Honest {
    layer: Vec<u8>,
    config: Vec<u8>,
    manifest: Manifest,
    text: Vec<u8>,
}

impl Honest {
    fn new() -> Honest {
        let layer = archive(&[file("x")]);
        let config = hostile::routes::config(&digest::of(&layer));
        let manifest = Manifest::of(Descriptor::of(media::CONFIG, &config), vec![Descriptor::of(media::LAYER, &layer)]);
        let text = manifest.written();
        Honest { layer, config, manifest, text }
    }

    /// All three, below this index.
    fn below(&self, index: &[u8]) -> Vec<u8> {
        layout(index, &[&self.text, &self.config, &self.layer])
    }

    /// With another manifest.
    fn of(&self, manifest: &Manifest) -> Vec<u8> {
        let text = manifest.written();
        layout(&one(&text), &[&text, &self.config, &self.layer])
    }
}

/// The index of one manifest.
fn one(text: &[u8]) -> Vec<u8> {
    index_of(vec![Descriptor::of(media::MANIFEST, text)])
}

fn longer(descriptor: &Descriptor) -> Descriptor {
    Descriptor { size: descriptor.size + 1, ..descriptor.clone() }
}

/// An archive of images, and the words of its refusal; `None`: it is an honest one.
type Told = (&'static str, Vec<u8>, Option<&'static str>);

fn all_loaded(cases: Vec<Told>) -> Result<()> {
    let store = Store::new()?;
    for (name, bytes, words) in cases {
        let ends = words.map_or(Ends::Contained, Ends::Refused);
        let seen = store.load(&bytes)?;
        held_against(&ends, &seen).with_context(|| name.to_string())?;
        store.is_unchanged().with_context(|| name.to_string())?;
    }
    ensure!(peak()? <= PEAK_BYTES_MAX, "{} bytes at the peak", peak()?);
    Ok(())
}

#[test]
fn blobs_that_are_not_as_named_are_refused() -> Result<()> {
    apart("blobs_that_are_not_as_named_are_refused", || {
        let honest = Honest::new();
        let Honest { layer, config, manifest, text } = &honest;
        let mut changed = honest.below(&one(text));
        let at = changed.windows(7).position(|window| window == b"content").context("no content")?;
        changed[at] = b'C';
        let long_layer = Manifest { layers: manifest.layers.iter().map(longer).collect(), ..manifest.clone() };
        let long_config = Manifest { config: longer(&manifest.config), ..manifest.clone() };
        let wrong_ids = hostile::routes::config(&digest::of(b"another"));
        let wrong = Descriptor::of(media::CONFIG, &wrong_ids);
        let lying = Manifest::of(wrong.clone(), manifest.layers.clone()).written();
        let packed = gzip(layer)?;
        let squeezed = Manifest::of(wrong, vec![Descriptor::of(media::LAYER, &packed)]).written();
        let long_manifest = index_of(vec![longer(&Descriptor::of(media::MANIFEST, text))]);
        all_loaded(vec![
            ("right", honest.below(&one(text)), None),
            ("another content", changed, Some("is damaged: its bytes have the digest")),
            ("a longer manifest", honest.below(&long_manifest), Some("bytes, and")),
            ("a longer layer", honest.of(&long_layer), Some("bytes, and")),
            ("a longer configuration", honest.of(&long_config), Some("bytes, and")),
            ("no layer", layout(&one(text), &[text, config]), Some("the layer sha256:")),
            ("no configuration", layout(&one(text), &[text, layer]), Some("the configuration sha256:")),
            ("no manifest", layout(&one(text), &[config, layer]), Some("the manifest sha256:")),
            ("other diff ids", layout(&one(&lying), &[&lying, &wrong_ids, layer]), Some("invalid diffID for layer 0: expected")),
            ("of gzip", layout(&one(&squeezed), &[&squeezed, &wrong_ids, &packed]), Some("invalid diffID for layer 0: expected")),
        ])
    })
}

#[test]
fn documents_that_lie_are_refused() -> Result<()> {
    apart("documents_that_lie_are_refused", || {
        let honest = Honest::new();
        let Honest { layer, config, manifest, text } = &honest;
        let to_itself = Descriptor { media_type: media::INDEX.into(), digest: digest::of(text), size: 1, ..Descriptor::default() };
        let many = Manifest { layers: vec![Descriptor::of(media::LAYER, layer); 200], ..manifest.clone() };
        let none = Manifest { layers: vec![], ..manifest.clone() };
        let huge = vec![b' '; 5 << 20];
        let nested = format!("{{\"x\":{}", "[".repeat(100_000)).into_bytes();
        let of_config = |bytes: &[u8]| {
            let text = Manifest::of(Descriptor::of(media::CONFIG, bytes), vec![]).written();
            layout(&one(&text), &[&text, bytes])
        };
        let no_digest = br#"{"schemaVersion":2,"manifests":[{"mediaType":"","digest":"../../x","size":1}]}"#;
        all_loaded(vec![
            ("200 layers", honest.of(&many), Some("the image has 200 layers, more than 125")),
            ("no layers", honest.of(&none), Some("names 0 layers, its configuration 1")),
            ("indexes in indexes", within_each_other(text, &[text, config, layer]), Some("more than 4 indexes within each other")),
            ("an index that is none", layout(&index_of(vec![to_itself]), &[text]), Some("index")),
            ("5 MB of blanks", of_config(&huge), Some("it is longer than 4194304 bytes (DOCUMENT_BYTES_MAX)")),
            ("nested JSON", of_config(&nested), Some("cannot be read")),
            ("nested JSON as the index", layout(&nested, &[]), Some("cannot be read")),
            ("5 MB of index", layout(&huge, &[]), Some("more than 4194304 bytes in a document")),
            ("no digest", layout(no_digest, &[]), Some("is missing")),
        ])
    })
}

/// The test of the test: a store in which something stayed is seen, and so is a file beside it.
#[test]
fn what_stays_is_seen() -> Result<()> {
    apart("what_stays_is_seen", || {
        let store = Store::new()?;
        store.is_unchanged()?;
        let layer = with_field(file("su"), 100, b"0004755\0");
        std::fs::write(store.root().join("planted"), layer)?;
        ensure!(store.is_unchanged().is_err());
        std::fs::remove_file(store.root().join("planted"))?;
        std::fs::write(store.beside().join("kept"), "changed")?;
        ensure!(store.is_unchanged().is_err());
        Ok(())
    })
}
