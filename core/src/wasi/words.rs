//! Arguments and environment: pointers to strings that end with NUL, as C has them.

use super::Call;
use super::answer::Done;
use super::guest::{Memory, put_u32};

/// `args_get`, `environ_get`: (pointers, bytes).
pub(super) fn put(words: &[String], call: &Call, memory: &mut dyn Memory) -> Done {
    let (mut pointer, mut address) = (call.word(0), call.word(1));
    for word in words {
        put_u32(memory, pointer, address)?;
        memory.write(address, &[word.as_bytes(), b"\0"].concat())?;
        pointer = pointer.wrapping_add(4);
        address = address.wrapping_add(word.len() as u32 + 1);
    }
    Ok(())
}

/// `args_sizes_get`, `environ_sizes_get`: (how many, bytes of all).
pub(super) fn put_sizes(words: &[String], call: &Call, memory: &mut dyn Memory) -> Done {
    put_u32(memory, call.word(0), words.len() as u32)?;
    put_u32(memory, call.word(1), words.iter().map(|word| word.len() as u32 + 1).sum())?;
    Ok(())
}
