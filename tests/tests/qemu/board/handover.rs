//! Guests whose memory stays in place: both programs on this host map it.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vmstate_tests::board::{BoardProcess, binary};
use vmstate_tests::qemu::VERSIONS;
use vmstate_tests::transport::{Program, Transport};

use super::live::Guest;

/// The name of the RAM on both sides.
const RAM: &str = "riscv_virt_board.ram";

fn enable(program: &mut dyn Program, capability: &str) {
    let change = json!([{ "capability": capability, "state": true }]);
    program.execute("migrate-set-capabilities", json!({ "capabilities": change }));
}

/// A QEMU with these options whose guest is ready for keys.
fn started(version: &str, options: &[&str]) -> Guest {
    // Building the board takes long after a change, and the guest's verification of itself as long as it has run.
    binary();
    let mut guest = Guest::new(version, options);
    guest.read_until("hasher");
    guest
}

/// The options of a QEMU whose RAM is a file.
fn with_file(file: &Path) -> [String; 4] {
    let file = file.display();
    [
        "-object".to_owned(),
        format!("memory-backend-file,id={RAM},size=16M,share=on,mem-path={file}"),
        "-machine".to_owned(),
        format!("memory-backend={RAM}"),
    ]
}

fn awaiting(version: &str, options: &[String]) -> Guest {
    let options: Vec<_> = options.iter().map(String::as_str).chain(["-incoming", "defer"]).collect();
    Guest::new(version, &options)
}

/// Moves the guest from one program to the other.
fn pass_on(source: &mut dyn Program, destination: &mut dyn Program, folder: &Path) -> Value {
    enable(source, "x-ignore-shared");
    enable(destination, "x-ignore-shared");
    Transport::Unix.migrate(source, destination, folder);
    source.execute("query-migrate", json!({}))
}

/// The RAM is not sent: the guest finds its own in the file. Flash and ROM are sent.
#[test]
fn guest_leaves_shared_memory_in_place() {
    for version in VERSIONS {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("memory");
        let path = file.display().to_string();
        let options = with_file(&file);
        let mut guest = started(version, &options.each_ref().map(String::as_str));
        let waiting = ["--memory-file", &path, "--incoming", "defer", "--qemu", version];
        let mut board = BoardProcess::start(&waiting);
        let theirs = pass_on(&mut guest.qemu, &mut board, folder.path());
        board.assert_right();
        drop(guest);
        let mut guest = awaiting(version, &options);
        let ours = pass_on(&mut board, &mut guest.qemu, folder.path());
        guest.assert_right();
        assert_eq!(ours["ram"]["total"], theirs["ram"]["total"], "{version}");
        // Without it, the flash memories and the ROMs are left.
        let total = ours["ram"]["total"].as_u64().unwrap();
        assert!((64 << 20..65 << 20).contains(&total), "{version}: {total}");
        drop(board);
        let mut board = BoardProcess::start(&waiting);
        pass_on(&mut guest.qemu, &mut board, folder.path());
        drop(guest);
        let mut next = BoardProcess::start(&waiting);
        pass_on(&mut board, &mut next, folder.path());
        next.assert_right();
    }
}

/// The options of a QEMU that can hand all of its memory over.
const DESCRIPTORS: [&str; 4] = [
    "-object",
    "memory-backend-memfd,id=riscv_virt_board.ram,size=16M,share=on",
    "-machine",
    "memory-backend=riscv_virt_board.ram,aux-ram-share=on",
];

fn socket(path: &Path) -> Value {
    json!({ "transport": "socket", "type": "unix", "path": path })
}

/// Hands a guest over to a program that waits at the sockets `descriptors` and `guest` of a folder.
fn hand_over(source: &mut dyn Program, folder: &Path) {
    let (descriptors, guest) = (folder.join("descriptors"), folder.join("guest"));
    let start = Instant::now();
    while !descriptors.exists() {
        assert!(start.elapsed() < Duration::from_secs(60), "nothing waits for the memory");
        thread::sleep(Duration::from_millis(5));
    }
    source.execute("migrate-set-parameters", json!({ "mode": "cpr-transfer" }));
    let channel = |name: &str, path| json!({ "channel-type": name, "addr": socket(path) });
    let channels = json!([channel("main", &guest), channel("cpr", &descriptors)]);
    source.execute("migrate", json!({ "channels": channels }));
    // A board that has received the guest has an event `completed` of that already.
    loop {
        let found = source.execute("query-migrate", json!({}));
        match found["status"].as_str() {
            Some("completed") => return,
            Some("failed") => panic!("{found}"),
            _ => assert!(start.elapsed() < Duration::from_secs(120), "{found}"),
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Hands the guest of `source` over to a new board. The monitor opens when the board has the memory.
fn to_board(source: &mut dyn Program, version: &str) -> BoardProcess {
    let folder = tempfile::TempDir::new().unwrap();
    let uri = |name: &str| format!("unix:{}", folder.path().join(name).display());
    let arguments =
        ["--handover", &uri("descriptors"), "--incoming", &uri("guest"), "--qemu", version].map(str::to_owned);
    let starting = thread::spawn(move || BoardProcess::start(&arguments.each_ref().map(String::as_str)));
    hand_over(source, folder.path());
    let mut board = starting.join().unwrap();
    // The event may have preceded the connection to the monitor.
    let start = Instant::now();
    while board.status() != "running" {
        assert!(start.elapsed() < Duration::from_secs(60), "{}", board.status());
        thread::sleep(Duration::from_millis(5));
    }
    board.assert_right();
    board
}

/// Hands the guest of `source` over to a new QEMU.
fn to_qemu(source: &mut dyn Program, version: &'static str) -> Guest {
    let folder = tempfile::TempDir::new().unwrap();
    let cpr = json!({ "channel-type": "cpr", "addr": socket(&folder.path().join("descriptors")) }).to_string();
    let uri = format!("unix:{}", folder.path().join("guest").display());
    let starting = thread::spawn(move || {
        let waiting = ["-incoming", &cpr, "-incoming", &uri];
        Guest::new(version, &[&DESCRIPTORS[..], &waiting].concat())
    });
    hand_over(source, folder.path());
    let mut guest = starting.join().unwrap();
    guest.qemu.wait_for_migration();
    guest.assert_right();
    guest
}

/// From QEMU to the board, to another board, and back to QEMU: no page is sent. QEMU has the mode since 10.0.
#[test]
fn guest_is_handed_over_to_qemu_and_back() {
    for version in ["10.0", "11.1"] {
        let mut guest = started(version, &DESCRIPTORS);
        let mut first = to_board(&mut guest.qemu, version);
        assert_eq!(guest.qemu.status(), "postmigrate");
        drop(guest);
        let mut second = to_board(&mut first, version);
        let ram = &first.execute("query-migrate", json!({}))["ram"];
        assert_eq!((ram["normal"].as_u64(), ram["duplicate"].as_u64()), (Some(0), Some(0)), "{version}: {ram}");
        first.assert_silent();
        drop(first);
        to_qemu(&mut second, version);
        second.assert_silent();
    }
}
