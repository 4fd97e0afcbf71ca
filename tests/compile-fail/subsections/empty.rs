use vmstate::VmState;

#[derive(VmState)]
#[vmstate(name = "dev", subsection("dev/tx", empty, needed = |dev| dev.retries != 0))]
struct Device {
    #[vmstate(in = "dev/tx")]
    retries: u8,
}

fn main() {}

// Fix:
// -#[vmstate(name = "dev", subsection("dev/tx", empty, needed = |dev| dev.retries != 0))]
// +#[vmstate(name = "dev", subsection("dev/tx", needed = |dev| dev.retries != 0))]
