//! Two programs in one process, controlled only through their monitors.

mod addresses;
mod snapshots;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::{Operations, RunState, Server, Settings};
use super::{Controller, Ended, NOT_PAUSED};
use crate::migration::QemuRelease;
use crate::migration::drive::tests::Board;

/// A program, and the client that controls it.
struct Program {
    controller: Controller<Board>,
    server: Server,
    settings: Settings,
    client: BufReader<UnixStream>,
    events: Vec<String>,
    /// The number of events up to the last awaited one.
    seen: usize,
    ended: Option<Ended>,
}

const PATIENCE: Duration = Duration::from_secs(20);

impl Program {
    fn new(controller: Controller<Board>) -> Self {
        let (client, connection) = UnixStream::pair().unwrap();
        client.set_nonblocking(true).unwrap();
        let mut settings = Settings::new(QemuRelease::V10_0);
        settings.files = true;
        let server = Server::from_connection(connection, settings.release).unwrap();
        let client = BufReader::new(client);
        let mut program = Self { controller, server, settings, client, events: Vec::new(), seen: 0, ended: None };
        program.execute("qmp_capabilities", &json!({})).unwrap();
        program
    }

    fn source() -> Self {
        Self::new(Controller::new(Board::source()).unwrap())
    }

    fn destination() -> Self {
        Self::new(Controller::incoming(Board::destination()).unwrap())
    }

    /// Runs the program for a moment, and returns the reply of a command if one has arrived.
    fn serve(&mut self) -> Option<Value> {
        let ended = self.controller.serve(&mut self.server, &mut self.settings, Duration::from_millis(1));
        self.ended = self.ended.take().or(ended.unwrap());
        let mut line = String::new();
        while self.client.read_line(&mut line).is_ok_and(|length| length > 0) {
            let message: Value = serde_json::from_str(&line).unwrap();
            line.clear();
            match message["event"].as_str() {
                Some("MIGRATION") => self.events.push(message["data"]["status"].as_str().unwrap().to_owned()),
                Some("MIGRATION_PASS") => self.events.push(format!("pass{}", message["data"]["pass"])),
                Some("JOB_STATUS_CHANGE") => {
                    let [id, status] = ["id", "status"].map(|name| message["data"][name].as_str().unwrap());
                    self.events.push(format!("{id} {status}"));
                }
                Some(other) => self.events.push(other.to_owned()),
                None if message.get("QMP").is_some() => {}
                None => return Some(message),
            }
        }
        None
    }

    fn execute(&mut self, command: &str, arguments: &Value) -> Result<Value, String> {
        let request = json!({ "execute": command, "arguments": arguments });
        self.client.get_mut().write_all(request.to_string().as_bytes()).unwrap();
        let start = Instant::now();
        loop {
            if let Some(mut reply) = self.serve() {
                return match reply.get_mut("return") {
                    Some(value) => Ok(value.take()),
                    None => Err(reply["error"]["desc"].as_str().unwrap().to_owned()),
                };
            }
            assert!(start.elapsed() < PATIENCE, "no reply to {request}");
        }
    }

    fn run(&mut self, command: &str, arguments: &Value) -> Value {
        self.execute(command, arguments).unwrap()
    }

    fn run_state(&mut self) -> String {
        self.run("query-status", &json!({}))["status"].as_str().unwrap().to_owned()
    }

    /// Serves until the next `event`, also the client of `other`.
    fn wait(&mut self, event: &str, other: &mut Self) {
        let start = Instant::now();
        loop {
            if let Some(at) = self.events[self.seen..].iter().position(|found| found == event) {
                self.seen += at + 1;
                return;
            }
            self.serve();
            other.serve();
            assert!(start.elapsed() < PATIENCE, "no event {event} after {:?}, {:?}", self.events, other.events);
        }
    }

    fn set_capability(&mut self, name: &str) {
        self.run("migrate-set-capabilities", &json!({"capabilities": [{"capability": name, "state": true}]}));
    }
}

/// A folder with a socket's address.
fn address() -> (tempfile::TempDir, Value) {
    let folder = tempfile::tempdir().unwrap();
    let uri = json!({ "uri": format!("unix:{}", folder.path().join("socket").display()) });
    (folder, uri)
}

