//! Guest memory: speed of finding zero pages, of encoding changes, and of transferring other pages, compared with simple code in the same run
//! and, with the feature `qemu`, with QEMU.
//!
//!     cargo bench -p vmstate-tests --bench ram [-- zero | xbzrle | socket | files | memory | qemu]
//!
//! `VMSTATE_BENCH_MIB` is the size of the memory, 1024 if unset.

mod files;
mod guest;
mod measure;
#[cfg(feature = "qemu")]
mod qemu;
mod socket;
mod xbzrle;
mod zero;

use std::env;

/// The measurements, selected by their names in the arguments; all if none is named.
const SUBJECTS: &[(&str, fn())] = &[
    ("zero", zero::measure),
    ("xbzrle", xbzrle::measure),
    ("socket", socket::measure),
    ("files", files::measure),
    ("memory", socket::measure_memory),
    #[cfg(feature = "qemu")]
    ("qemu", qemu::measure),
];

fn main() {
    // Cargo passes `--bench`.
    let asked: Vec<_> = env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    for (name, measure) in SUBJECTS {
        if asked.is_empty() || asked.iter().any(|asked| asked == name) {
            println!("\n{name}");
            measure();
        }
    }
}
