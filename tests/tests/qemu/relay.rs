//! Running guests that verify their memory migrate from one QEMU to another one through `vmstate relay`, which is cut and
//! killed.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vmstate_tests::proxy::{Direction, Fault, Plan, Proxy};
use vmstate_tests::qemu::{Qemu, VERSIONS, VERSIONS_WITH_UNO};
use vmstate_tests::tool::{Folder, Started, json_of};

use crate::board::live::Guest;
use crate::transfer::{PATIENCE, Pc, assert_counts, counting, set};

/// The sockets of a relay, and the running tool.
pub(crate) struct Relay {
    pub(crate) folder: Folder,
    pub(crate) tool: Started,
}

impl Relay {
    /// Starts a relay. A plan is carried out between it and the destination.
    pub(crate) fn start(plan: Option<Plan>, more: &[&str]) -> Self {
        let folder = Folder::new();
        let (source, destination) = (format!("unix:{}", folder.path("source")), folder.path("destination"));
        let target = if plan.is_some() {
            let _ = Proxy::start(Path::new(&folder.path("proxy")), destination.into(), plan);
            folder.path("proxy")
        } else {
            destination
        };
        let tool = Started::new(&[&["relay", &source, &format!("unix:{target}"), "--json"], more].concat());
        tool.await_file(&folder.path("source"));
        Self { folder, tool }
    }

    /// Starts the migration.
    pub(crate) fn migrate(&self, source: &mut Qemu, destination: &mut Qemu) {
        let uri = format!("unix:{}", self.folder.path("destination"));
        destination.execute("migrate-incoming", json!({ "uri": uri }));
        set(source, &["return-path"]);
        source.execute("migrate", json!({ "uri": format!("unix:{}", self.folder.path("source")) }));
    }

    /// Migrates, and returns the summary.
    ///
    /// The guests write some MiB all the time. A relay without optimization, on a slow machine, may never transfer them in
    /// the default of 300 ms, so the source may take longer.
    pub(crate) fn pass(self, source: &mut Qemu, destination: &mut Qemu) -> Value {
        source.execute("migrate-set-parameters", json!({ "downtime-limit": 20_000 }));
        self.migrate(source, destination);
        if let Err(what) = source.try_wait_for_migration() {
            let relay = self.tool.finish();
            source.fail(&format!("{what}\nThe relay printed: {}", relay.stderr));
        }
        assert_eq!(source.status(), "postmigrate");
        destination.wait_for_migration();
        let report = json_of(&self.tool.finish());
        assert_eq!(report["outcome"], "completed", "{report}");
        report
    }
}

/// Waits until the migration has the status.
#[track_caller]
pub(crate) fn await_status(qemu: &mut Qemu, status: &str) {
    await_query(qemu, |migration| migration["status"] == status);
}

/// Waits until the state of the migration is the wanted one.
#[track_caller]
pub(crate) fn await_query(qemu: &mut Qemu, done: impl Fn(&Value) -> bool) {
    let start = Instant::now();
    loop {
        let migration = qemu.execute("query-migrate", json!({}));
        if done(&migration) {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "{migration}");
        sleep(Duration::from_millis(20));
    }
}

