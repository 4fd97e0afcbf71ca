//! Migrations through `vmstate relay` end in the same states as without it, or in a better one.

use std::io::Write as _;
use std::path::Path;

use serde_json::json;
use vmstate_tests::proxy::{Direction, Fault, Plan, Proxy};
use vmstate_tests::qemu::{Qemu, VERSIONS};
use vmstate_tests::tool::Folder;

use crate::relay::{Relay, await_query, await_run_state, await_status};
use crate::transfer::{Pc, set};

/// An action during a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scenario {
    Undisturbed,
    StoppedGuest,
    PausedAndContinued,
    CancelledWhileActive,
    CancelledWhilePaused,
    CancelledWhileWaiting,
    SourceQuits,
    DestinationAbsent,
    DestinationKilled,
    DestinationYanked,
    OtherMachine,
    OtherMemory,
    MissingDevice,
}

use Scenario::{
    CancelledWhileActive, CancelledWhilePaused, CancelledWhileWaiting, DestinationAbsent, DestinationKilled,
    DestinationYanked, MissingDevice, OtherMachine, OtherMemory, PausedAndContinued, SourceQuits, StoppedGuest,
    Undisturbed,
};

/// The end of a QEMU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    State(&'static str),
    Exit,
    /// It takes no part.
    Absent,
}

use End::{Absent, Exit, State};

/// A scenario, whether the migration completes, and the ends of the source, and of the destination without and with a
/// relay.
type Row = (Scenario, bool, End, End, End);

const MOVED: End = State("postmigrate");
const RUNNING: End = State("running");

const TABLE: &[Row] = &[
    (Undisturbed, true, MOVED, RUNNING, RUNNING),
    (StoppedGuest, true, MOVED, State("paused"), State("paused")),
    (PausedAndContinued, true, MOVED, RUNNING, RUNNING),
    (CancelledWhileActive, false, RUNNING, Exit, Exit),
    (CancelledWhilePaused, false, RUNNING, Exit, Exit),
    // Without the relay, both run. It holds the end of the stream back until the destination has answered.
    (CancelledWhileWaiting, false, RUNNING, RUNNING, Exit),
    (SourceQuits, false, Exit, Exit, Exit),
    (DestinationAbsent, false, RUNNING, Absent, Absent),
    (DestinationKilled, false, RUNNING, Absent, Absent),
    (DestinationYanked, false, RUNNING, Exit, Exit),
    (OtherMachine, false, RUNNING, Exit, Exit),
    (OtherMemory, false, RUNNING, Exit, Exit),
    (MissingDevice, false, RUNNING, Exit, Exit),
];

impl Scenario {
    fn pauses(self) -> bool {
        matches!(self, PausedAndContinued | CancelledWhilePaused | CancelledWhileWaiting)
    }

    fn is_slow(self) -> bool {
        matches!(self, CancelledWhileActive | SourceQuits | DestinationKilled | DestinationYanked)
    }

    /// Returns a stall of the return path after the answer to the first PING.
    fn plan(self) -> Option<Plan> {
        (self == CancelledWhileWaiting).then_some(Plan { direction: Direction::Back, after: 8, fault: Fault::Stall })
    }

    fn start(self, version: &str) -> (Pc, Pc) {
        let device: &[&str] = if self == MissingDevice { &["-device", "am53c974"] } else { &[] };
        let memory: &[&str] = if self == OtherMemory { &["-m", "32"] } else { &[] };
        let machine = if self == OtherMachine { "q35" } else { "pc" };
        let next = Pc::new(version, machine, &[memory, &["-incoming", "defer"]].concat());
        (Pc::new(version, "pc", device), next)
    }

    fn prepare(self, source: &mut Qemu) {
        set(source, &["return-path"]);
        if self.pauses() {
            set(source, &["pause-before-switchover"]);
        }
        if self.is_slow() {
            source.execute("migrate-set-parameters", json!({ "max-bandwidth": 100_000 }));
        } else {
            source.execute("migrate-set-parameters", json!({ "downtime-limit": 20_000 }));
        }
        if self == StoppedGuest {
            source.execute("stop", json!({}));
        }
    }

