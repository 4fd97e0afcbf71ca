//! Devices of QEMU, by their laws.

use vmstate::VmState;
use vmstate::laws::{Choices, Laws};
use vmstate_examples::devices::clock::{AdaptTimers, Clock, Icount, Shift, WarpTimer};
use vmstate_examples::devices::{e1000, fdc, globalstate, ide, serial, x86, xhci};

use super::Target;

/// The target.
pub const TARGET: Target = Target { name: "device", run, seeds, fixed: 16 << 20, per_byte: 1024 };

const KINDS: [fn(&[u8]); 8] = [
    fuzz::<serial::IsaSerial>,
    fuzz::<e1000::E1000>,
    fuzz::<fdc::IsaFdc>,
    fuzz::<ide::PciIde>,
    fuzz::<xhci::PciXhci>,
    fuzz::<globalstate::GlobalState>,
    fuzz::<x86::Cpu>,
    fuzz_clock,
];

/// The first byte selects the device.
fn run(bytes: &[u8]) {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    KINDS[usize::from(*kind) % KINDS.len()](bytes);
}

fn fuzz<T: VmState + Default>(bytes: &[u8]) {
    Laws::<T>::default().fuzz(bytes);
}

fn fuzz_clock(bytes: &[u8]) {
    let make = |choices: &mut Choices| Clock {
        icount: choices.flip().then(|| Icount {
            warp_timer: choices.flip().then(WarpTimer::default),
            timers: choices.flip().then(AdaptTimers::default),
            shift: choices.flip().then(Shift::default),
            ..Icount::default()
        }),
        ..Clock::default()
    };
    Laws::new(make).fuzz(bytes);
}

/// The kinds of [`KINDS`] as QEMU has saved them, and as they are saved here.
fn seeds() -> Vec<Vec<u8>> {
    let names = ["serial", "e1000", "fdc", "piix3-ide", "xhci", "globalstate", "cpu", "timer"];
    let saved = super::seeds::payloads().into_iter().filter_map(|(name, payload)| {
        let kind = names.iter().position(|own| name.rsplit('/').next() == Some(own))?;
        Some([&[u8::try_from(kind).ok()?, 0, 0], &payload[..]].concat())
    });
    let made = (0..8).map(|kind| [&[kind, 0, 1], &[kind; 20][..]].concat());
    saved.chain(made).collect()
}
