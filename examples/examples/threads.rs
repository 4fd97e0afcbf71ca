//! Devices that vCPU threads use, too: a machine is saved while they stand, and loaded into the same devices.
//!
//! ```text
//! saved at 1000 ticks, which 4 threads have counted
//! went on to 2000 ticks
//! loaded: 1000 ticks
//! ```

use std::sync::{Arc, Mutex};
use std::thread;

use vmstate::prelude::*;

const VCPUS: u64 = 4;

#[derive(VmState, Default)]
#[vmstate(name = "counter")]
struct Counter {
    ticks: u64,
}

/// Runs the guest for some time, on all vCPUs.
fn run(counter: &Arc<Mutex<Counter>>, ticks: u64) {
    thread::scope(|scope| {
        for _ in 0..VCPUS {
            scope.spawn(|| (0..ticks / VCPUS).for_each(|_| counter.lock().expect("no thread has panicked").ticks += 1));
        }
    });
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let counter = Arc::new(Mutex::new(Counter::default()));
    let ticks = || counter.lock().expect("no thread has panicked").ticks;

    // The registry has the other end. It takes the lock for as long as it saves or loads the device's section, so a
    // device is never seen half changed. That the sections fit each other is for the machine to see to: it stops its
    // vCPUs first, here by waiting for them.
    let mut machine = Machine::with_type("my-board-1.0");
    machine.register("counter", Arc::clone(&counter))?;

    run(&counter, 1000);
    let mut stream = Vec::new();
    machine.save(&mut stream)?;
    println!("saved at {} ticks, which {VCPUS} threads have counted", ticks());

    run(&counter, 1000);
    println!("went on to {} ticks", ticks());

    machine.load(&stream[..])?;
    println!("loaded: {} ticks", ticks());
    Ok(())
}
