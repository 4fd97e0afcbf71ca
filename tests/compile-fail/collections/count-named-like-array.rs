use vmstate::VmState;

#[derive(VmState)]
struct Device {
    #[vmstate(count("rows": u32), max = 4)]
    rows: Vec<u32>,
}

fn main() {}

// Fix:
// -    #[vmstate(count("rows": u32), max = 4)]
// +    #[vmstate(count("num_rows": u32), max = 4)]
