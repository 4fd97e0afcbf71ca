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
