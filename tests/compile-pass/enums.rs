//! An enum is the integer in its `repr`.

use vmstate::prelude::*;

#[derive(VmState, Clone, Copy, Debug, PartialEq, Default)]
#[repr(u16)]
enum Mode {
    #[default]
    Off,
    On = 0x100,
    Auto,
}

#[derive(VmState, Default)]
struct Device {
    mode: Mode,
    modes: [Mode; 2],
}

fn main() {
    let mut writer = Writer::new();
    Device { mode: Mode::Auto, modes: [Mode::On, Mode::Off] }.save(&mut writer).unwrap();
    assert_eq!(writer.pending(), [1, 1, 1, 0, 0, 0]);
}
