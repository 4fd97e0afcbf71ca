//! Dirty tracking, page faults and saving of running guests, compared with minimal C programs in alternating runs.
//!
//!     cargo bench -p vmstate-tests --bench memory [-- track | fault | save]
//!
//! `VMSTATE_BENCH_MIB` is the size of the memory, 256 if unset. It requires Linux 6.7 and a C compiler.

#[cfg(target_os = "linux")]
mod fault;
#[cfg(target_os = "linux")]
mod plain;
#[cfg(target_os = "linux")]
mod save;
#[cfg(target_os = "linux")]
mod track;

#[cfg(target_os = "linux")]
fn main() {
    if let Err(error) = vmstate::memory::WriteProtect::probe() {
        println!("NOT MEASURED: {error}");
        return;
    }
    let subjects: [(&str, fn()); 3] = [("track", track::measure), ("fault", fault::measure), ("save", save::measure)];
    // Cargo passes `--bench`.
    let asked: Vec<_> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    for (name, measure) in subjects {
        if asked.is_empty() || asked.iter().any(|asked| asked == name) {
            println!("\n{name}");
            measure();
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("NOT MEASURED: it requires Linux");
}
