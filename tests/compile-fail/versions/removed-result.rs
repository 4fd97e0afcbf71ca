use vmstate::prelude::*;

#[derive(VmState)]
#[vmstate(version = 2, removed("old": u8, until = 1, with = Self::take))]
struct Device {
    value: u8,
}

impl Device {
    fn take(&mut self, old: u8) -> bool {
        self.value = old;
        true
    }
}

#[derive(VmState)]
#[vmstate(version = 2, removed("old": u8, until = 1, with = |device, old| device.value == old))]
struct Closure {
    value: u8,
}

fn main() {}

// Fix:
// -    fn take(&mut self, old: u8) -> bool {
// +    fn take(&mut self, old: u8) {
//
// -        true
//
// -#[vmstate(version = 2, removed("old": u8, until = 1, with = |device, old| device.value == old))]
// +#[vmstate(version = 2, removed("old": u8, until = 1, with = |device, old| device.value = old))]