/// Waits until the QEMU has the run state.
#[track_caller]
pub(crate) fn await_run_state(qemu: &mut Qemu, state: &str) {
    let start = Instant::now();
    while qemu.status() != state {
        assert!(start.elapsed() < PATIENCE, "{}", qemu.status());
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn x86_guests_pass_the_relay() {
    for (from, to, machine) in [
        ("7.2", "7.2", "pc"),
        ("10.0", "10.0", "q35"),
        ("11.1", "11.1", "pc"),
        ("7.2", "10.0", "pc-i440fx-7.2"),
        ("10.0", "7.2", "pc-i440fx-7.2"),
    ] {
        for channels in [false, true] {
            let (mut pc, mut next) = (Pc::new(from, machine, &[]), Pc::incoming(to, machine));
            pc.assert_right();
            if channels {
                set(&mut pc.qemu, &["multifd"]);
                set(&mut next.qemu, &["multifd"]);
            }
            let report = Relay::start(None, &[]).pass(&mut pc.qemu, &mut next.qemu);
            assert!(report["memory"].as_u64() > Some(16 << 20) && report["devices"].as_u64() > Some(10), "{report}");
            assert_eq!(next.qemu.status(), "running");
            next.assert_right();
        }
    }
}

#[test]
fn riscv_guests_pass_the_relay() {
    for version in VERSIONS {
        let (mut guest, mut next) = (Guest::started(version), Guest::new(version, &["-incoming", "defer"]));
        Relay::start(None, &[]).pass(&mut guest.qemu, &mut next.qemu);
        // As without the relay: see `riscv_guests_run_on`.
        let (verdict, stopped) = (next.verdict(), "WRONG: the number of interrupts");
        assert!(verdict.starts_with("right: ") || version != "11.1" && verdict.starts_with(stopped), "{verdict}");
    }
}

/// Pages have 256 bytes in QEMU 7.2 and 10.0.
#[test]
fn avr_guests_pass_the_relay() {
    for version in VERSIONS_WITH_UNO {
        let mut qemu = counting(version);
        let mut next = Qemu::start(version, "avr", &["-M", "uno", "-incoming", "defer"]);
        let report = Relay::start(None, &[]).pass(&mut qemu, &mut next);
        assert_counts(&mut next);
        let pages = report["pages"].as_u64().unwrap() + report["zero_pages"].as_u64().unwrap();
        assert!(pages >= 0x9000 / 256, "{report}");
    }
}

/// Two QEMUs and a relay, which is cut and killed.
pub(crate) struct Route<'a> {
    pub(crate) name: &'a str,
    /// Starts a source with a guest, and a destination that waits.
    pub(crate) guests: &'a dyn Fn() -> (Pc, Pc),
    /// The arguments of the relay.
    pub(crate) options: &'a [&'a str],
}

impl Route<'_> {
    fn started(&self, plan: Option<Plan>) -> (Pc, Pc, Relay) {
        let (pc, next) = (self.guests)();
        (pc, next, Relay::start(plan, self.options))
    }
}

/// The guest runs on after a cut anywhere before the hand-over: in the stream, and before the answer that the
/// destination has loaded the devices.
pub(crate) fn assert_cuts_leave_the_guest(route: &Route<'_>) {
    for (direction, after) in
        [(Direction::Forward, 6), (Direction::Forward, 100_000), (Direction::Back, 3), (Direction::Back, 12)]
    {
        let (mut pc, mut next, relay) = route.started(Some(Plan { direction, after, fault: Fault::Cut }));
        relay.migrate(&mut pc.qemu, &mut next.qemu);
        await_status(&mut pc.qemu, "failed");
        let error = relay.tool.finish().error();
        assert!(error.contains("the guest stays at the source"), "{}: {direction:?} {after}: {error}", route.name);
        drop(next);
        await_run_state(&mut pc.qemu, "running");
        pc.assert_right();
    }
}

/// After the hand-over, the source stays paused if its confirmation is cut, although QEMU alone resumes it: the guest
/// runs at the destination.
pub(crate) fn assert_cut_confirmation_keeps_the_source_paused(route: &Route<'_>) {
    // Two answers to PING have 16 bytes.
    let plan = Plan { direction: Direction::Back, after: 20, fault: Fault::Cut };
    let (mut pc, mut next, relay) = route.started(Some(plan));
    relay.migrate(&mut pc.qemu, &mut next.qemu);
    await_run_state(&mut next.qemu, "running");
    next.assert_right();
    assert_eq!(pc.qemu.status(), "finish-migrate");
    drop(pc);
    let output = relay.tool.finish();
    assert_eq!(output.code, 3, "{}: {}", route.name, output.stderr);
    assert!(output.stderr.contains("check which QEMU runs the guest"), "{}: {}", route.name, output.stderr);
    next.assert_right();
}

