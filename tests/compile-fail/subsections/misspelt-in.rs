use vmstate::VmState;

#[derive(VmState)]
#[vmstate(name = "serial", subsection("serial/tx", needed = |dev| dev.level != 0))]
struct Serial {
    count: u8,
    #[vmstate(in = "serial/xt")]
    level: u8,
}

fn main() {}

// Fix:
// -    #[vmstate(in = "serial/xt")]
// +    #[vmstate(in = "serial/tx")]
