//! Shows how two releases exchange streams: a new field with a version, and a field that was replaced.
//!
//! ```text
//! old to new: loaded; prescaler 1, 3000 ms
//! new to old: rejected: expected at most version 1, found version 2
//! new to old, saved at version 1: loaded; 5 s
//! ```

use vmstate::machine::SaveOptions;
use vmstate::prelude::*;

/// The device of the first release.
#[derive(VmState, Default)]
#[vmstate(name = "tick")]
struct OldTick {
    seconds: u16,
}

/// The device of the second release, which counts milliseconds and has a prescaler.
#[derive(VmState, Default)]
#[vmstate(name = "tick", version = 2)]
struct Tick {
    #[vmstate(removed("seconds": u16, until = 1, with = Self::take_seconds, from = Self::seconds))]
    #[vmstate(since = 2)]
    millis: u32,
    #[vmstate(since = 2, default = 1)]
    prescaler: u8,
}

impl Tick {
    fn take_seconds(&mut self, seconds: u16) {
        self.millis = u32::from(seconds) * 1000;
    }

    fn seconds(&self) -> u16 {
        u16::try_from(self.millis / 1000).unwrap_or(u16::MAX)
    }
}

fn machine(tick: &mut (impl VmState + Send)) -> Machine<'_> {
    let mut machine = Machine::with_type("my-board");
    machine.register("tick", tick).expect("no other device has this name");
    machine
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut stream = Vec::new();
    machine(&mut OldTick { seconds: 3 }).save(&mut stream)?;
    let mut new = Tick::default();
    machine(&mut new).load(&stream[..])?;
    println!("old to new: loaded; prescaler {}, {} ms", new.prescaler, new.millis);

    stream.clear();
    new.millis = 5000;
    machine(&mut new).save(&mut stream)?;
    let mut old = OldTick::default();
    if let Err(error) = machine(&mut old).load(&stream[..]) {
        println!("new to old: rejected: expected {}, found {}", error.expected(), error.found());
    }

    stream.clear();
    machine(&mut new).save_with(&mut stream, SaveOptions::new().version("tick", 1))?;
    machine(&mut old).load(&stream[..])?;
    println!("new to old, saved at version 1: loaded; {} s", old.seconds);
    Ok(())
}
