//! Speed of saving and loading derived devices, compared with handwritten code and other crates' codecs.
//!
//!     cargo bench -p vmstate-tests --features compare --bench devices [-- ROUNDS]
//!
//! Devices are saved into a reused buffer, and loaded from a slice into an existing device, through each crate's API. The
//! table contains the ratios to the time of the handwritten code.

mod baseline;
mod byteorder_calls;
mod consoles;
mod measure;
mod ours;
mod own_traits;
mod serde_formats;
mod shapes;
mod table;
mod wincode_orders;

use std::cell::RefCell;

use baseline::{Baseline, ByHand};
use measure::contender;
use shapes::{Cpu, IoApic, Nic, Pit, Queue, Uart, Virtio};
use wincode_orders::{Big, Little, Wincode};

/// A way to save and load `D`.
trait Codec<D> {
    /// Its name in the table.
    const NAME: &'static str;

    /// Saves `device`, replacing the previous bytes.
    fn save(&mut self, device: &mut D);

    /// Returns the saved bytes.
    fn bytes(&self) -> &[u8];

    /// Loads `device`.
    fn load(device: &mut D, bytes: &[u8]);
}

/// Measures a device with all codecs, the one written by hand first.
macro_rules! measure {
    ($table:ident, $name:literal, $device:expr) => {{
        let device = &$device;
        let mut contenders = [
            contender::<Baseline, _>(device),
            contender::<ours::Ours, _>(device),
            contender::<byteorder_calls::Byteorder, _>(device),
            contender::<own_traits::Bincode, _>(device),
            contender::<own_traits::Borsh, _>(device),
            contender::<own_traits::Rkyv, _>(device),
            contender::<own_traits::Savefile, _>(device),
            contender::<own_traits::Speedy, _>(device),
            contender::<Wincode<Big>, _>(device),
            contender::<Wincode<Little>, _>(device),
            contender::<serde_formats::Postcard, _>(device),
            contender::<serde_formats::Json, _>(device),
        ];
        $table.measure($name, &mut contenders);
    }};
}

/// The default number of turns of each codec.
const ROUNDS: usize = 60;

fn main() {
    let rounds = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(ROUNDS);
    let mut table = table::Table::new(rounds);
    measure!(table, "UART", sample(Uart::default(), &[]));
    measure!(table, "PIT", sample(Pit::default(), &[]));
    measure!(table, "IOAPIC", sample(IoApic::default(), &[]));
    measure!(table, "NIC", sample(Nic::default(), &[]));
    let virtio = Virtio { queues: vec![Queue::default(); 64], pending: vec![0; 8], ..Virtio::default() };
    // The counters match the arrays.
    measure!(table, "virtio", sample(virtio, &[(20, &[0, 64]), (22, &[0, 0, 2, 0])]));
    measure!(table, "CPU", sample(Cpu::default(), &[]));
    print!("{table}");
    print!("\n{}", consoles_table(rounds));
}

/// Measures structs of emulators with the formats of serde.
fn consoles_table(rounds: usize) -> table::Table {
    let mut table = table::Table::new(rounds);
    measure_console(&mut table, "NES", consoles::nes());
    measure_console(&mut table, "Game Boy", consoles::game_boy());
    table
}

fn measure_console<D>(table: &mut table::Table, name: &'static str, console: D)
where
    D: vmstate::VmState
        + serde::Serialize
        + serde::de::DeserializeOwned
        + Clone
        + Default
        + PartialEq
        + std::fmt::Debug,
{
    let console = &RefCell::new(console);
    let mut contenders = [
        contender::<ours::Ours, _>(console),
        contender::<serde_formats::SerdeBincode, _>(console),
        contender::<serde_formats::Bitcode, _>(console),
        contender::<serde_formats::Postcard, _>(console),
    ];
    table.measure(name, &mut contenders);
}

/// The device with random contents but for `fixed` bytes of its wire form.
fn sample<D: ByHand>(mut device: D, fixed: &[(usize, &[u8])]) -> Box<RefCell<D>> {
    let mut bytes = Vec::new();
    let size = device.save(&mut bytes);
    let mut state = 1_u64;
    for byte in &mut bytes[..size] {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *byte = (state >> 56) as u8;
    }
    for (offset, fixed) in fixed {
        bytes[*offset..][..fixed.len()].copy_from_slice(fixed);
    }
    device.load(&bytes).expect("as many bytes as were saved");
    Box::new(RefCell::new(device))
}