/// The relay is killed while memory is sent, before the devices are sent, and while it waits for the destination's
/// answer.
pub(crate) fn assert_kills_leave_the_guest(route: &Route<'_>) {
    for state in ["active", "pre-switchover", "device"] {
        // The answer to the first PING passes, and the answer to the relay's does not.
        let plan = Plan { direction: Direction::Back, after: 8, fault: Fault::Stall };
        let (mut pc, mut next, relay) = route.started(Some(plan).filter(|_| state == "device"));
        // QEMU 7.2 has the state `device` only after a pause.
        if state == "active" {
            pc.qemu.execute("migrate-set-parameters", json!({ "max-bandwidth": 100_000 }));
        } else {
            set(&mut pc.qemu, &["pause-before-switchover"]);
        }
        relay.migrate(&mut pc.qemu, &mut next.qemu);
        let proceed = |qemu: &mut Qemu| qemu.execute("migrate-continue", json!({ "state": "pre-switchover" }));
        if state == "device" {
            await_status(&mut pc.qemu, "pre-switchover");
            proceed(&mut pc.qemu);
        }
        await_query(&mut pc.qemu, |migration| {
            migration["status"] == state && migration["ram"]["transferred"].as_u64() > Some(50_000)
        });
        // Dropping kills it with SIGKILL.
        drop(relay);
        if state == "pre-switchover" {
            proceed(&mut pc.qemu);
        }
        await_status(&mut pc.qemu, "failed");
        let status = next.qemu.try_status().filter(|status| status != "inmigrate");
        assert_eq!(status, None, "{}: {state}", route.name);
        await_run_state(&mut pc.qemu, "running");
        pc.assert_right();
    }
}

/// Checks the same release at both sides, without rules.
fn each_release(check: impl Fn(&Route<'_>)) {
    for version in VERSIONS {
        let guests = || {
            let pc = Pc::new(version, "pc", &[]);
            pc.assert_right();
            (pc, Pc::incoming(version, "pc"))
        };
        check(&Route { name: version, guests: &guests, options: &[] });
    }
}

#[test]
fn cut_before_the_hand_over_leaves_the_guest() {
    each_release(assert_cuts_leave_the_guest);
}

#[test]
fn cut_confirmation_keeps_the_source_paused() {
    each_release(assert_cut_confirmation_keeps_the_source_paused);
}

#[test]
fn killed_relay_leaves_the_guest() {
    each_release(assert_kills_leave_the_guest);
}

#[test]
fn rejected_and_unsupported_guests_run_on() {
    for version in VERSIONS {
        for (capabilities, machine, message) in [
            (&["postcopy-ram"][..], "pc", "postcopy (`postcopy-ram`) cannot be relayed"),
            (&[], "q35", "the destination"),
        ] {
            let (mut pc, mut next) = (Pc::new(version, "pc", &[]), Pc::incoming(version, machine));
            set(&mut pc.qemu, capabilities);
            let relay = Relay::start(None, &[]);
            relay.migrate(&mut pc.qemu, &mut next.qemu);
            await_status(&mut pc.qemu, "failed");
            let error = relay.tool.finish().error();
            assert!(error.contains(message), "{version}: {error}");
            pc.assert_right();
        }
    }
}

#[test]
fn source_without_return_path_is_declined() {
    for version in VERSIONS {
        let (mut pc, mut next) = (Pc::new(version, "pc", &[]), Pc::incoming(version, "pc"));
        let relay = Relay::start(None, &[]);
        let uri = format!("unix:{}", relay.folder.path("destination"));
        next.qemu.execute("migrate-incoming", json!({ "uri": uri }));
        pc.qemu.execute("migrate", json!({ "uri": format!("unix:{}", relay.folder.path("source")) }));
        await_status(&mut pc.qemu, "failed");
        let error = relay.tool.finish().error();
        assert!(error.contains("switch the capability `return-path` on"), "{version}: {error}");
        pc.assert_right();
    }
}
