//! Running guests move between boards and real QEMUs through files in which memory has fixed places.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use serde_json::{Value, json};
use vmstate_tests::board::BoardProcess;
use vmstate_tests::qemu::Qemu;
use vmstate_tests::transport::Program;

use super::live::Guest;

/// The releases that have the capability.
const VERSIONS: [&str; 2] = ["10.0", "11.1"];

/// A machine without a guest.
const MACHINE: [&str; 6] = ["-M", "virt", "-m", "16M", "-bios", "none"];

fn capabilities(names: &[&str]) -> Value {
    let changes: Vec<_> = names.iter().map(|name| json!({ "capability": name, "state": true })).collect();
    json!({ "capabilities": changes })
}

/// The place of the stream in a file, and the numbers of data channels of both sides, without `multifd` if they are 0.
#[derive(Debug, Clone, Copy)]
struct Case {
    start: u64,
    source: u8,
    destination: u8,
}

const CASES: [Case; 4] = [
    Case { start: 0, source: 0, destination: 0 },
    Case { start: 0x3000, source: 2, destination: 3 },
    Case { start: 0, source: 5, destination: 0 },
    Case { start: 0x3000, source: 0, destination: 4 },
];

/// Sets the number of data channels.
fn set_channels(program: &mut dyn Program, channels: u8, direct_io: bool) {
    let changes = [("mapped-ram", true), ("multifd", channels > 0)];
    let changes = changes.map(|(name, state)| json!({ "capability": name, "state": state }));
    program.execute("migrate-set-capabilities", json!({ "capabilities": changes }));
    let parameters = json!({ "multifd-channels": channels.max(1), "direct-io": direct_io });
    program.execute("migrate-set-parameters", parameters);
}

/// Returns whether the file system of a file has direct I/O.
fn has_direct_io(path: &str) -> bool {
    let flags = i32::try_from(OFlags::DIRECT.bits()).unwrap();
    let has = File::options().write(true).custom_flags(flags).open(path).is_ok();
    if !has {
        println!("NOT TESTED: the file system of {path} has no direct I/O");
    }
    has
}

/// Moves the running guest through a file, which has other bytes before the stream and after its end.
fn migrate(source: &mut dyn Program, destination: &mut dyn Program, guest: &Guest, case: Case) {
    let start = case.start;
    let path = guest.folder.path().join("places").display().to_string();
    std::fs::write(&path, [0xab; 0x4000]).unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    file.set_len(256 << 20).unwrap();
    let uri = json!({ "uri": format!("file:{path},offset={start:#x}") });
    // Half of the cases bypass the page cache.
    let direct_io = start > 0 && has_direct_io(&path);
    set_channels(source, case.source, direct_io);
    set_channels(destination, case.destination, direct_io);
    source.execute("migrate", uri.clone());
    source.wait_until_complete();
    destination.execute("migrate-incoming", uri);
    destination.wait_until_complete();
    let mut before = vec![0; usize::try_from(start).unwrap()];
    File::open(&path).unwrap().read_exact(&mut before).unwrap();
    assert!(before.iter().all(|byte| *byte == 0xab), "bytes before the stream are kept");
    // Memory, and two blocks of flash.
    let length = file.metadata().unwrap().len();
    assert!((80 << 20..100 << 20).contains(&length), "the old end is replaced: {length:#x}");
}

/// Moves the guest from QEMU to the board and back. The guest writes memory in each pass, and verifies all of it.
fn round_trips(version: &str) {
    let mut guest = Guest::started(version);
    for case in CASES {
        let mut board = BoardProcess::start(&["--incoming", "defer", "--qemu", version]);
        let mut qemu = Guest::new(version, &["-incoming", "defer"]);
        migrate(&mut guest.qemu, &mut board, &qemu, case);
        assert_eq!((guest.qemu.status().as_str(), board.status().as_str()), ("postmigrate", "running"));
        board.assert_right();

        // The board's monitor keeps the capability.
        migrate(&mut board, &mut qemu.qemu, &guest, case);
        assert_eq!((board.status().as_str(), qemu.qemu.status().as_str()), ("postmigrate", "running"));
        let reply = board.execute("query-migrate", json!({}));
        assert!(reply["ram"]["dirty-sync-count"].as_u64().unwrap() >= 2, "{reply}");
        let over_channels = reply["ram"]["multifd-bytes"].as_u64().unwrap();
        assert_eq!(over_channels > 0, case.source > 0, "{case:?}: {reply}");
        qemu.assert_right();
        guest = qemu;
    }
}

