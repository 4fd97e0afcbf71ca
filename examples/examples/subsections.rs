//! Shows how to add state in a subsection, so that older releases can load streams that do not need it.
//!
//! ```text
//! idle, 6 bytes: loaded by the old release
//! capturing, 29 bytes: rejected by the old release: expected a subsection that `tick` has, found "tick/capture"
//! old stream: loaded by the new release, capture None
//! ```

use vmstate::prelude::*;

/// The device of an old release.
#[derive(VmState, Default)]
#[vmstate(name = "tick")]
struct OldTick {
    control: u16,
    reload: u32,
}

/// The device of the new release, which can capture the time of events.
#[derive(VmState, Default)]
#[vmstate(name = "tick")]
struct Tick {
    control: u16,
    reload: u32,
    #[vmstate(subsection("tick/capture"))]
    capture: Option<Capture>,
}

#[derive(VmState, Default, Debug)]
#[vmstate(name = "tick-capture")]
struct Capture {
    mode: u8,
    last: u32,
}

fn saved(device: &mut impl VmState) -> Result<Vec<u8>, SaveError> {
    let mut out = Writer::new();
    device.save(&mut out)?;
    Ok(out.take())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let idle = Tick { control: 1, reload: 1000, capture: None };
    let capturing = Tick { capture: Some(Capture { mode: 2, last: 77 }), ..Tick::default() };
    for (name, mut tick) in [("idle", idle), ("capturing", capturing)] {
        let bytes = saved(&mut tick)?;
        print!("{name}, {} bytes: ", bytes.len());
        match OldTick::default().load(&mut Reader::from_slice(&bytes), 1) {
            Ok(()) => println!("loaded by the old release"),
            Err(error) => {
                println!("rejected by the old release: expected {}, found {}", error.expected(), error.found());
            }
        }
    }

    let mut tick = Tick { capture: Some(Capture::default()), ..Tick::default() };
    tick.load(&mut Reader::from_slice(&saved(&mut OldTick { control: 1, reload: 1000 })?), 1)?;
    println!("old stream: loaded by the new release, capture {:?}", tick.capture);
    Ok(())
}
