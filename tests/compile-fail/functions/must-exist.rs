use vmstate::prelude::*;

#[derive(VmState)]
#[vmstate(must_exist("fifo fits"), must_exist(Self::fits), must_exist = Self::fits)]
struct Device {
    count: u8,
}

impl Device {
    fn fits(&self) -> bool {
        self.count < 16
    }
}

#[derive(VmState)]
#[vmstate(must_exist("fifo fits", Self::fits))]
struct Other {
    count: u8,
}

impl Other {
    fn fits(&self) -> u8 {
        self.count
    }
}

#[derive(VmState)]
struct Fields {
    #[vmstate(must_exist("fifo fits"))]
    count: u8,
    #[vmstate(skip = "wired by the board", must_exist("fifo fits", Self::fits))]
    skipped: u8,
}

#[derive(VmState)]
struct Numbers {
    count: u8,
    #[vmstate(must_exist("fifo fits", Self::fits))]
    next: u8,
}

impl Numbers {
    fn fits(&self) -> u8 {
        self.count
    }
}

fn main() {}

// Fix:
// -#[vmstate(must_exist("fifo fits"), must_exist(Self::fits), must_exist = Self::fits)]
// +#[vmstate(must_exist("fifo fits", Self::fits))]
//
// -    fn fits(&self) -> u8 {
// -        self.count
// +    fn fits(&self) -> bool {
// +        self.count < 16
//
// -    #[vmstate(must_exist("fifo fits"))]
// +    #[vmstate(must_exist("fifo fits", |dev| dev.count < 16))]
//
// -    #[vmstate(skip = "wired by the board", must_exist("fifo fits", Self::fits))]
// +    #[vmstate(skip = "wired by the board")]
//
// -    fn fits(&self) -> u8 {
// -        self.count
// +    fn fits(&self) -> bool {
// +        self.count < 16