/// A source and a destination with a migration between them.
fn migrating(prepare: impl FnOnce(&mut Program)) -> (Program, Program, tempfile::TempDir) {
    let (folder, uri) = address();
    let (mut source, mut destination) = (Program::source(), Program::destination());
    prepare(&mut source);
    destination.run("migrate-incoming", &uri);
    source.run("migrate", &uri);
    (source, destination, folder)
}

#[test]
fn running_guest_moves() {
    let (mut source, mut destination, _folder) = migrating(|_| {});
    source.wait("completed", &mut destination);
    destination.wait("completed", &mut source);
    let (passes, others): (Vec<_>, Vec<_>) = source.events.iter().partition(|event| event.starts_with("pass"));
    assert_eq!(others, ["setup", "active", "STOP", "device", "completed"]);
    // The number of passes that pay depends on the speed of this machine. The last one follows the stop of the guest.
    let numbered: Vec<_> = (1..=passes.len()).map(|number| format!("pass{number}")).collect();
    assert!(passes.len() >= 3 && passes.iter().zip(&numbered).all(|(pass, number)| *pass == number), "{passes:?}");
    let last = source.events.iter().rposition(|event| event.starts_with("pass"));
    assert!(last > source.events.iter().position(|event| event == "STOP"), "{:?}", source.events);
    assert_eq!(destination.events, ["setup", "active", "RESUME", "completed"]);
    assert_eq!((source.run_state().as_str(), destination.run_state().as_str()), ("postmigrate", "running"));
    let statistics = source.run("query-migrate", &json!({}));
    assert_eq!((&statistics["status"], &statistics["ram"]["normal"]), (&json!("completed"), &json!(509)));
    assert!(statistics["downtime"].is_u64() && statistics["total-time"].is_u64(), "{statistics}");
    let twice = source.execute("cont", &json!({})).unwrap_err();
    assert_eq!(twice, "The guest has moved to the destination; it must not run on both sides");
    let again = source.execute("migrate", &json!({"uri": "unix:/nowhere"})).unwrap_err();
    assert_eq!(again, "Can't migrate the vm that was paused due to previous migration");
}

#[test]
fn guest_moves_on() {
    let (mut first, mut second, _folder) = migrating(|_| {});
    second.wait("completed", &mut first);
    let (_other, uri) = address();
    let mut third = Program::destination();
    third.run("migrate-incoming", &uri);
    second.run("migrate", &uri);
    third.wait("completed", &mut second);
    assert_eq!(third.run_state(), "running");
}

#[test]
fn paused_destination_waits_for_cont() {
    let (_folder, uri) = address();
    let (mut source, mut destination) = (Program::source(), Program::destination());
    destination.run("stop", &json!({}));
    destination.run("migrate-incoming", &uri);
    assert_eq!(destination.run_state(), "inmigrate");
    source.run("migrate", &uri);
    destination.wait("completed", &mut source);
    assert_eq!(destination.events, ["setup", "active", "completed"]);
    assert_eq!(destination.run_state(), "paused");
    destination.run("cont", &json!({}));
    assert_eq!(destination.run_state(), "running");
}

#[test]
fn guest_is_stopped_and_continued_during_a_migration() {
    let (mut source, mut destination, _folder) = migrating(|source| {
        // As long as the devices take: the guest is not stopped before all memory is sent, which takes two seconds.
        source.run("migrate-set-parameters", &json!({"max-bandwidth": 1 << 20, "downtime-limit": 1}));
    });
    source.wait("active", &mut destination);
    source.run("stop", &json!({}));
    assert_eq!(source.run_state(), "paused");
    source.run("cont", &json!({}));
    source.run("stop", &json!({}));
    source.run("migrate-set-parameters", &json!({"max-bandwidth": 0}));
    source.wait("completed", &mut destination);
    destination.wait("completed", &mut source);
    let stops: Vec<_> = source.events.iter().filter(|event| ["STOP", "RESUME"].contains(&event.as_str())).collect();
    assert_eq!(stops, ["STOP", "RESUME", "STOP"], "the switchover finds it stopped");
}

#[test]
fn guest_is_not_rewound_during_a_migration() {
    let (mut source, mut destination, _folder) = migrating(|source| {
        let error = source.execute("x-rewind", &json!({})).unwrap_err();
        assert_eq!(error, "the program keeps no earlier states");
        source.set_capability("pause-before-switchover");
    });
    source.wait("pre-switchover", &mut destination);
    for program in [&mut source, &mut destination] {
        let error = program.execute("x-rewind", &json!({})).unwrap_err();
        assert_eq!(error, "the guest cannot be rewound during a migration");
    }
}

