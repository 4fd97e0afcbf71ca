use vmstate::VmState;

#[derive(VmState)]
#[vmstate(pre_save = Self::pre_save)]
struct Device {
    value: u8,
}

struct Failure;

impl Device {
    fn pre_save(&mut self) -> Result<(), Failure> {
        Err(Failure)
    }
}

fn main() {}

// Fix:
// -struct Failure;
// +#[derive(Debug)]
// +struct Failure;
//
// -
// +
// +impl std::fmt::Display for Failure {
// +    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
// +        f.write_str("not now")
// +    }
// +}
// +
