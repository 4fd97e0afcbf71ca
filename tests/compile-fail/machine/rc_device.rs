use std::cell::RefCell;
use std::rc::Rc;

use vmstate::prelude::*;

#[derive(VmState, Default)]
#[vmstate(name = "serial")]
struct Serial {
    divider: u16,
}

fn main() {
    let mut machine = Machine::new();
    machine.register("serial", Rc::new(RefCell::new(Serial::default()))).unwrap();
}

// Fix:
// -use std::cell::RefCell;
// -use std::rc::Rc;
// +use std::sync::{Arc, Mutex};
//
// -    machine.register("serial", Rc::new(RefCell::new(Serial::default()))).unwrap();
// +    machine.register("serial", Arc::new(Mutex::new(Serial::default()))).unwrap();
