//! A device without `std`: it depends on `vmstate-types` alone, and saves into memory.
//!
//! ```text
//! 13 bytes, and the same device again
//! a cut stream: counter.reload, the end of the stream after 1
//! ```
//!
//! In `Cargo.toml`: `vmstate-types = { ..., default-features = false, features = ["derive"] }`. A whole program without `std`,
//! which the tests run, is in `tests/no-std`: with an allocator and a panic handler of its own.
#![no_std]

extern crate alloc;
// For the lines that are printed, and nothing else.
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
    let bytes = save(&mut counter).expect("nothing here refuses");
    let again = load(&bytes).is_ok_and(|loaded| loaded == counter);
    std::println!("{} bytes, and {} device again", bytes.len(), if again { "the same" } else { "another" });
    if let Err(error) = load(&bytes[..2]) {
        std::println!("a cut stream: {}, {}", error.path(), error.found());
    }
}
