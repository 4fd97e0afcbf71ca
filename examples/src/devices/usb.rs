//! What all USB devices have in common, and a tablet and a keyboard: QEMU's sections "usb-ptr" and "usb-kbd".
//!
//! The fields are those of QEMU's `vmstate_usb_device` (`hw/usb/bus.c`), `vmstate_usb_ptr` and `vmstate_usb_kbd`
//! (`hw/usb/dev-hid.c`), `vmstate_hid_ptr_device`, `vmstate_hid_ptr_queue` and `vmstate_hid_keyboard_device`
//! (`hw/input/hid.c`).

use vmstate::prelude::*;

/// A tablet or a mouse.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "usb-ptr")]
pub struct UsbPointer {
    /// The device on the bus.
    pub dev: UsbDevice,
    /// What it is.
    pub hid: Pointer,
}

/// A keyboard.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "usb-kbd")]
pub struct UsbKeyboard {
    /// The device on the bus.
    pub dev: UsbDevice,
    /// What it is.
    pub hid: Keyboard,
}

/// A device on a bus.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "USBDevice")]
pub struct UsbDevice {
    /// Its address.
    pub addr: u8,
    /// Whether it is attached, has an address, is configured.
    pub state: i32,
    /// Whether it may wake the machine up.
    pub remote_wakeup: i32,
    /// How far a control request is.
    pub setup_state: i32,
    /// How many bytes of data belong to it.
    pub setup_len: i32,
    /// The next of them.
    pub setup_index: i32,
    /// The request.
    pub setup_buf: [u8; 8],
}

/// Something that points.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "HIDPointerDevice")]
pub struct Pointer {
    /// What has happened.
    #[vmstate(name = "ptr.queue")]
    pub queue: [PointerEvent; 16],
    /// The first of that.
    pub head: u32,
    /// How many events there are.
    pub n: u32,
    /// Whether reports are those that firmware understands, or its own.
    pub protocol: i32,
    /// How long it says nothing new before it repeats itself.
    pub idle: u8,
}

/// What a pointer did.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "HIDPointerEventQueue")]
pub struct PointerEvent {
    /// The place or the movement to the right.
    pub xdx: i32,
    /// The place or the movement down.
    pub ydy: i32,
    /// How far the wheel has turned.
    pub dz: i32,
    /// Which buttons are pressed.
    pub buttons_state: i32,
}

/// Something with keys.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "HIDKeyboardDevice")]
pub struct Keyboard {
    /// Codes of what has happened.
    #[vmstate(name = "kbd.keycodes")]
    pub keycodes: [u32; 16],
    /// The first of them.
    pub head: u32,
    /// How many there are.
    pub n: u32,
    /// Which modifiers are pressed.
    #[vmstate(name = "kbd.modifiers")]
    pub modifiers: u16,
    /// Which lights are on.
    #[vmstate(name = "kbd.leds")]
    pub leds: u8,
    /// Which keys are pressed.
    #[vmstate(name = "kbd.key")]
    pub key: [u8; 16],
    /// How many of them.
    #[vmstate(name = "kbd.keys")]
    pub keys: i32,
    /// Whether reports are those that firmware understands, or its own.
    pub protocol: i32,
    /// How long it says nothing new before it repeats itself.
    pub idle: u8,
}
