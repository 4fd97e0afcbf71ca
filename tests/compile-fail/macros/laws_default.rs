use vmstate::VmState;

#[derive(VmState)]
struct Device {
    level: u8,
}

// The generator of `laws!(Device)`, which is only compiled for tests.
fn main() {
    <Device as vmstate::laws::WithDefault>::with_default();
}

// Fix:
// -#[derive(VmState)]
// +#[derive(VmState, Default)]