#[test]
fn cancelled_guest_continues_and_moves_later() {
    let (mut source, mut destination, _folder) = migrating(|source| source.set_capability("pause-before-switchover"));
    source.wait("pre-switchover", &mut destination);
    assert_eq!(source.run_state(), "finish-migrate");
    assert_eq!(source.execute("cont", &json!({})).unwrap_err(), "Migration is not finalized yet");
    source.run("migrate_cancel", &json!({}));
    source.wait("cancelled", &mut destination);
    assert!(source.events.ends_with(&["cancelling", "RESUME", "cancelled"].map(str::to_owned)), "{:?}", source.events);
    destination.wait("failed", &mut source);
    assert_eq!(source.run_state(), "running");

    let (_other, uri) = address();
    let mut next = Program::destination();
    next.run("migrate-incoming", &uri);
    source.run("migrate", &uri);
    source.wait("pre-switchover", &mut next);
    let wrong = source.execute("migrate-continue", &json!({"state": "device"})).unwrap_err();
    assert_eq!(wrong, "Migration not in expected state: pre-switchover");
    source.run("migrate-continue", &json!({"state": "pre-switchover"}));
    next.wait("completed", &mut source);
}

#[test]
fn failed_destination_ends_or_listens_again() {
    for exit_on_error in [true, false] {
        let (_folder, uri) = address();
        let (mut source, mut destination) = (Program::source(), Program::destination());
        destination.run("migrate-incoming", &json!({"uri": uri["uri"], "exit-on-error": exit_on_error}));
        source.set_capability("pause-before-switchover");
        source.run("migrate", &uri);
        source.wait("pre-switchover", &mut destination);
        source.run("migrate_cancel", &json!({}));
        destination.wait("failed", &mut source);
        if exit_on_error {
            // The thread of the migration ends after its last event.
            let start = Instant::now();
            while destination.ended.is_none() && start.elapsed() < PATIENCE {
                destination.serve();
            }
            assert!(matches!(destination.ended, Some(Ended::IncomingFailed(_))), "{:?}", destination.ended);
        } else {
            assert_eq!((destination.run_state().as_str(), &destination.ended), ("inmigrate", &None));
            source.wait("cancelled", &mut destination);
            destination.run("migrate-incoming", &uri);
            source.run("migrate", &uri);
            source.wait("pre-switchover", &mut destination);
            source.run("migrate-continue", &json!({"state": "pre-switchover"}));
            destination.wait("completed", &mut source);
        }
    }
}

#[test]
fn destination_that_does_not_read_is_cancelled() {
    let (folder, uri) = address();
    let listener = UnixListener::bind(folder.path().join("socket")).unwrap();
    let mut source = Program::source();
    source.run("migrate", &uri);
    let (_peer, _) = listener.accept().unwrap();
    let start = Instant::now();
    while !source.events.contains(&"active".to_owned()) {
        source.serve();
    }
    source.run("migrate_cancel", &json!({}));
    while source.events.last().is_none_or(|event| event != "cancelled") {
        source.serve();
        // Without waiting for the deadline of the peer's progress, 30 s.
        assert!(start.elapsed() < Duration::from_secs(25), "{:?}", source.events);
    }
    assert_eq!(source.run_state(), "running");
}

#[test]
fn broken_connection_fails_the_migration() {
    let (mut source, mut destination, _folder) = migrating(|source| source.set_capability("pause-before-switchover"));
    source.wait("pre-switchover", &mut destination);
    let instances = json!({"instances": [{"type": "migration"}]});
    assert_eq!(source.run("query-yank", &json!({})), json!([{"type": "migration"}]));
    source.run("yank", &instances);
    source.wait("failed", &mut destination);
    destination.wait("failed", &mut source);
    assert_eq!(source.run_state(), "running");
    assert_eq!(source.execute("yank", &instances).unwrap_err(), "Instance not found");
}

#[test]
fn events_precede_the_reply_of_their_command() {
    let mut source = Program::source();
    source.set_capability("events");
    for (command, arguments, expected) in [
        ("stop", json!({}), &["STOP"][..]),
        ("cont", json!({}), &["RESUME"]),
        ("migrate", json!({"uri": "fd:missing"}), &["setup", "failed"]),
        ("quit", json!({}), &["SHUTDOWN"]),
    ] {
        source.events.clear();
        // Events that follow the reply are still in the socket.
        let _ = source.execute(command, &arguments);
        assert_eq!(source.events, expected, "{command}");
    }
}

