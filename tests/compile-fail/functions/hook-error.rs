use vmstate::VmState;

#[derive(VmState)]
#[vmstate(pre_save = Self::pre_save)]
struct Device {
    value: u8,
}

struct Refusal;

impl Device {
    fn pre_save(&mut self) -> Result<(), Refusal> {
        Err(Refusal)
    }
}

fn main() {}

// Fix:
// -struct Refusal;
// +#[derive(Debug)]
// +struct Refusal;
//
// -
// +
// +impl std::fmt::Display for Refusal {
// +    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
// +        f.write_str("not now")
// +    }
// +}
// +
