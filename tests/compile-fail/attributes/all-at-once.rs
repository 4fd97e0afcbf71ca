use vmstate::VmState;

#[derive(VmState)]
#[vmstate(version = 2, verzion = 3, minimum_version = 4)]
struct Device {
    #[vmstate(sinse = 2)]
    first: u8,
    #[vmstate(since = 5)]
    second: u8,
    #[vmstate(skip)]
    third: Board,
    #[vmstate(le)]
    fourth: u8,
    #[vmstate(in = "Device/group")]
    fifth: u8,
}

struct Board;

fn main() {}

// Fix:
// -#[vmstate(version = 2, verzion = 3, minimum_version = 4)]
// +#[vmstate(version = 5)]
//
// -    #[vmstate(sinse = 2)]
// +    #[vmstate(since = 2)]
//
// -    #[vmstate(skip)]
// +    #[vmstate(skip = "wired by the board")]
//
// -    fourth: u8,
// -    #[vmstate(in = "Device/group")]
// +    fourth: i32,
// +    #[vmstate(subsection("Device/group", needed = |dev| dev.fifth != 0))]
