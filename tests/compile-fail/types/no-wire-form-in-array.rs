use vmstate::VmState;

#[derive(VmState)]
struct Device {
    lines: [IrqLine; 4],
}

struct IrqLine;

fn main() {}

// Fix:
// -struct IrqLine;
// +#[derive(VmState)]
// +struct IrqLine {
// +    level: u8,
// +}
