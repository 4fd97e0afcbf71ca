use vmstate::VmState;

#[derive(VmState)]
struct Device<T: vmstate::Wire> {
    inner: Inner,
    next: [T; 2],
}

#[derive(VmState)]
#[vmstate(name = "inner")]
struct Inner {
    value: u8,
    #[vmstate(subsection("inner/sub"))]
    sub: u8,
}

pub fn save(mut device: Device<u8>) {
    device.save(&mut vmstate::Writer::new()).unwrap();
}

fn main() {}
