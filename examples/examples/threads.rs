//! Shows how a machine shares devices with vCPU threads, which are stopped while it is saved and loaded.
//!
//! ```text
//! saved at 1000 ticks of 4 threads
//! continued to 2000 ticks
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

/// Runs the guest on all vCPUs, until `ticks` are counted.
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

    // The machine locks a device while it saves or loads the device's section. Consistency between sections is the
    // caller's responsibility: stop the vCPUs first, here by joining the threads.
    let mut machine = Machine::with_type("my-board-1.0");
    machine.register("counter", Arc::clone(&counter))?;

    run(&counter, 1000);
    let mut stream = Vec::new();
    machine.save(&mut stream)?;
    println!("saved at {} ticks of {VCPUS} threads", ticks());

    run(&counter, 1000);
    println!("continued to {} ticks", ticks());

    machine.load(&stream[..])?;
    println!("loaded: {} ticks", ticks());
    Ok(())
}
