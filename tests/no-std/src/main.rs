//! Saves and loads a derived struct in a program without `std`. Exit code 0 if that works, 1 if not.
//!
//! A second panic handler is a compile error, so this program does not compile if `std` is linked.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;
use core::alloc::{GlobalAlloc, Layout};
use core::ffi::{c_int, c_void};

use vmstate_types::{LoadError, Reader, SaveError, VmState, Writer};

#[derive(VmState, Default, PartialEq)]
#[vmstate(name = "counter", version = 2)]
struct Counter {
    running: bool,
    reload: [u16; 4],
    #[vmstate(since = 2)]
    count: i64,
}

// SAFETY: it is C's `main` without arguments, and nothing else in the program has the name.
#[unsafe(no_mangle)]
extern "C" fn main() -> c_int {
    let mut counter = Counter { running: true, reload: [1, 2, 3, 0xffff], count: -5 };
    let works = save(&mut counter).is_ok_and(|bytes| load(&bytes).is_ok_and(|loaded| loaded == counter));
    // An error too makes its way without std.
    let refused = load(&[1, 2, 3]).is_err_and(|error| error.path() == "counter.reload[1]" && error.is_truncated());
    c_int::from(!(works && refused))
}

fn save(counter: &mut Counter) -> Result<Vec<u8>, SaveError> {
    let mut writer = Writer::new();
    counter.save(&mut writer)?;
    Ok(writer.take())
}

fn load(bytes: &[u8]) -> Result<Counter, LoadError> {
    let mut counter = Counter::default();
    counter.load(&mut Reader::from_slice(bytes), 2)?;
    Ok(counter)
}

/// Memory from C, which a program without `std` has to get for itself.
struct Malloc;

// SAFETY: they are declared as in C's <stdlib.h>.
#[link(name = "c")]
unsafe extern "C" {
    fn malloc(size: usize) -> *mut c_void;
    fn free(memory: *mut c_void);
    fn abort() -> !;
}

#[global_allocator]
static MALLOC: Malloc = Malloc;

// SAFETY: malloc's memory is aligned for every type of up to 16 bytes, and larger alignments return null.
unsafe impl GlobalAlloc for Malloc {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() > 16 {
            return core::ptr::null_mut();
        }
        // SAFETY: any size may be asked for.
        unsafe { malloc(layout.size()).cast() }
    }

    unsafe fn dealloc(&self, memory: *mut u8, _: Layout) {
        // SAFETY: the caller guarantees that `alloc` returned the pointer.
        unsafe { free(memory.cast()) }
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: it takes nothing and does not return.
    unsafe { abort() }
}

/// The toolchain's `alloc` was built for unwinding and names this and the next. Nothing unwinds here.
// SAFETY: without `std` nothing else in the program has the name, and nothing calls it.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    // SAFETY: it takes nothing and does not return.
    unsafe { abort() }
}
