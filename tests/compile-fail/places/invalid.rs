use vmstate::prelude::*;

#[derive(VmState)]
#[vmstate(
    field,
    field("b"),
    field("a[0]": u32 = a[0], name = "other"),
    field("a[1]": u32 = a[1], in = "device/group", skip = "no"),
    field("a[2]": u32 = a[2], sinse = 2),
    field("a[3]": u32 = a[3], since = 4),
    field("c": u8 = c)
)]
struct Device {
    a: [u32; 4],
    #[vmstate(field("d": u8 = self.c))]
    c: u8,
}

fn main() {}

// Fix:
// -    field,
// -    field("b"),
// -    field("a[0]": u32 = a[0], name = "other"),
// -    field("a[1]": u32 = a[1], in = "device/group", skip = "no"),
// -    field("a[2]": u32 = a[2], sinse = 2),
// +    version = 4,
// +    field("a[0]": u32 = a[0]),
// +    field("a[1]": u32 = a[1]),
// +    field("a[2]": u32 = a[2], since = 2),
//
// -    field("c": u8 = c)
// +    field("c[1]": u8 = c)
//
// -    #[vmstate(field("d": u8 = self.c))]
// +    #[vmstate(field("d": u8 = c))]
