use vmstate::prelude::*;

#[derive(VmState)]
#[vmstate(name = "uart", subsection("uart/fifo", needed = |_| true, post_save = Self::clear))]
struct Uart {
    #[vmstate(in = "uart/fifo")]
    count: u8,
}

impl Uart {
    fn clear(&mut self) {}
}

fn main() {
    Uart { count: 0 }.save_shared_to_slice(&mut [0; 32]).unwrap();
}

// Fix:
// -    fn clear(&mut self) {}
// +    fn clear(&self) {}
