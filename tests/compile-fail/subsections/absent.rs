use vmstate::VmState;

#[derive(VmState)]
#[vmstate(name = "dev")]
struct Device {
    #[vmstate(subsection("dev/sub", always, absent = maybe))]
    value: u8,
}

fn main() {}

// Fix:
// -    #[vmstate(subsection("dev/sub", always, absent = maybe))]
// +    #[vmstate(subsection("dev/sub", always, absent = keep))]
