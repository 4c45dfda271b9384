//! Any bytes as a container's record, or as a journal, are read or refused in words; what is read comes back as it was when it is written.

#![no_main]

use glassbox::journal;
use glassbox::store::record;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(read) = record::parse(bytes) {
        let written = serde_json::to_vec(&read).expect("a record can be written");
        assert_eq!(record::parse(&written).as_ref(), Ok(&read));
    }
    let _ = journal::replay(bytes);
});
