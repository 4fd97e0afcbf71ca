//! Disk images in the format qcow2.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::Command;

use flate2::read::GzDecoder;

/// The images in `tests/images`: two snapshots of QEMU.
pub const CAPTURED: [&str; 2] = ["qemu-10.0-microvm", "qemu-11.1-microvm"];

/// Returns the content of an image in `tests/images`.
///
/// # Panics
/// If it cannot be read.
#[must_use]
pub fn captured(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("images").join(format!("{name}.gz"));
    let file = File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut image = Vec::new();
    GzDecoder::new(file).read_to_end(&mut image).expect("a compressed file");
    image
}

/// Runs `qemu-img check`, which must find neither errors nor leaked clusters.
///
/// # Panics
/// If it finds a problem, or is not installed (`tests/qemu/install` installs it).
pub fn check(image: &Path, when: &str) {
    let printed = qemu_img(&["check", "-f", "qcow2", &image.display().to_string()], when);
    assert!(printed.contains("No errors were found on the image."), "{when}: {printed}");
}

/// Runs `qemu-img` and returns its output.
///
/// # Panics
/// If it fails or is not installed.
pub fn qemu_img(arguments: &[&str], when: &str) -> String {
    run("qemu-img", arguments, when)
}

/// Writes data to the disk of an image with these commands of `qemu-io`.
///
/// # Panics
/// If a command fails, or `qemu-io` is not installed.
pub fn write(image: &Path, commands: &[&str]) {
    let commands: Vec<_> = commands.iter().flat_map(|command| ["-c", command]).collect();
    run("qemu-io", &[&["-f", "qcow2"], &commands[..], &[&image.display().to_string()]].concat(), "qemu-io");
}

fn run(program: &str, arguments: &[&str], when: &str) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("this test needs {program}; run tests/qemu/install: {error}"));
    let printed = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success(), "{when}: {program} {arguments:?}: {}\n{printed}", output.status);
    printed
}

/// Returns an empty image of a disk of `size` bytes, with clusters of `1 << cluster_bits` bytes (version 3 of
/// `docs/interop/qcow2.txt` of QEMU).
///
/// # Panics
/// If the disk needs more than one cluster for its L1 table.
#[must_use]
pub fn image(cluster_bits: u32, size: u64) -> Vec<u8> {
    let cluster = 1_u64 << cluster_bits;
    let l1_entries = size.div_ceil(cluster * (cluster / 8)).max(1);
    assert!(l1_entries * 8 <= cluster, "a large disk");
    // The header, the refcount table, a refcount block, and the L1 table.
    let mut bytes = vec![0; usize::try_from(4 * cluster).expect("a small image")];
    let mut put = |at: u64, value: &[u8]| {
        let at = usize::try_from(at).expect("an offset in the image");
        bytes[at..at + value.len()].copy_from_slice(value);
    };
    put(0, b"QFI\xfb\0\0\0\x03");
    put(20, &cluster_bits.to_be_bytes());
    put(24, &size.to_be_bytes());
    put(36, &u32::try_from(l1_entries).expect("a small table").to_be_bytes());
    put(40, &(3 * cluster).to_be_bytes());
    put(48, &cluster.to_be_bytes());
    put(56, &1_u32.to_be_bytes());
    put(96, &4_u32.to_be_bytes());
    put(100, &104_u32.to_be_bytes());
    put(cluster, &(2 * cluster).to_be_bytes());
    (0..4).for_each(|used| put(2 * cluster + 2 * used, &1_u16.to_be_bytes()));
    bytes
}