#[test]
fn quit_cancels_the_migration_and_ends() {
    let (mut source, mut destination, _folder) = migrating(|source| source.set_capability("pause-before-switchover"));
    source.wait("pre-switchover", &mut destination);
    source.run("quit", &json!({}));
    assert_eq!(source.ended, Some(Ended::Quit));
    destination.wait("failed", &mut source);
    let reason = destination.run("query-migrate", &json!({}))["error-desc"].clone();
    assert!(reason.is_string(), "{reason}");
}

#[test]
fn commands_are_rejected_in_other_run_states() {
    let (mut source, mut destination) = (Program::source(), Program::destination());
    let uri = json!({"uri": "unix:/nowhere/socket"});
    let error = |program: &mut Program, command: &str| program.execute(command, &uri).unwrap_err();
    assert_eq!(error(&mut destination, "migrate"), "Guest is waiting for an incoming migration");
    assert_eq!(error(&mut source, "migrate-incoming"), "'-incoming' was not specified on the command line");
    assert!(error(&mut destination, "migrate-incoming").contains("No such file"));
    let resumed = source.execute("migrate", &json!({"uri": "unix:/x", "resume": true})).unwrap_err();
    assert_eq!(resumed, NOT_PAUSED);
    let mut stopped = Board::source();
    stopped.runs = false;
    let controller = Controller::new(stopped).unwrap();
    assert_eq!(controller.run_state(), RunState::Prelaunch);
}

#[test]
fn dirty_rate_is_measured() {
    let mut source = Program::source();
    assert_eq!(source.run("query-dirty-rate", &json!({}))["status"], "unstarted");
    for (mode, samples) in [("page-sampling", 256), ("dirty-bitmap", 512)] {
        let mut request = json!({"calc-time": 50, "calc-time-unit": "millisecond", "mode": mode});
        if mode == "page-sampling" {
            request["sample-pages"] = samples.into();
        }
        source.run("calc-dirty-rate", &request);
        let again = source.execute("calc-dirty-rate", &request).unwrap_err();
        assert_eq!(again, "the dirty rate is already being measured.");
        let start = Instant::now();
        let found = loop {
            let found = source.run("query-dirty-rate", &json!({}));
            if found["status"] == "measured" {
                break found;
            }
            assert!(start.elapsed() < PATIENCE, "{found}");
        };
        // The vCPUs of this guest are simulated, so it writes nothing.
        assert_eq!((&found["dirty-rate"], &found["mode"]), (&json!(0), &json!(mode)), "{found}");
        assert_eq!((&found["sample-pages"], &found["calc-time"]), (&json!(samples), &json!(50)), "{found}");
    }
    let ring = source.execute("calc-dirty-rate", &json!({"calc-time": 1, "mode": "dirty-ring"})).unwrap_err();
    assert!(ring.contains("mode dirty-ring is not enabled"), "{ring}");
}

#[test]
fn migration_ends_a_measurement() {
    let (mut source, mut destination, _folder) = migrating(|source| {
        source.run("calc-dirty-rate", &json!({"calc-time": 60, "mode": "dirty-bitmap"}));
    });
    destination.wait("completed", &mut source);
    source.wait("completed", &mut destination);
    assert_eq!(source.run("query-dirty-rate", &json!({}))["status"], "unstarted");
}

#[test]
fn network_cards_are_announced_again() {
    let mut source = Program::source();
    let request = json!({"initial": 50, "max": 550, "rounds": 5, "step": 50});
    assert_eq!(source.run("announce-self", &request), json!({}));
}

#[test]
fn other_machine_is_recognized_by_its_uuid() {
    let (_folder, uri) = address();
    let mut board = Board::source();
    board.uuid = [7; 16];
    let mut source = Program::new(Controller::new(board).unwrap());
    let mut destination = Program::destination();
    for program in [&mut source, &mut destination] {
        program.set_capability("multifd");
    }
    destination.run("migrate-incoming", &uri);
    source.run("migrate", &uri);
    destination.wait("failed", &mut source);
    let reason = destination.run("query-migrate", &json!({}))["error-desc"].as_str().unwrap().to_owned();
    assert!(reason.contains("received uuid '07070707-0707"), "{reason}");
}
