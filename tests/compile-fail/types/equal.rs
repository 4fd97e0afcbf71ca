use vmstate::VmState;

#[derive(VmState)]
struct Device {
    #[vmstate(equal)]
    line: Line,
}

struct Line;

fn main() {}

// Fix:
// -    #[vmstate(equal)]
//
// -struct Line;
// +#[derive(VmState)]
// +struct Line {
// +    level: u8,
// +}
