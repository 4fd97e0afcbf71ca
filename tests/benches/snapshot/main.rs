//! Snapshots: lazy and mapped restores compared with loads of the whole memory in alternating runs, background and incremental
//! snapshots, rewinding, and saves and loads compared with plain files.
//!
//!     cargo bench -p vmstate-tests --bench snapshot [PART...]
//!
//! `VMSTATE_BENCH_MIB` is the largest memory, 4096 if unset; half of it has content, at most 2 GiB. The snapshots are in the
//! folder of temporary files, and stay in the page cache. The parts are `lazy`, `background`, `files`, `incremental` and
//! `rewind`; all if none is named.

#[cfg(target_os = "linux")]
mod background;
#[cfg(target_os = "linux")]
mod files;
#[cfg(target_os = "linux")]
mod guest;
#[cfg(target_os = "linux")]
mod incremental;
#[cfg(target_os = "linux")]
mod lazy;
#[cfg(target_os = "linux")]
mod rewind;

#[cfg(target_os = "linux")]
fn main() {
    let parts: [(&str, fn()); 5] = [
        ("lazy", lazy::measure),
        ("background", background::measure),
        ("files", files::measure),
        ("incremental", incremental::measure),
        ("rewind", rewind::measure),
    ];
    if let Err(error) = vmstate::memory::MissingFaults::start(Vec::new(), |_, _| ()) {
        println!("NOT MEASURED: {error}");
        return;
    }
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    for (name, measure) in parts {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            measure();
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("NOT MEASURED: it requires Linux");
}
