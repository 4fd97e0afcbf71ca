use vmstate::VmState;

#[derive(VmState)]
#[vmstate(name = "dev")]
struct Device {
    #[vmstate(subsection("dev/sub", need = Self::x))]
    value: u8,
}

fn main() {}

// Fix:
// -    #[vmstate(subsection("dev/sub", need = Self::x))]
// +    #[vmstate(subsection("dev/sub", needed = Self::x))]
//
// -fn main() {}
// +impl Device {
// +    fn x(&self) -> bool {
// +        self.value != 0
// +    }
// +}
// +
// +fn main() {}
