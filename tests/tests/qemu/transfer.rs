//! Running guests that verify their memory leave a QEMU by `vmstate receive`, and continue in another one by `vmstate send`.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vmstate_examples::uno::Uno;
use vmstate_tests::qcow2;
use vmstate_tests::qemu::{Qemu, VERSIONS, VERSIONS_WITH_UNO};
use vmstate_tests::streams;
use vmstate_tests::tool::{Folder, Output, Started, json_of, vmstate};

use crate::board::live::Guest;
use crate::snapshots::quit;

/// The guest in `tests/guests/pc.S`.
const GUEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/guests/pc.img");

/// The timeout of each operation.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn set(qemu: &mut Qemu, capabilities: &[&str]) {
    let change = |name: &&str| json!({ "capability": name, "state": true });
    let changes = capabilities.iter().map(change).collect::<Vec<_>>();
    qemu.execute("migrate-set-capabilities", json!({ "capabilities": changes }));
}

/// Takes the guest out of a QEMU. The capabilities of data channels are set if there are some.
fn receive(qemu: &mut Qemu, folder: &Folder, output: &str, more: &[&str]) -> Output {
    let socket = folder.path("receive");
    let tool = Started::new(&[&["receive", &format!("unix:{socket}"), "-o", output, "--json"], more].concat());
    tool.await_file(&socket);
    set(qemu, &["return-path"]);
    qemu.execute("migrate", json!({ "uri": format!("unix:{socket}") }));
    qemu.wait_for_migration();
    assert_eq!(qemu.status(), "postmigrate");
    tool.finish()
}

/// Sends a guest to a QEMU that was started with `-incoming defer`.
fn send(qemu: &mut Qemu, folder: &Folder, input: &str, more: &[&str]) -> Output {
    let socket = folder.path("send");
    qemu.execute("migrate-incoming", json!({ "uri": format!("unix:{socket}") }));
    let sent = vmstate([&["send", input, &format!("unix:{socket}"), "--json"], more].concat());
    qemu.wait_for_migration();
    sent
}

fn assert_done(output: &Output, key: &str, expected: &str) -> Value {
    let report = json_of(output);
    assert_eq!(report[key], expected, "{report}");
    report
}

/// An x86 machine with the guest.
pub(crate) struct Pc {
    pub(crate) qemu: Qemu,
    serial: String,
    folder: Folder,
}

impl Pc {
    pub(crate) fn new(version: &str, machine: &str, more: &[&str]) -> Self {
        let folder = Folder::new();
        let serial = folder.path("serial");
        let port = format!("unix:{serial},server=on,wait=off");
        // The first of the serial ports; the second one is unused.
        let options = ["-M", machine, "-m", "16", "-nodefaults", "-bios", GUEST, "-serial", &port];
        let qemu = Qemu::start(version, "i386", &[&options, more].concat());
        Self { qemu, serial, folder }
    }

    pub(crate) fn incoming(version: &str, machine: &str) -> Self {
        Self::new(version, machine, &["-incoming", "defer"])
    }

    /// Has the guest report whether its memory is right.
    #[track_caller]
    pub(crate) fn assert_right(&self) {
        let mut serial = UnixStream::connect(&self.serial).unwrap();
        serial.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut answer = [0; 2];
        for answer in &mut answer {
            serial.write_all(b"v").unwrap();
            serial.read_exact(std::slice::from_mut(answer)).unwrap();
        }
        assert_eq!(answer, *b"RR");
    }
}

/// Moves the guest to another QEMU.
fn pass(mut pc: Pc, version: &str, machine: &str, output: &str, (there, back): (&[&str], &[&str])) -> Pc {
    pc.assert_right();
    if there.contains(&"--multifd") {
        set(&mut pc.qemu, &["multifd"]);
    }
    let path = pc.folder.path(output);
    let report = assert_done(&receive(&mut pc.qemu, &pc.folder, &path, there), "source", "confirmed");
    assert!(report["memory"].as_u64() > Some(16 << 20), "{report}");
    let mut next = Pc::incoming(version, machine);
    if !back.is_empty() {
        set(&mut next.qemu, &["multifd"]);
    }
    assert_done(&send(&mut next.qemu, &next.folder, &path, back), "status", "completed");
    assert_eq!(next.qemu.status(), "running");
    next.assert_right();
    next
}

