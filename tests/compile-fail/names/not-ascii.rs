use vmstate::VmState;

#[derive(VmState)]
#[vmstate(name = "gerät")]
struct Device {
    value: u8,
}

fn main() {}

// Fix:
// -#[vmstate(name = "gerät")]
// +#[vmstate(name = "geraet")]
