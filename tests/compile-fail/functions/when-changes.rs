use vmstate::VmState;

#[derive(VmState)]
struct Device {
    #[vmstate(when = Self::has_value)]
    value: u8,
}

impl Device {
    fn has_value(&mut self) -> bool {
        true
    }
}

fn main() {}

// Fix:
// -    fn has_value(&mut self) -> bool {
// +    fn has_value(&self) -> bool {
