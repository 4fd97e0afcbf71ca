//! New state in a subsection: an older program loads every stream in which it does not matter.
//!
//! ```text
//! idle, 6 bytes: loads in the old program
//! capturing, 29 bytes: refused by the old program: expected a subsection that `tick` has, found "tick/capture"
//! old stream: loads in the new program, capture None
//! ```

use vmstate::prelude::*;

/// The device as an older release has it.
#[derive(VmState, Default)]
#[vmstate(name = "tick")]
struct OldTick {
    control: u16,
    reload: u32,
}

/// The device as it is now: it captures the time of events, if the guest wants that.
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
    for (what, mut tick) in [("idle", idle), ("capturing", capturing)] {
        let bytes = saved(&mut tick)?;
        print!("{what}, {} bytes: ", bytes.len());
        match OldTick::default().load(&mut Reader::from_slice(&bytes), 1) {
            Ok(()) => println!("loads in the old program"),
            Err(error) => {
                println!("refused by the old program: expected {}, found {}", error.expected(), error.found());
            }
        }
    }

    let mut tick = Tick { capture: Some(Capture::default()), ..Tick::default() };
    tick.load(&mut Reader::from_slice(&saved(&mut OldTick { control: 1, reload: 1000 })?), 1)?;
    println!("old stream: loads in the new program, capture {:?}", tick.capture);
    Ok(())
}
