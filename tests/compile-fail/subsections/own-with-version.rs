use vmstate::VmState;

#[derive(VmState)]
#[vmstate(name = "dev")]
struct Device {
    #[vmstate(subsection(always, version = 2, post_load = Self::x))]
    sub: Sub,
}

#[derive(VmState)]
#[vmstate(name = "dev/sub")]
struct Sub {
    value: u8,
}

fn main() {}

// Fix:
// -    #[vmstate(subsection(always, version = 2, post_load = Self::x))]
// +    #[vmstate(subsection(always))]
//
// -#[vmstate(name = "dev/sub")]
// +#[vmstate(name = "dev/sub", version = 2, post_load = Self::x)]
//
// -fn main() {}
// +impl Sub {
// +    fn x(&mut self) {
// +        self.value &= 1;
// +    }
// +}
// +
// +fn main() {}
