use vmstate::VmState;

#[derive(VmState)]
struct Device {
    lines: [IrqLine; 4],
}

struct IrqLine;

fn main() {}
