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
