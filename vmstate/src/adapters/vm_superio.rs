//! The states of the devices of [`vm-superio`](::vm_superio) 0.8 (feature `vm-superio`).
//!
//! Each has two wire formats:
//!
//! | state | complete | QEMU's device |
//! |---|---|---|
//! | `SerialState` | [`Serial`] | [`QemuSerial`]: QEMU's `vmstate_serial`, version 3 |
//! | `RtcState` | [`Rtc`] | [`QemuPl031`]: QEMU's `vmstate_pl031`, version 1 |
//!
//! The first keeps the complete state and suits two VMMs with this crate. The second is byte-compatible with QEMU,
//! including names and subsections, and drops state that QEMU's device does not have. On a PC, the port is a member of
//! the section:
//!
//! ```
//! use vm_superio::SerialState;
//! use vmstate::adapters::vm_superio::QemuSerial;
//! use vmstate::prelude::*;
//!
//! /// QEMU's `vmstate_isa_serial`.
//! #[derive(VmState)]
//! #[vmstate(name = "serial", version = 3, minimum_version = 2)]
//! struct Com1 {
//!     #[vmstate(name = "state", with = QemuSerial)]
//!     port: SerialState,
//! }
//!
//! let mut com1 = Com1 { port: SerialState { scratch: 0x5a, ..SerialState::default() } };
//! let mut writer = Writer::new();
//! com1.save(&mut writer)?;
//! //                                divider rbr ier iir   lcr mcr lsr   msr   scr   fcr
//! assert_eq!(writer.pending()[..11], [0, 12, 0, 0, 0xc1, 3, 8, 0x60, 0xb0, 0x5a, 1]);
//! # Ok::<(), SaveError>(())
//! ```
//!
//! The fields of the devices are private. Copy their `state()` in `pre_save`, and rebuild them with `from_state` in
//! `post_load`, as in the [example](super).

mod pl031;
mod serial;

use vmstate_derive::VmState;

pub use pl031::QemuPl031;
pub use serial::QemuSerial;

/// The complete `SerialState`, for `#[vmstate(with = Serial)]`.
#[derive(VmState, Debug)]
#[vmstate(name = "vm-superio/serial", remote = vm_superio::SerialState, crate = crate)]
pub struct Serial {
    baud_divisor_low: u8,
    baud_divisor_high: u8,
    interrupt_enable: u8,
    interrupt_identification: u8,
    line_control: u8,
    line_status: u8,
    modem_control: u8,
    modem_status: u8,
    scratch: u8,
    // `from_state` rejects more bytes than fit the crate's FIFO.
    #[vmstate(count("in_buffer_len": u8), max = 64)]
    in_buffer: Vec<u8>,
}

/// The complete `RtcState`, for `#[vmstate(with = Rtc)]`.
#[derive(VmState, Debug)]
#[vmstate(name = "vm-superio/rtc", remote = vm_superio::RtcState, crate = crate)]
pub struct Rtc {
    lr: u32,
    offset: i64,
    mr: u32,
    imsc: u32,
    ris: u32,
}

/// Implements `Codec` for a device struct that converts to and from a state.
macro_rules! converted {
    ($form:ty: $state:ty) => {
        impl vmstate_types::info::Codec<$state> for $form {
            const FORM: vmstate_types::description::Form =
                vmstate_types::description::Form::structure(<Self as vmstate_types::state::VmState>::DESCRIPTION);

            fn share<S: vmstate_types::Sink>(
                state: &$state,
                sink: &mut S,
                at: vmstate_types::sink::FieldRef,
                element: vmstate_types::sink::ElementIndex,
            ) -> Result<(), vmstate_types::SaveError> {
                vmstate_types::walk::save_view(&mut Self::from_state(state)?, sink, at, element)
            }

            fn load(
                state: &mut $state,
                reader: &mut vmstate_types::Reader<'_>,
            ) -> Result<(), vmstate_types::LoadError> {
                let start = reader.offset();
                let mut form = Self::default();
                vmstate_types::walk::load(&mut form, reader, Self::DESCRIPTION.version)?;
                *state = form.state().map_err(|error| error.at_offset(start))?;
                Ok(())
            }
        }
    };
}
use converted;
