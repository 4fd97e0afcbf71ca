use vmstate::VmState;

#[derive(VmState)]
#[vmstate(name = "dev")]
struct Device {
    #[vmstate(subsection)]
    fifo: Fifo,
}

#[derive(VmState)]
#[vmstate(name = "dev/fifo")]
struct Fifo {
    level: u8,
}

fn main() {}

// Fix:
// -#[vmstate(name = "dev/fifo")]
// +#[vmstate(name = "dev/fifo", needed = |fifo| fifo.level != 0)]