#[test]
fn guest_moves_to_qemu_10_0_and_back() {
    round_trips("10.0");
}

#[test]
fn guest_moves_to_qemu_11_1_and_back() {
    round_trips("11.1");
}

/// Returns the commands that only set the wrong combination up, or that are rejected because of it.
fn wrong_combinations(command: &'static str) -> Vec<(&'static str, Value)> {
    let set = |name: &str, on: bool| {
        let change = json!([{ "capability": name, "state": on }]);
        ("migrate-set-capabilities", json!({ "capabilities": change }))
    };
    let run = |uri: &str| (command, json!({ "uri": uri }));
    let mut commands = vec![set("mapped-ram", true), set("xbzrle", true), set("postcopy-ram", true)];
    commands.extend(["unix:/nowhere/socket", "tcp:127.0.0.1:1", "exec:cat"].map(run));
    commands.extend([set("mapped-ram", false), set("multifd", true)]);
    commands.extend(["file:/nowhere/file", "exec:cat"].map(run));
    // The parameters are checked when they are replaced, so the first change succeeds.
    let compress = |word: &str| ("migrate-set-parameters", json!({ "multifd-compression": word }));
    commands.extend([set("mapped-ram", true), compress("zlib"), compress("none")]);
    if command == "migrate" {
        commands.push(run("file:/nowhere/file"));
    }
    commands.extend([set("multifd", false), compress("none"), set("mapped-ram", false), compress("none")]);
    commands
}

#[test]
fn wrong_combinations_are_rejected_as_by_qemu() {
    for version in VERSIONS {
        let mut qemu = Qemu::start(version, "riscv64", &MACHINE);
        compare(&mut BoardProcess::running(&["--qemu", version]), &mut qemu, "migrate");
        let mut qemu = Qemu::start(version, "riscv64", &[&MACHINE[..], &["-incoming", "defer"]].concat());
        let mut board = BoardProcess::start(&["--incoming", "defer", "--qemu", version]);
        compare(&mut board, &mut qemu, "migrate-incoming");
    }
}

fn compare(board: &mut BoardProcess, qemu: &mut Qemu, command: &'static str) {
    let mut rejected = 0;
    for (name, arguments) in wrong_combinations(command) {
        match board.try_execute(name, &arguments) {
            Ok(_) => drop(qemu.execute(name, arguments)),
            Err(ours) => {
                assert_eq!(ours, qemu.error_of(name, &arguments), "{name} {arguments}");
                rejected += 1;
            }
        }
    }
    assert_eq!(rejected, if command == "migrate" { 10 } else { 9 });
}

#[test]
fn qemu_7_2_lacks_the_capability() {
    let mut qemu = Qemu::start("7.2", "riscv64", &MACHINE);
    let mut board = BoardProcess::running(&["--qemu", "7.2"]);
    let arguments = capabilities(&["mapped-ram"]);
    let ours = board.try_execute("migrate-set-capabilities", &arguments).unwrap_err();
    assert_eq!(ours, qemu.error_of("migrate-set-capabilities", &arguments));
}

/// A running QEMU that is killed leaves a file that no side loads.
#[test]
fn file_of_a_killed_source_is_rejected() {
    for version in VERSIONS {
        let mut guest = Guest::started(version);
        let uri = json!({ "uri": format!("file:{}", guest.folder.path().join("places").display()) });
        guest.qemu.execute("migrate-set-capabilities", capabilities(&["mapped-ram", "pause-before-switchover"]));
        guest.qemu.execute("migrate", uri.clone());
        let start = Instant::now();
        while guest.qemu.execute("query-migrate", json!({}))["status"] != "pre-switchover" {
            assert!(start.elapsed() < Duration::from_secs(60), "the migration does not reach the switchover");
            sleep(Duration::from_millis(20));
        }
        let Guest { qemu, folder, .. } = guest;
        drop(qemu);
        let mut board = BoardProcess::start(&["--incoming", "defer", "--qemu", version]);
        board.enable("mapped-ram");
        board.execute("migrate-incoming", uri);
        assert_eq!(board.ended().code(), Some(2));
        assert!(board.log().contains("the file is incomplete"), "{version}: {}", board.log());
        drop(folder);
    }
}
