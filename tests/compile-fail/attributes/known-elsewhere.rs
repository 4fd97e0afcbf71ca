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