#[test]
fn x86_guests_run_on() {
    for version in VERSIONS {
        let channels: &[&str] = &["--multifd", "2"];
        let pc = pass(Pc::new(version, "pc", &[]), version, "pc", "guest", (&[], channels));
        pass(pc, version, "pc", "guest", (channels, &[]));
        let q35 = Pc::new(version, "q35", &[]);
        fs::create_dir(q35.folder.path("store")).unwrap();
        pass(q35, version, "q35", "store#running", (&[], &[]));
    }
}

#[test]
fn x86_guest_crosses_between_releases() {
    const MACHINE: &str = "pc-i440fx-7.2";
    let pc = pass(Pc::new("7.2", MACHINE, &[]), "10.0", MACHINE, "guest", (&[], &[]));
    pass(pc, "7.2", MACHINE, "guest", (&["--format", "mapped-ram"], &[]));
}

#[test]
fn riscv_guests_run_on() {
    for version in VERSIONS {
        let mut guest = Guest::started(version);
        let folder = Folder::new();
        assert_done(&receive(&mut guest.qemu, &folder, &folder.path("guest"), &[]), "source", "confirmed");
        let mut next = Guest::new(version, &["-incoming", "defer"]);
        assert_done(&send(&mut next.qemu, &folder, &folder.path("guest"), &[]), "status", "completed");
        // QEMU 7.2 and 10.0 do not start the timer when they load a machine (`riscv_aclint_mtimer` has no `post_load`). The
        // guest verifies its registers and its memory before it counts the interrupts.
        let (verdict, stopped) = (next.verdict(), "WRONG: the number of interrupts");
        assert!(verdict.starts_with("right: ") || version != "11.1" && verdict.starts_with(stopped), "{verdict}");
    }
}

/// A program that counts in 256 bytes of memory, and verifies the previous count. R25 is 0xee after an error.
const AVR: [u16; 13] = [
    0xe0b2, // start: ldi r27, 2
    0xe0a0, //        ldi r26, 0
    0x911c, // next:  ld r17, X
    0x1710, //        cp r17, r16
    0xf431, //        brne wrong
    0x9513, //        inc r17
    0x931d, //        st X+, r17
    0x30b3, //        cpi r27, 3
    0xf7c9, //        brne next
    0x9503, //        inc r16
    0xcff5, //        rjmp start
    0xee9e, // wrong: ldi r25, 0xee
    0xcfff, //        rjmp itself
];

/// Waits until the AVR guest has counted on, and checks that it has found no error.
#[track_caller]
pub(crate) fn assert_counts(qemu: &mut Qemu) {
    let register = |text: &str, name: &str| {
        let place = text.find(name).unwrap_or_else(|| panic!("no {name} in {text}")) + name.len();
        text[place..].split_whitespace().next().unwrap().to_owned()
    };
    let (start, first) = (Instant::now(), register(&qemu.monitor("info registers"), "R[16]:"));
    loop {
        let text = qemu.monitor("info registers");
        assert_eq!(register(&text, "R[25]:"), "00", "{text}");
        if register(&text, "R[16]:") != first {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "{text}");
    }
}

/// Starts an AVR guest that counts.
pub(crate) fn counting(version: &str) -> Qemu {
    let (mut uno, release) = Uno::load(&streams::named(&format!("qemu-{version}-uno")).bytes).unwrap();
    let program: Vec<u8> = AVR.iter().flat_map(|word| word.to_le_bytes()).collect();
    uno.ram[0].bytes()[..program.len()].copy_from_slice(&program);
    uno.ram[1].bytes().fill(0);
    (uno.cpu.pc, uno.cpu.r, uno.cpu.flags.i) = (0, Default::default(), false);
    let mut qemu = Qemu::load(version, "avr", &["-M", "uno"], &uno.save(release).unwrap());
    qemu.execute("cont", json!({}));
    assert_counts(&mut qemu);
    qemu
}

#[test]
fn avr_guests_run_on() {
    for version in VERSIONS_WITH_UNO {
        let mut qemu = counting(version);
        let folder = Folder::new();
        assert_done(&receive(&mut qemu, &folder, &folder.path("guest"), &[]), "source", "confirmed");
        let mut next = Qemu::start(version, "avr", &["-M", "uno", "-incoming", "defer"]);
        assert_done(&send(&mut next, &folder, &folder.path("guest"), &[]), "status", "completed");
        assert_counts(&mut next);
    }
}

