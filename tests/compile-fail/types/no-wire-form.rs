use vmstate::VmState;

#[derive(VmState)]
struct Device {
    value: u8,
    irq: IrqLine,
}

struct IrqLine;

fn main() {}

// Fix:
// -    irq: IrqLine,
// +    #[vmstate(skip = "wired by the board")]
// +    irq: IrqLine,
