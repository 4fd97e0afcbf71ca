use vmstate::VmState;

#[derive(VmState)]
#[vmstate(version = 4)]
struct Device {
    #[vmstate(since = 3, when = Self::has_value)]
    value: u8,
}

impl Device {
    fn has_value(&self) -> bool {
        true
    }
}

fn main() {}

// Fix:
// -    #[vmstate(since = 3, when = Self::has_value)]
// +    #[vmstate(when = Self::has_value)]
//
// -    fn has_value(&self) -> bool {
// -        true
// +    fn has_value(&self, version: u32) -> bool {
// +        version >= 3