/// Writes a byte of the clock's memory, which a new machine does not have.
fn remember(qemu: &mut Qemu) {
    for command in ["o /b 0x70 0x50", "o /b 0x71 0x5a"] {
        qemu.monitor(command);
    }
}

#[track_caller]
fn assert_remembers(qemu: &mut Qemu) {
    qemu.monitor("o /b 0x70 0x50");
    let byte = qemu.monitor("i /b 0x71");
    assert!(byte.trim().ends_with("0x5a"), "{byte}");
}

/// QEMU loads a snapshot that the tool has put in an image, and the tool sends a snapshot that QEMU has saved.
#[test]
fn snapshots_in_images_are_exchanged_with_qemu() {
    for version in VERSIONS {
        let mut pc = Pc::new(version, "pc", &[]);
        pc.assert_right();
        remember(&mut pc.qemu);
        let image = pc.folder.put("image", &qcow2::image(16, 1 << 20));
        let output = format!("{image}#received");
        assert_done(&receive(&mut pc.qemu, &pc.folder, &output, &[]), "source", "confirmed");

        let drive = format!("file={image},if=none,id=disk,format=qcow2");
        let mut loaded = Pc::new(version, "pc", &["-drive", &drive]);
        assert_eq!(loaded.qemu.monitor("loadvm received"), "", "{version}");
        loaded.qemu.execute("cont", json!({}));
        assert_remembers(&mut loaded.qemu);
        loaded.assert_right();
        assert_eq!(loaded.qemu.monitor("savevm saved"), "", "{version}");
        quit(loaded.qemu, Path::new(&image));

        let mut next = Pc::incoming(version, "pc");
        let sent = send(&mut next.qemu, &pc.folder, &format!("{image}#saved"), &[]);
        assert_done(&sent, "status", "completed");
        assert_eq!(next.qemu.status(), "running");
        assert_remembers(&mut next.qemu);
        next.assert_right();
    }
}

#[test]
fn declined_guest_runs_on() {
    for version in VERSIONS {
        let mut pc = Pc::new(version, "pc", &[]);
        pc.assert_right();
        set(&mut pc.qemu, &["return-path", "postcopy-ram"]);
        let socket = pc.folder.path("receive");
        let output = pc.folder.path("guest");
        let tool = Started::new(&["receive", &format!("unix:{socket}"), "-o", &output]);
        tool.await_file(&socket);
        pc.qemu.execute("migrate", json!({ "uri": format!("unix:{socket}") }));
        let error = tool.finish().error();
        assert!(error.contains("switch `postcopy-ram` off at the source"), "{version}: {error}");
        assert!(!Path::new(&output).exists());
        let start = Instant::now();
        while pc.qemu.execute("query-migrate", json!({}))["status"] != "failed" {
            assert!(start.elapsed() < PATIENCE, "{version}");
        }
        assert_eq!(pc.qemu.status(), "running");
        pc.assert_right();
    }
}

#[test]
fn source_that_dies_leaves_the_old_file() {
    for version in VERSIONS {
        let mut pc = Pc::new(version, "pc", &[]);
        pc.qemu.execute("migrate-set-parameters", json!({ "max-bandwidth": 100_000 }));
        set(&mut pc.qemu, &["return-path"]);
        let (socket, output) = (pc.folder.path("receive"), pc.folder.put("guest", b"old"));
        let tool = Started::new(&["receive", &format!("unix:{socket}"), "-o", &output]);
        tool.await_file(&socket);
        pc.qemu.execute("migrate", json!({ "uri": format!("unix:{socket}") }));
        let start = Instant::now();
        while pc.qemu.execute("query-migrate", json!({}))["ram"]["transferred"].as_u64() < Some(50_000) {
            assert!(start.elapsed() < PATIENCE, "{version}");
        }
        let Pc { qemu, folder, .. } = pc;
        drop(qemu);
        let error = tool.finish().error();
        // A source that is killed resets the connection if it has not read an answer.
        let lost = ["connection lost", "Connection reset by peer"].iter().any(|text| error.contains(text));
        assert!(lost, "{version}: {error}");
        assert_eq!(fs::read(&output).unwrap(), b"old");
        assert_eq!(folder.names().iter().filter(|name| name.starts_with(".vmstate")).count(), 0);
    }
}
