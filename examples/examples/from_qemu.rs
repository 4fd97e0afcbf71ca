//! A device out of a stream that QEMU wrote: its state in a struct, changed, and given back with all the others as they were.
//!
//! ```text
//! a stream of lm3s811evb: 28 sections, 23 of them kept as bytes
//! port 0 has received "vmstate"
//! port 1 has received ""
//! written again with what differs: pl011.read_count
//! ```

use std::io::Read;
use std::sync::{Arc, Mutex};

use flate2::read::GzDecoder;
use vmstate::dynamic::diff::{Snapshot, StateDifference, compare};
use vmstate::machine::{LoadOptions, Rules, Unknown};
use vmstate::prelude::*;
use vmstate::ram::{PageSize, VecBlock};
use vmstate_examples::devices::pl011::Pl011;

/// What QEMU 10.0 wrote (tests/streams/make). The struct for its serial ports began with `cargo vmstate import`.
const STREAM: &[u8] = include_bytes!("../../tests/streams/qemu-10.0-lm3s811evb.gz");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut stream = Vec::new();
    GzDecoder::new(STREAM).read_to_end(&mut stream)?;

    // Of the machine there are structs for the serial ports, and its memory. The rest is kept as it came.
    let ports: [Arc<Mutex<Pl011>>; 2] = Default::default();
    let blocks = [("stellaris.flash", 0x10000), ("stellaris.sram", 0x2000)];
    let mut machine = Machine::with_type("lm3s811evb");
    machine.register_ram(PageSize::new(1024)?, blocks.map(|(name, size)| VecBlock::new(name, vec![0; size])))?;
    for port in &ports {
        machine.register("pl011", Arc::clone(port))?;
    }

    let options = LoadOptions::new().rules(Rules::default().unknown(Unknown::PassThrough));
    let loaded = machine.load_with(&mut Reader::from_slice(&stream), options)?;
    let name = loaded.configuration.map(|configuration| configuration.machine).unwrap_or_default();
    println!("a stream of {name}: {} sections, {} of them kept as bytes", loaded.sections, loaded.unknown.len());
    for (number, port) in ports.iter().enumerate() {
        let text: String = port.lock().expect("no panic elsewhere").received().filter_map(char::from_u32).collect();
        println!("port {number} has received {text:?}");
    }

    // As if the guest had read what was there.
    ports[0].lock().expect("no panic elsewhere").read_count = 0;
    let mut written = Vec::new();
    machine.save(&mut written)?;
    print!("written again with what differs:");
    for difference in compare(&Snapshot::from_stream(&stream)?, &Snapshot::from_stream(&written)?) {
        let StateDifference::Section(section) = difference else { continue };
        section.fields.iter().for_each(|field| print!(" {}.{}", section.name, field.path));
    }
    println!();
    Ok(())
}
