//! The programs of the example board on real QEMUs.

mod places;

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
        assert_printed(name, &String::from_utf8(output.stdout).unwrap(), expected);
    }
}
