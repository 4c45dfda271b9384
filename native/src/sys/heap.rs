//! The allocator where the C library is musl, whose own one takes half a millisecond of a run: dlmalloc, behind a lock that costs one
//! exchange. Glassbox has one thread almost always; a second one only ever waits for a few instructions.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, Ordering};

use dlmalloc::Dlmalloc;

/// The heap of the process.
pub struct Heap {
    taken: AtomicBool,
    all: UnsafeCell<Dlmalloc>,
}

// SAFETY: the memory is only touched by whoever has set `taken`: see `locked`.
unsafe impl Sync for Heap {}

impl Heap {
    /// An empty one.
    pub const fn empty() -> Heap {
        Heap { taken: AtomicBool::new(false), all: UnsafeCell::new(Dlmalloc::new()) }
    }

    fn locked<T>(&self, work: impl FnOnce(&mut Dlmalloc) -> T) -> T {
        while self.taken.swap(true, Ordering::Acquire) {
            spin_loop();
        }
        // SAFETY: `taken` was free and is ours: until it is given back nobody else gets here. `work` calls no allocator.
        let answer = work(unsafe { &mut *self.all.get() });
        self.taken.store(false, Ordering::Release);
        answer
    }
}

// SAFETY: dlmalloc keeps the contract of GlobalAlloc, and each call has it for itself.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the layout is the caller's, who keeps the contract.
        self.locked(|heap| unsafe { heap.malloc(layout.size(), layout.align()) })
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above; `memory` is of this heap.
        self.locked(|heap| unsafe { heap.free(memory, layout.size(), layout.align()) });
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        self.locked(|heap| unsafe { heap.calloc(layout.size(), layout.align()) })
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above; `memory` is of this heap.
        self.locked(|heap| unsafe { heap.realloc(memory, layout.size(), layout.align(), size) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_have_memory_of_their_own() {
        static HEAP: Heap = Heap::empty();
        let layout = Layout::from_size_align(100, 16).unwrap();
        let work = |byte: u8| {
            for _ in 0..1000 {
                // SAFETY: written and read within its size, grown and given back with the layout that it has.
                unsafe {
                    let memory = HEAP.alloc(layout);
                    memory.write_bytes(byte, 100);
                    let memory = HEAP.realloc(memory, layout, 200);
                    assert!((0..100).all(|at| *memory.add(at) == byte));
                    HEAP.dealloc(memory, Layout::from_size_align(200, 16).unwrap());
                }
            }
        };
        std::thread::scope(|threads| (0..4).for_each(|byte| drop(threads.spawn(move || work(byte)))));
    }
}
