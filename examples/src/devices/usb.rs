//! The state common to all USB devices, and a tablet and keyboard: QEMU's sections "usb-ptr" and "usb-kbd".
//!
//! The fields follow QEMU's `vmstate_usb_device` (`hw/usb/bus.c`), `vmstate_usb_ptr` and `vmstate_usb_kbd`
//! (`hw/usb/dev-hid.c`), `vmstate_hid_ptr_device`, `vmstate_hid_ptr_queue` and `vmstate_hid_keyboard_device`
//! (`hw/input/hid.c`).

use vmstate::prelude::*;

/// A tablet or a mouse.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "usb-ptr")]
pub struct UsbPointer {
    /// The USB device.
    pub dev: UsbDevice,
    /// The pointer state.
    pub hid: Pointer,
}

/// A keyboard.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "usb-kbd")]
pub struct UsbKeyboard {
    /// The USB device.
    pub dev: UsbDevice,
    /// The keyboard state.
    pub hid: Keyboard,
}

/// The state of a USB device.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "USBDevice")]
pub struct UsbDevice {
    /// The address.
    pub addr: u8,
    /// The state: attached, addressed or configured.
    pub state: i32,
    /// True if remote wakeup is enabled.
    pub remote_wakeup: i32,
    /// The stage of a control request.
    pub setup_state: i32,
    /// The data length of the request.
    pub setup_len: i32,
    /// The position in the data.
    pub setup_index: i32,
    /// The setup packet.
    pub setup_buf: [u8; 8],
}

/// A pointing device.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "HIDPointerDevice")]
pub struct Pointer {
    /// The event queue.
    #[vmstate(name = "ptr.queue")]
    pub queue: [PointerEvent; 16],
    /// The position of the first event.
    pub head: u32,
    /// The number of events.
    pub n: u32,
    /// The protocol: boot or report.
    pub protocol: i32,
    /// The idle rate.
    pub idle: u8,
}

/// A pointer event.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "HIDPointerEventQueue")]
pub struct PointerEvent {
    /// The horizontal position or movement.
    pub xdx: i32,
    /// The vertical position or movement.
    pub ydy: i32,
    /// The wheel movement.
    pub dz: i32,
    /// The pressed buttons.
    pub buttons_state: i32,
}

/// A keyboard.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "HIDKeyboardDevice")]
pub struct Keyboard {
    /// The queue of key codes.
    #[vmstate(name = "kbd.keycodes")]
    pub keycodes: [u32; 16],
    /// The position of the first code.
    pub head: u32,
    /// The number of codes.
    pub n: u32,
    /// The pressed modifiers.
    #[vmstate(name = "kbd.modifiers")]
    pub modifiers: u16,
    /// The LEDs.
    #[vmstate(name = "kbd.leds")]
    pub leds: u8,
    /// The pressed keys.
    #[vmstate(name = "kbd.key")]
    pub key: [u8; 16],
    /// The number of pressed keys.
    #[vmstate(name = "kbd.keys")]
    pub keys: i32,
    /// The protocol: boot or report.
    pub protocol: i32,
    /// The idle rate.
    pub idle: u8,
}
