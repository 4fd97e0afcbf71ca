//! Shows a device without `std`, which only depends on `vmstate-types` and is saved to memory.
//!
//! ```text
//! 13 bytes, loaded an equal device
//! truncated stream: counter.reload, the end of the stream after 1
//! ```
//!
//! `Cargo.toml`: `vmstate-types = { ..., default-features = false, features = ["derive"] }`. See `tests/no-std` for a
//! complete program without `std`, with an allocator and a panic handler.
#![no_std]

extern crate alloc;
// Only to print the results.
extern crate std;

use alloc::vec::Vec;

use vmstate_types::{LoadError, Reader, SaveError, VmState, Writer};

#[derive(VmState, Default, PartialEq)]
#[vmstate(name = "counter")]
struct Counter {
    running: bool,
    reload: u32,
    count: i64,
}

fn save(counter: &mut Counter) -> Result<Vec<u8>, SaveError> {
    let mut writer = Writer::new();
    counter.save(&mut writer)?;
    Ok(writer.take())
}

fn load(bytes: &[u8]) -> Result<Counter, LoadError> {
    let mut counter = Counter::default();
    counter.load(&mut Reader::from_slice(bytes), 1)?;
    Ok(counter)
}

fn main() {
    let mut counter = Counter { running: true, reload: 1000, count: -5 };
    let bytes = save(&mut counter).expect("the device has no hooks that can fail");
    let is_equal = load(&bytes).is_ok_and(|loaded| loaded == counter);
    std::println!("{} bytes, loaded {} device", bytes.len(), if is_equal { "an equal" } else { "a different" });
    if let Err(error) = load(&bytes[..2]) {
        std::println!("truncated stream: {}, {}", error.path(), error.found());
    }
}
