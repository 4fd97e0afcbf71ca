//! States of the devices of the crate [`vm-superio`](::vm_superio) 0.8 (feature `vm-superio`).
//!
//! There are two forms of each:
//!
//! | state | as it is | as QEMU's device |
//! |---|---|---|
//! | `SerialState` | [`Serial`] | [`QemuSerial`]: QEMU's `vmstate_serial`, version 3 |
//! | `RtcState` | [`Rtc`] | [`QemuPl031`]: QEMU's `vmstate_pl031`, version 1 |
//!
//! The first keep all of the state, for machines that know each other. The second are what QEMU sends and takes, down to
//! names and subsections, and lack what QEMU's device does not have. On a PC the section holds the port as a member:
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
//! The devices themselves have private fields: take their `state()` in `pre_save`, and make new ones with `from_state` in
//! `post_load`, as [above](super).

mod pl031;
mod serial;

use vmstate_derive::VmState;

pub use pl031::QemuPl031;
pub use serial::QemuSerial;

/// All of a `SerialState`: what `#[vmstate(with = Serial)]` names.
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
    // The size of the crate's FIFO: `from_state` refuses more.
    #[vmstate(count("in_buffer_len": u8), max = 64)]
    in_buffer: Vec<u8>,
}

/// All of an `RtcState`: what `#[vmstate(with = Rtc)]` names.
#[derive(VmState, Debug)]
#[vmstate(name = "vm-superio/rtc", remote = vm_superio::RtcState, crate = crate)]
pub struct Rtc {
    lr: u32,
    offset: i64,
    mr: u32,
    imsc: u32,
    ris: u32,
}

/// Makes a struct the wire form of a state that it can be converted to and from.
macro_rules! converted {
    ($form:ty: $state:ty) => {
        impl vmstate_types::info::Codec<$state> for $form {
            const FORM: vmstate_types::description::Form =
                vmstate_types::description::Form::structure(<Self as vmstate_types::state::VmState>::DESCRIPTION);

            fn save<S: vmstate_types::Sink>(
                state: &mut $state,
                sink: &mut S,
                at: vmstate_types::sink::FieldRef,
                element: vmstate_types::sink::ElementIndex,
            ) -> Result<(), vmstate_types::SaveError> {
                vmstate_types::walk::save_view(&mut Self::of(state)?, sink, at, element)
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
