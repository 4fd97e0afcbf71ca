//! The programs of the example board on real QEMUs.

mod background;
mod client;
mod commands;
mod handover;
pub(crate) mod live;
mod mapped;
mod multifd;
mod one_sided;
mod postcopy;
mod run_states;
mod sides;
mod statistics;
mod table;
mod tls;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;
use vmstate_tests::guests::{AFTER_A_SECOND, HASHER, PROGRAMS, Program, assert_printed};
use vmstate_tests::qemu::VERSIONS;

/// The options that give QEMU's hart no other mode than machine mode, and no floating point registers.
fn hart(program: &str, version: &str) -> Vec<&'static str> {
    match (program, version) {
        ("csr", "7.2") => vec!["-cpu", "rv64,s=off,u=off,h=off,f=off,d=off"],
        ("csr", _) => vec!["-cpu", "rv64,s=off,u=off,h=off,f=off,d=off,zfa=off"],
        _ => vec![],
    }
}

#[test]
fn guest_verifies_itself_in_qemu() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("hasher");
    fs::write(&path, HASHER).unwrap();
    for version in VERSIONS {
        let mut child = qemu(version, &path).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.next().unwrap().unwrap().starts_with("hasher: "), "{version}");
        assert_eq!(lines.next().unwrap().unwrap(), AFTER_A_SECOND, "{version}");
        child.stdin.take().unwrap().write_all(b"vq").unwrap();
        let verdict = lines.map(Result::unwrap).find(|line| line.contains("keys"));
        assert!(verdict.as_ref().is_some_and(|line| line.starts_with("right: ")), "{version}: {verdict:?}");
        assert!(child.wait().unwrap().success(), "{version}");
    }
}

/// A QEMU with the program at `image`, with the serial port at its standard input and output.
fn qemu(version: &str, image: &Path) -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("qemu/run");
    let mut command = Command::new("timeout");
    command.args(["30", &script.display().to_string(), version, "riscv64", "-M", "virt", "-bios"]);
    command.arg(image).args(["-display", "none", "-monitor", "none", "-serial", "stdio"]);
    command
}

#[test]
fn programs_print_the_same_in_qemu() {
    let folder = TempDir::new().unwrap();
    for (Program { name, image, expected }, version) in
        PROGRAMS.into_iter().flat_map(|program| VERSIONS.map(|version| (Program { ..program }, version)))
    {
        let path = folder.path().join(name);
        fs::write(&path, image).unwrap();
        let output = qemu(version, &path).args(hart(name, version)).stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name} on QEMU {version}: {}\n{said}", output.status);
        let printed = String::from_utf8(output.stdout).unwrap();
        match (name, version) {
            ("csr", "11.1") => assert_printed(name, &without_changed(&printed), &without_changed(expected)),
            _ => assert_printed(name, &printed, &expected_of(version, expected)),
        }
    }
}

/// The registers with other writable bits in QEMU 11.1, which has no delegation without supervisor mode, 64 regions of
/// memory protection with addresses of 54 bits, and even return addresses only.
const CHANGED: [&str; 11] =
    ["0x3a0", "0x3a2", "0x3a4", "0x3b0", "0x3bf", "0x3c0", "medeleg", "mepc", "mideleg", "mip", "mstatus"];

/// Removes the lines about registers that QEMU 11.1 changed.
fn without_changed(text: &str) -> String {
    let is_kept = |line: &&str| !CHANGED.iter().any(|name| line.split(' ').next() == Some(name));
    text.lines().filter(is_kept).map(|line| format!("{line}\n")).collect()
}

/// Returns the output of a program in this QEMU. QEMU 11.1 reports misaligned atomic instructions as stores, and checks
/// the address of `sc` without a reservation, too. The board follows QEMU 10.0.
fn expected_of(version: &str, expected: &str) -> String {
    if version != "11.1" {
        return expected.to_owned();
    }
    let trap =
        |address: u64| format!("cause 0 06 value {address:016x} at 0000 status 1800 then 80 pending 080 count 01");
    let mut expected = expected.to_owned();
    for (name, address) in [("amo.w +2", 0x8000_2002), ("amo.d +4", 0x8000_2004)] {
        let old = format!("{name}: {}", trap(address).replace("cause 0 06", "cause 0 04"));
        expected = expected.replace(&old, &format!("{name}: {}", trap(address)));
    }
    let sc = format!("sc.w +1: {}\n  a0 000000000000000a", trap(0x8000_2001));
    expected.replace("sc.w +1: nothing\n  a0 0000000000000000", &sc)
}
