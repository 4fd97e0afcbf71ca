use vmstate::prelude::*;

#[derive(VmState)]
struct Unfinished {
    #[vmstate(through)]
    a: u8,
    #[vmstate(through(u8, get = Self::a))]
    b: u8,
    #[vmstate(through(u8, get = Self::a, put = Self::set_a))]
    c: u8,
}

#[derive(VmState)]
struct Others {
    #[vmstate(through(Vec<u8>, get = Self::a, set = Self::set_a), count("n": u8), max = 4)]
    a: u8,
    #[vmstate(through(usize, get = Self::a, set = Self::set_a), equal)]
    b: u8,
}

#[derive(VmState)]
#[vmstate(repr = u8)]
enum Variant {
    Off,
    On(#[vmstate(through(u8, get = |_| 0, set = |_, _| ()))] u8),
}

fn main() {}

// Fix:
// -    #[vmstate(through)]
// -    a: u8,
// -    #[vmstate(through(u8, get = Self::a))]
// -    b: u8,
// -    #[vmstate(through(u8, get = Self::a, put = Self::set_a))]
// -    c: u8,
// +    #[vmstate(through(u8, get = Self::a, set = Self::set_a))]
// +    a: u8,
//
// -#[derive(VmState)]
// -struct Others {
// -    #[vmstate(through(Vec<u8>, get = Self::a, set = Self::set_a), count("n": u8), max = 4)]
// -    a: u8,
// -    #[vmstate(through(usize, get = Self::a, set = Self::set_a), equal)]
// -    b: u8,
// +impl Unfinished {
// +    fn a(&self) -> u8 {
// +        self.a
// +    }
// +
// +    fn set_a(&mut self, a: u8) {
// +        self.a = a;
// +    }
// +}
// +
// +#[derive(VmState)]
// +struct Others {
// +    #[vmstate(through(Vec<u8>, get = |dev| vec![dev.a], set = |dev, a| dev.a = a[0]), with = vmstate::info::Sequence<1>)]
// +    a: u8,
// +    #[vmstate(through(u64, get = |dev| dev.b.into(), set = |_, _| ()), equal)]
// +    b: u8,
//
// -    On(#[vmstate(through(u8, get = |_| 0, set = |_, _| ()))] u8),
// +    On(Level),
//
// -fn main() {}
// +#[derive(VmState, Default)]
// +struct Level {
// +    #[vmstate(through(u8, get = |_| 0, set = |_, _| ()))]
// +    level: u8,
// +}
// +
// +fn main() {}
