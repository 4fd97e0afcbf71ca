use vmstate::VmState;

#[derive(VmState)]
struct Device {
    value: u8,
    irq: IrqLine,
}

struct IrqLine;

fn main() {}
