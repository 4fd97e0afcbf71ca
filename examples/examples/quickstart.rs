//! Shows how to save a device to a stream and load it again.
//!
//! ```text
//! saved 446 bytes
//! loaded: control 3, deadline Some(1000), armed true
//! ```

use vmstate::prelude::*;

#[derive(VmState, Default)]
#[vmstate(name = "tick", post_load = |tick| tick.armed = tick.control & 1 != 0)]
struct Tick {
    control: u8,
    #[vmstate(timer)]
    deadline: Option<u64>,
    #[vmstate(skip = "derived from `control`")]
    armed: bool,
}

/// Creates a machine with one device. The section has the name `tick`.
fn machine(tick: &mut Tick) -> Machine<'_> {
    let mut machine = Machine::with_type("my-board-1.0");
    machine.register("tick", tick).expect("no other device has this name");
    machine
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut stream = Vec::new(); // or a file, or a socket
    let saved = machine(&mut Tick { control: 3, deadline: Some(1000), armed: true }).save(&mut stream)?;
    println!("saved {} bytes", saved.bytes);

    let mut tick = Tick::default();
    machine(&mut tick).load(&stream[..])?;
    println!("loaded: control {}, deadline {:?}, armed {}", tick.control, tick.deadline, tick.armed);
    Ok(())
}
