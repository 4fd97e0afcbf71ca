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
