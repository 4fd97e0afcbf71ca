use vmstate::VmState;

#[derive(VmState)]
struct Device {
    #[vmstate(equal)]
    line: Line,
}

struct Line;

fn main() {}
