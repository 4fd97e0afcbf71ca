//! Shows how to change one device in a stream of QEMU, and pass all other sections through.
//!
//! ```text
//! machine lm3s811evb: 28 sections, 23 passed through as bytes
//! port 0 received "vmstate"
//! port 1 received ""
//! changed: pl011.read_count
//! ```

use std::io::Read;
use std::sync::{Arc, Mutex};

use flate2::read::GzDecoder;
use vmstate::dynamic::diff::{Snapshot, StateDifference, compare};
use vmstate::machine::{LoadOptions, Rules, Unknown};
use vmstate::memory::{PageSize, VecBlock};
use vmstate::prelude::*;
use vmstate_examples::devices::pl011::Pl011;

/// A stream of QEMU 10.0 (tests/streams/make). `cargo vmstate import` generated the first version of `Pl011`.
const STREAM: &[u8] = include_bytes!("../../tests/streams/qemu-10.0-lm3s811evb.gz");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut stream = Vec::new();
    GzDecoder::new(STREAM).read_to_end(&mut stream)?;

    // Only the serial ports and the memory are registered. Other sections are passed through.
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
    println!("machine {name}: {} sections, {} passed through as bytes", loaded.sections, loaded.unknown.len());
    for (number, port) in ports.iter().enumerate() {
        let text: String = port.lock().expect("no thread has panicked").received().filter_map(char::from_u32).collect();
        println!("port {number} received {text:?}");
    }

    // Discard the received bytes, as if the guest had read them.
    ports[0].lock().expect("no thread has panicked").read_count = 0;
    let mut changed = Vec::new();
    machine.save(&mut changed)?;
    print!("changed:");
    for difference in compare(&Snapshot::from_stream(&stream)?, &Snapshot::from_stream(&changed)?) {
        let StateDifference::Section(section) = difference else { continue };
        section.fields.iter().for_each(|field| print!(" {}.{}", section.name, field.path));
    }
    println!();
    Ok(())
}
