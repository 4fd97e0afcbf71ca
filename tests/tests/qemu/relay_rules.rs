//! Running guests move between releases that reject each other, through `vmstate relay` with generated rules.

use vmstate_tests::qemu::Qemu;
use vmstate_tests::streams;
use vmstate_tests::tool::{Folder, vmstate};

use crate::board::live::Guest;
use crate::relay::{
    Relay, Route, assert_cut_confirmation_keeps_the_source_paused, assert_cuts_leave_the_guest,
    assert_kills_leave_the_guest, await_run_state, await_status,
};
use crate::transfer::Pc;

/// Has the tool generate rules from streams of two releases, and returns their path.
fn rules(folder: &Folder, streams: [&[u8]; 2], lost: &[&str]) -> String {
    let [old, new] = [("old", streams[0]), ("new", streams[1])].map(|(name, stream)| folder.put(name, stream));
    let rules = folder.path("rules.json");
    let output = vmstate(["check", &old, &new, "--relay-rules", "-o", &rules]);
    let report = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(output.code, i32::from(!lost.is_empty()), "{report}{}", output.stderr);
    for name in lost {
        assert!(report.contains(&format!("lost: {name}")), "{report}");
    }
    rules
}

/// As [`rules`], from recorded streams of RISC-V machines.
fn riscv_rules(folder: &Folder, pair: [&str; 2], lost: &[&str]) -> String {
    let [old, new] = pair.map(|version| streams::named(&format!("qemu-{version}-virt")).bytes);
    rules(folder, [&old, &new], lost)
}

/// QEMU rejects these guests without rules, because the version of the processor differs.
#[test]
fn riscv_guests_move_between_releases_by_rules() {
    // Only QEMU 7.2 has the states of counters, and only 11.1 the deadlines of the timer.
    for (pair, lost) in [
        (["7.2", "10.0"], &["cpu."][..]),
        (["7.2", "11.1"], &["cpu."]),
        (["10.0", "11.1"], &[]),
        (["11.1", "10.0"], &["cpu.cpu/timer: dropped"]),
    ] {
        let [from, to] = pair;
        let folder = Folder::new();
        let rules = riscv_rules(&folder, pair, lost);
        let (mut guest, mut next) = (Guest::started(from), Guest::new(to, &["-incoming", "defer"]));
        Relay::start(None, &["--rules", &rules]).pass(&mut guest.qemu, &mut next.qemu);
        // As in the same release: see `riscv_guests_run_on`.
        let (verdict, stopped) = (next.verdict(), "WRONG: the number of interrupts");
        assert!(verdict.starts_with("right: ") || verdict.starts_with(stopped), "{from} to {to}: {verdict}");
        println!("{from} to {to}: {verdict}");
    }
}

#[test]
fn guests_that_rules_do_not_fit_run_on() {
    let folder = Folder::new();
    // The first run builds the tool. The guest starts after it, because its verification takes as long as it has run.
    let path = riscv_rules(&folder, ["10.0", "11.1"], &[]);
    let mut guest = Guest::started("7.2");
    for (to, options, message) in
        [("10.0", &[][..], "the destination"), ("11.1", &["--rules", &path], "`cpu`: expected version 10, found 5")]
    {
        let mut next = Guest::new(to, &["-incoming", "defer"]);
        let relay = Relay::start(None, options);
        relay.migrate(&mut guest.qemu, &mut next.qemu);
        await_status(&mut guest.qemu, "failed");
        let error = relay.tool.finish().error();
        assert!(error.contains(message), "{error}");
        await_run_state(&mut guest.qemu, "running");
        guest.assert_right();
    }
    // QEMU 7.2 lacks a block of memory.
    riscv_rules(&folder, ["10.0", "7.2"], &["/rom@etc/acpi/rsdp"]);
}

/// Devices that QEMU 11.1 sends in a newer version: a controller for SCSI, which has a newer struct in a section of the same
/// version, and a controller of the board.
const DEVICES: [&str; 6] =
    ["-device", "am53c974,addr=5", "-device", "ipmi-bmc-sim,id=bmc", "-device", "isa-ipmi-kcs,bmc=bmc"];
/// A machine type of all releases.
const MACHINE: &str = "pc-i440fx-7.2";

/// Two releases, and the rules under which the first one gives its guests to the second one.
struct Crossing {
    _folder: Folder,
    pair: [&'static str; 2],
    rules: String,
}

impl Crossing {
    fn new(pair: [&'static str; 2]) -> Self {
        let folder = Folder::new();
        let examples = pair.map(|version| Pc::new(version, MACHINE, &DEVICES).qemu.save());
        let rules = rules(&folder, [&examples[0], &examples[1]], &[]);
        Self { _folder: folder, pair, rules }
    }

    fn source(&self) -> Pc {
        let pc = Pc::new(self.pair[0], MACHINE, &DEVICES);
        pc.assert_right();
        pc
    }

    fn destination(&self) -> Pc {
        Pc::new(self.pair[1], MACHINE, &[&DEVICES[..], &["-incoming", "defer"]].concat())
    }
}

/// Gives the registers of the SCSI controller an address, and writes the first configuration register.
fn configure(qemu: &mut Qemu) {
    for command in ["o /w 0xcf8 0x80002810", "o /w 0xcfc 0xc000", "o /w 0xcf8 0x80002804", "o /w 0xcfc 1"] {
        qemu.monitor(command);
    }
    qemu.monitor("o /b 0xc020 5");
}

/// Reads the register.
fn configured(qemu: &mut Qemu) -> String {
    qemu.monitor("i /b 0xc020").trim().to_owned()
}

#[test]
fn pc_guests_move_between_releases_by_rules() {
    for pair in [["11.1", "10.0"], ["11.1", "7.2"]] {
        let crossing = Crossing::new(pair);
        let mut pc = crossing.source();
        configure(&mut pc.qemu);
        assert_eq!(configured(&mut pc.qemu), "portb[0xc020] = 0x05");

        let mut next = crossing.destination();
        assert_ne!(configured(&mut next.qemu), "portb[0xc020] = 0x05");
        let relay = Relay::start(None, &[]);
        relay.migrate(&mut pc.qemu, &mut next.qemu);
        await_status(&mut pc.qemu, "failed");
        let error = relay.tool.finish().error();
        assert!(error.contains("the guest stays at the source"), "{pair:?}: {error}");
        await_run_state(&mut pc.qemu, "running");

        let mut next = crossing.destination();
        Relay::start(None, &["--rules", &crossing.rules]).pass(&mut pc.qemu, &mut next.qemu);
        assert_eq!(next.qemu.status(), "running");
        next.assert_right();
        assert_eq!(configured(&mut next.qemu), "portb[0xc020] = 0x05", "{pair:?}");
    }
}

/// Cuts and kills the relay of a guest of QEMU 11.1 for 10.0.
fn with_rules(check: impl Fn(&Route<'_>)) {
    let crossing = Crossing::new(["11.1", "10.0"]);
    let guests = || (crossing.source(), crossing.destination());
    check(&Route { name: "rules", guests: &guests, options: &["--rules", &crossing.rules] });
}

#[test]
fn cut_before_the_hand_over_leaves_the_guest() {
    with_rules(assert_cuts_leave_the_guest);
}

#[test]
fn cut_confirmation_keeps_the_source_paused() {
    with_rules(assert_cut_confirmation_keeps_the_source_paused);
}

#[test]
fn killed_relay_leaves_the_guest() {
    with_rules(assert_kills_leave_the_guest);
}
