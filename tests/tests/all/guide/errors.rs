//! The table of common errors contains the texts of real errors.

use vmstate::prelude::*;

use super::page;

#[derive(VmState, Default)]
#[vmstate(name = "dev", version = 2, minimum_version = 2)]
struct Dev {
    #[vmstate(equal)]
    lines: u8,
    level: u32,
}

fn machine<'d>(name: &str, devices: &'d mut [(&str, Dev)]) -> Machine<'d> {
    let mut machine = Machine::with_type(name);
    for (name, device) in devices {
        machine.register(*name, device).unwrap();
    }
    machine
}

/// Saves a machine of type `board` with these devices.
fn saved(devices: &[&str]) -> Vec<u8> {
    let mut stream = Vec::new();
    let mut devices: Vec<_> = devices.iter().map(|name| (*name, Dev::default())).collect();
    machine("board", &mut devices).save(&mut stream).unwrap();
    stream
}

fn load_error(machine_name: &str, devices: &[&str], stream: &[u8]) -> LoadError {
    let mut devices: Vec<_> = devices.iter().map(|name| (*name, Dev::default())).collect();
    machine(machine_name, &mut devices).load(stream).unwrap_err()
}

/// Loads these bytes at this version into a device, and returns the error.
fn device_error(bytes: &[u8], version: u32) -> LoadError {
    Dev { lines: 5, level: 0 }.load(&mut Reader::from_slice(bytes), version).unwrap_err()
}

#[test]
fn table_of_common_errors_matches_messages() {
    let stream = saved(&["dev"]);
    // The device's version in its header and in its payload, which ends with a footer of five bytes.
    let payload = stream.windows(4).position(|bytes| bytes == b"\x03dev").unwrap() + 12;
    let longer = [&stream[..payload + 5], &[9], &stream[payload + 5..]].concat();
    let errors = [
        load_error("board", &["dev"], b"PK\x03\x04\0\0\0\0"),
        load_error("other", &["dev"], &stream),
        device_error(&[5, 0, 0, 0, 0], 3),
        device_error(&[5, 0, 0, 0, 0], 1),
        load_error("board", &["dev"], &saved(&["dev", "more"])),
        load_error("board", &["dev", "more"], &stream),
        load_error("board", &["dev"], &longer),
        device_error(b"\x05\0\0\0\0\x05\x08dev/more\0\0\0\x01", 2),
        device_error(&[5, 0, 0], 2),
        device_error(&[7, 0, 0, 0, 0], 2),
    ];
    let page = page("errors");
    let table = page.split("# Common errors").nth(1).unwrap().split("\n# ").next().unwrap();
    let rows: Vec<_> = table.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(rows.len(), errors.len(), "expected one error for each row");
    for (row, error) in rows.iter().zip(&errors) {
        let expected = row.trim_start_matches("| ").split(" | ").next().unwrap().split(", found").next().unwrap();
        let words = expected.trim_matches(|quote| quote == '`' || quote == ' ');
        let actual = error.expected();
        let mut parts = words.split("...");
        assert!(actual.starts_with(parts.next().unwrap()), "expected `{words}` in the error:\n{error}");
        assert!(parts.all(|part| actual.contains(part)), "expected `{words}` in the error:\n{error}");
    }
}
