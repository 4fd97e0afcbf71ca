//! Events of a source, compared with the recorded events of QEMU.

use std::time::{Duration, Instant};

use vmstate::migration::QemuRelease::{self, V7_2, V10_0, V11_1};
use vmstate::migration::source::{Done, Source, SourceAction, SourceConfig, SourceControl, SourceInput};
use vmstate::migration::{Capability, Event, MigrationStatus};

use super::verdict::Verdict::{self, Differs, Same};

/// A disturbance of the migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// The command migrate_cancel, in this state.
    Cancel(MigrationStatus),
    /// The command migrate_cancel, after the end of the stream.
    CancelAtEnd,
    /// The connection cannot be made.
    Unreachable,
    /// The destination closes the connection in `active`.
    Killed,
    /// The destination rejects a device.
    Refused,
}

use Fault::{Cancel, CancelAtEnd, Killed, Refused, Unreachable};

/// A case: its name, the release, the guest, the capability that is changed, the fault, our events, the comparison.
struct Case {
    name: &'static str,
    release: QemuRelease,
    guest_runs: bool,
    change: Option<(Capability, bool)>,
    fault: Fault,
    events: &'static str,
    verdict: Verdict,
}

const fn case(name: &'static str, release: QemuRelease, fault: Fault, events: &'static str, verdict: Verdict) -> Case {
    Case { name, release, guest_runs: true, change: None, fault, events, verdict }
}

const RESUMES_FIRST: Verdict = Differs("7.2 and 10.0 report the failure before RESUME, 11.1 after it as this library");
const PAUSE: Option<(Capability, bool)> = Some((Capability::PauseBeforeSwitchover, true));
const SILENT: Option<(Capability, bool)> = Some((Capability::ReturnPath, false));

const CASES: &[Case] = &[
    case("success", V7_2, Fault::None, "setup pass active pass STOP pass completed", Same),
    case("success", V10_0, Fault::None, "setup pass active pass STOP device pass completed", Same),
    case("success", V11_1, Fault::None, "setup active pass STOP device completed", Same),
    Case {
        guest_runs: false,
        ..case("stopped guest", V10_0, Fault::None, "setup pass active pass device pass completed", Same)
    },
    Case {
        change: PAUSE,
        ..case("pause", V10_0, Fault::None, "setup pass active pass STOP pre-switchover device pass completed", Same)
    },
    Case {
        change: PAUSE,
        ..case("pause", V7_2, Fault::None, "setup pass active pass STOP pre-switchover device pass completed", Same)
    },
    case("cancel in setup", V10_0, Cancel(MigrationStatus::Setup), "setup cancelling cancelled", Same),
    case("cancel in active", V10_0, Cancel(MigrationStatus::Active), "setup pass active cancelling cancelled", Same),
    Case {
        change: PAUSE,
        ..case(
            "cancel in pre-switchover",
            V10_0,
            Cancel(MigrationStatus::PreSwitchover),
            "setup pass active pass STOP pre-switchover cancelling RESUME cancelled",
            Same,
        )
    },
    case(
        "cancel in device",
        V10_0,
        Cancel(MigrationStatus::Device),
        "setup pass active pass STOP device cancelling RESUME cancelled",
        Same,
    ),
    case(
        "cancel after the end",
        V10_0,
        CancelAtEnd,
        "setup pass active pass STOP device pass completed",
        Differs("QEMU is cancelled, and both guests run; here the command is rejected"),
    ),
    case("rejected device", V10_0, Refused, "setup pass active pass STOP device pass RESUME failed", RESUMES_FIRST),
    case("rejected device", V11_1, Refused, "setup active pass STOP device failing RESUME failed", Same),
    Case {
        change: SILENT,
        ..case(
            "rejected device, no return path",
            V10_0,
            Refused,
            "setup pass active pass STOP device pass completed",
            Same,
        )
    },
    case("destination killed", V10_0, Killed, "setup pass active failed", Same),
    case("destination killed", V11_1, Killed, "setup active failing failed", Same),
    case("unreachable", V10_0, Unreachable, "setup failed", Same),
    case("unreachable", V11_1, Unreachable, "setup failing failed", Same),
];

/// Returns the names of events, without repetitions.
fn names(events: &[Event]) -> String {
    let name = |event: &Event| match event {
        Event::Status(status) => Some(status.name()),
        Event::Pass { .. } => Some("pass"),
        Event::Stopped => Some("STOP"),
        Event::Resumed => Some("RESUME"),
        _ => None,
    };
    let mut names: Vec<_> = events.iter().filter_map(name).collect();
    names.dedup();
    names.join(" ")
}

fn run(case: &Case) -> String {
    let mut config = SourceConfig::new(4096, 0);
    (config.release, config.guest_runs) = (case.release, case.guest_runs);
    case.change.into_iter().for_each(|(capability, on)| config.capabilities.set(capability, on));
    let mut now = Instant::now();
    let (mut source, mut events) = (Source::new(config, now).unwrap(), Vec::new());
    while !source.is_finished() {
        now += Duration::from_millis(1);
        events.extend(std::iter::from_fn(|| source.poll_event()));
        let status = source.statistics(now).status;
        if case.fault == Cancel(status) {
            source.command(now, SourceControl::Cancel).unwrap();
        }
        match source.poll_action(now) {
            Some(action) => carry_out(&mut source, now, case.fault, &action),
            // The command has ended it.
            None if source.is_finished() => {}
            None if status == MigrationStatus::PreSwitchover => source.command(now, SourceControl::Continue).unwrap(),
            None => {
                now = source.poll_timeout().expect("the migration continues").max(now);
                source.handle(now, SourceInput::Timeout);
            }
        }
    }
    events.extend(std::iter::from_fn(|| source.poll_event()));
    names(&events)
}

fn carry_out(source: &mut Source, now: Instant, fault: Fault, action: &SourceAction) {
    if fault == Unreachable && *action == SourceAction::Connect {
        return source.handle(now, SourceInput::Failed("unreachable".to_owned()));
    }
    source.handle(now, SourceInput::Done(Done::default()));
    if !source.has_return_path() {
        return;
    }
    match action {
        SourceAction::Begin { .. } => {
            source.handle(now, SourceInput::Received(b"\0\x02\0\x04vms\x01"));
            if fault == Killed {
                source.handle(now, SourceInput::Lost("connection closed".to_owned()));
            }
        }
        SourceAction::Send(vmstate::stream::Command::Ping(_)) => {
            let answer: &[u8] = if fault == Refused { b"\0\x01\0\x04\0\0\0\x01" } else { b"\0\x02\0\x04vms\x02" };
            source.handle(now, SourceInput::Received(answer));
        }
        SourceAction::End => {
            if fault == CancelAtEnd {
                source.command(now, SourceControl::Cancel).unwrap_err();
            }
            source.handle(now, SourceInput::Received(b"\0\x01\0\x04\0\0\0\0"));
        }
        _ => {}
    }
}

#[test]
fn events_match_recorded_events() {
    for case in CASES {
        assert_eq!(run(case), case.events, "{} as {} ({:?})", case.name, case.release, case.verdict);
    }
}