    /// Acts during the migration. Returns the destination, unless it is killed or absent.
    fn act(self, source: &mut Qemu, mut destination: Pc, relay: bool) -> Option<Pc> {
        if self.pauses() {
            await_status(source, "pre-switchover");
        } else if self.is_slow() {
            await_query(source, |migration| migration["ram"]["transferred"].as_u64() > Some(50_000));
        }
        if matches!(self, PausedAndContinued | CancelledWhileWaiting) {
            source.execute("migrate-continue", json!({ "state": "pre-switchover" }));
        }
        if self == CancelledWhileWaiting {
            await_status(source, "device");
            // Only then has the source certainly sent everything. The relay does not let the destination run.
            if !relay {
                await_run_state(&mut destination.qemu, "running");
            }
        }
        match self {
            CancelledWhileActive | CancelledWhilePaused | CancelledWhileWaiting => {
                source.execute("migrate_cancel", json!({}));
            }
            SourceQuits => send(source, r#"{"execute": "quit"}"#),
            DestinationYanked => {
                let yank = r#"{"execute": "yank", "arguments": {"instances": [{"type": "migration"}]}}"#;
                send(&destination.qemu, yank);
            }
            DestinationAbsent | DestinationKilled => return None,
            Undisturbed | StoppedGuest | PausedAndContinued | OtherMachine | OtherMemory | MissingDevice => {}
        }
        Some(destination)
    }
}

/// Sends a command, after which QEMU may exit before it replies.
fn send(qemu: &Qemu, command: &str) {
    qemu.connection().write_all(command.as_bytes()).unwrap();
}

/// The ways from a source to a destination.
struct Ways {
    folder: Folder,
    relay: Option<Relay>,
}

impl Ways {
    fn new(plan: Option<Plan>, relay: bool) -> Self {
        let folder = Folder::new();
        if relay {
            return Self { folder, relay: Some(Relay::start(plan, &[])) };
        }
        if plan.is_some() {
            let [from, to] = ["source", "destination"].map(|name| folder.path(name));
            let _ = Proxy::start(Path::new(&from), to.into(), plan);
        }
        Self { folder, relay: None }
    }

    fn source(&self, has_plan: bool) -> String {
        match &self.relay {
            Some(relay) => relay.folder.path("source"),
            None if has_plan => self.folder.path("source"),
            None => self.destination(),
        }
    }

    fn destination(&self) -> String {
        self.relay.as_ref().map_or(&self.folder, |relay| &relay.folder).path("destination")
    }
}

/// Carries a scenario out.
fn carry_out(version: &str, row: &Row, relay: bool) {
    let (scenario, completes, source_end, direct_end, relayed_end) = *row;
    let context = format!("{version}, {scenario:?}, relay: {relay}");
    println!("{context}");
    let (mut pc, mut next) = scenario.start(version);
    pc.assert_right();
    scenario.prepare(&mut pc.qemu);
    let ways = Ways::new(scenario.plan(), relay);
    if scenario != DestinationAbsent {
        next.qemu.execute("migrate-incoming", json!({ "uri": format!("unix:{}", ways.destination()) }));
    }
    let uri = format!("unix:{}", ways.source(scenario.plan().is_some()));
    pc.qemu.execute("migrate", json!({ "uri": uri }));
    let next = scenario.act(&mut pc.qemu, next, relay);
    if source_end != Exit {
        // QEMU reports a cancelled migration as failed if it finds the closed connection first.
        let ends = if completes { &["completed"][..] } else { &["cancelled", "failed"] };
        await_query(&mut pc.qemu, |migration| ends.iter().any(|end| migration["status"] == *end));
    }
    if let Some(relay) = ways.relay {
        let output = relay.tool.finish();
        assert_eq!(output.code, if completes { 0 } else { 2 }, "{context}: {}", output.stderr);
    }
    if let Some(mut next) = next {
        assert_end(&mut next, if relay { relayed_end } else { direct_end });
    }
    assert_end(&mut pc, source_end);
}

fn assert_end(pc: &mut Pc, end: End) {
    match end {
        State(state) => await_run_state(&mut pc.qemu, state),
        Exit => pc.qemu.wait_for_end(),
        Absent => {}
    }
    if end == RUNNING {
        pc.assert_right();
    }
}

#[test]
fn relayed_migrations_end_as_direct_ones() {
    for version in VERSIONS {
        for row in TABLE {
            for relay in [false, true] {
                carry_out(version, row, relay);
            }
        }
    }
}
