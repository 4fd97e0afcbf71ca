use std::cell::Cell;
use std::rc::Rc;

use vmstate::prelude::*;

fn main() {
    let loads = Rc::new(Cell::new(0));
    let mut machine = Machine::new();
    machine.after_load(move || {
        loads.set(loads.get() + 1);
        Ok::<(), String>(())
    });
}

// Fix:
// -use std::cell::Cell;
// -use std::rc::Rc;
// +use std::sync::Arc;
// +use std::sync::atomic::{AtomicU32, Ordering};
//
// -    let loads = Rc::new(Cell::new(0));
// +    let loads = Arc::new(AtomicU32::new(0));
//
// -        loads.set(loads.get() + 1);
// +        loads.fetch_add(1, Ordering::Relaxed);
