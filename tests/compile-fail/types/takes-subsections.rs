use vmstate::VmState;

#[derive(VmState)]
#[vmstate(name = "virtio-net")]
struct Device {
    inner: Inner,
    #[vmstate(subsection("virtio-net/sub", always))]
    sub: u8,
}

#[derive(VmState)]
#[vmstate(name = "virtio")]
struct Inner {
    value: u8,
}

fn main() {}

// Fix:
// -    inner: Inner,
// +    #[vmstate(ambiguous = "QEMU's layout")]
// +    inner: Inner,
