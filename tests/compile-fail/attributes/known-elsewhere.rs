use vmstate::VmState;

#[derive(VmState)]
#[vmstate(name = "device", load_state_old = Self::load_first)]
struct Device {
    count: u32,
    #[vmstate(field_exists = Self::is_wired)]
    level: u8,
    #[vmstate(needed = Self::is_wired)]
    edge: u8,
    #[vmstate(ignore)]
    cache: u8,
    #[vmstate(num = count)]
    items: [u8; 4],
    #[vmstate(absent = keep)]
    fifo: u8,
}

fn main() {}

// Fix:
// -#[vmstate(name = "device", load_state_old = Self::load_first)]
// +#[vmstate(name = "device", version = 2, minimum_version = 2, load_old(min = 1, with = Self::load_first))]
//
// -    #[vmstate(field_exists = Self::is_wired)]
// +    #[vmstate(when = Self::is_wired)]
//
// -    #[vmstate(needed = Self::is_wired)]
// +    #[vmstate(when = Self::is_wired)]
//
// -    #[vmstate(ignore)]
// +    #[vmstate(skip = "a cache")]
//
// -    #[vmstate(num = count)]
// +    #[vmstate(len = count)]
//
// -    #[vmstate(absent = keep)]
// +    #[vmstate(subsection("device/fifo", needed = Self::is_wired, absent = keep))]
//
// -fn main() {}
// +impl Device {
// +    fn load_first(&mut self, _: &mut vmstate::Reader<'_>, _: u32) -> Result<(), vmstate::LoadError> {
// +        Ok(())
// +    }
// +
// +    fn is_wired(&self) -> bool {
// +        self.cache != 0
// +    }
// +}
// +
// +fn main() {}
