use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    #[vmstate(through(u32, get = Self::seed, set = Self::reseed))]
    random: Random,
    #[vmstate(through(Random, get = |device| device.random.clone(), set = |device, random| device.random = random))]
    other: Random,
    #[vmstate(through(u8, get = |device| device.level, set = |device, level| device.level + level))]
    level: u8,
}

#[derive(Clone)]
struct Random(u32);

impl Device {
    fn seed(&self) -> u16 {
        0
    }

    fn reseed(&mut self) {}
}

fn main() {}

// Fix:
// -    #[vmstate(through(Random, get = |device| device.random.clone(), set = |device, random| device.random = random))]
// +    #[vmstate(through(u32, get = |device| device.other.0, set = |device, random| device.other.0 = random))]
//
// -    #[vmstate(through(u8, get = |device| device.level, set = |device, level| device.level + level))]
// +    #[vmstate(through(u8, get = |device| device.level, set = |device, level| device.level += level))]
//
// -    fn seed(&self) -> u16 {
// +    fn seed(&self) -> u32 {
//
// -    fn reseed(&mut self) {}
// +    fn reseed(&mut self, _: u32) {}
