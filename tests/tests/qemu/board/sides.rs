//! The sides of migrations between QEMUs and boards, under the control of their monitors.

use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vmstate_tests::board::BoardProcess;

use super::live::Guest;

/// The timeout of each step.
const PATIENCE: Duration = Duration::from_secs(120);
/// The interval of polling.
const PAUSE: Duration = Duration::from_millis(5);

/// A program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Qemu,
    Board,
}

/// The first state of a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    Running,
    /// It was not started yet.
    Paused,
    /// It is awaited.
    Incoming,
}

/// A program that runs a guest or awaits it.
pub(super) struct Side {
    program: Program,
    /// The number of events that [`events`](Self::events) has returned.
    seen: usize,
}

enum Program {
    Qemu(Box<Guest>),
    Board(BoardProcess),
}

impl Side {
    pub(super) fn new(kind: Kind, version: &str, start: Start) -> Self {
        let program = match (kind, start) {
            (Kind::Qemu, Start::Running) => Program::Qemu(Guest::started(version).into()),
            (Kind::Qemu, Start::Paused) => Program::Qemu(Guest::new(version, &["-S"]).into()),
            (Kind::Qemu, Start::Incoming) => Program::Qemu(Guest::new(version, &["-incoming", "defer"]).into()),
            (Kind::Board, Start::Running) => Program::Board(BoardProcess::running(&["--qemu", version])),
            (Kind::Board, Start::Paused) => Program::Board(BoardProcess::start(&["--qemu", version, "--paused"])),
            (Kind::Board, Start::Incoming) => {
                Program::Board(BoardProcess::start(&["--qemu", version, "--incoming", "defer"]))
            }
        };
        let mut side = Self { program, seen: 0 };
        side.enable(&["events", "return-path"]);
        side
    }

    /// Returns the path of a socket.
    pub(super) fn socket(&self, name: &str) -> String {
        match &self.program {
            Program::Qemu(guest) => format!("unix:{}", guest.folder.path().join(name).display()),
            Program::Board(board) => format!("unix:{}", board.path(name).display()),
        }
    }

    /// Executes a command, or returns the description of its error.
    pub(super) fn attempt(&mut self, command: &str, arguments: &Value) -> Result<Value, String> {
        match &mut self.program {
            Program::Qemu(guest) => guest.qemu.attempt(command, arguments),
            Program::Board(board) => board.try_execute(command, arguments),
        }
    }

    #[track_caller]
    pub(super) fn execute(&mut self, command: &str, arguments: &Value) -> Value {
        self.attempt(command, arguments).unwrap_or_else(|error| panic!("{command} {arguments}: {error}"))
    }

    pub(super) fn enable(&mut self, capabilities: &[&str]) {
        self.set(capabilities, true);
    }

    pub(super) fn disable(&mut self, capabilities: &[&str]) {
        self.set(capabilities, false);
    }

    fn set(&mut self, capabilities: &[&str], on: bool) {
        if capabilities.is_empty() {
            return;
        }
        let changes: Vec<_> = capabilities.iter().map(|name| json!({ "capability": name, "state": on })).collect();
        self.execute("migrate-set-capabilities", &json!({ "capabilities": changes }));
    }

    /// Returns the run state; `ended` after the end of the process.
    pub(super) fn run_state(&mut self) -> String {
        let found = match &mut self.program {
            Program::Qemu(guest) => guest.qemu.try_status(),
            Program::Board(board) => {
                board.attempt("query-status").and_then(|reply| reply["status"].as_str().map(str::to_owned))
            }
        };
        found.unwrap_or_else(|| "ended".to_owned())
    }

    /// Returns the statistics; `None` after the end of the process.
    pub(super) fn statistics(&mut self) -> Option<Value> {
        match &mut self.program {
            Program::Qemu(guest) => guest.qemu.attempt("query-migrate", &json!({})).ok(),
            Program::Board(board) => board.attempt("query-migrate"),
        }
    }

    /// Waits until the migration has one of these states, and returns the statistics; `None` after the end of the process.
    #[track_caller]
    pub(super) fn wait_for(&mut self, statuses: &[&str]) -> Option<Value> {
        let start = Instant::now();
        loop {
            let found = self.statistics()?;
            if found["status"].as_str().is_some_and(|status| statuses.contains(&status)) {
                return Some(found);
            }
            assert!(start.elapsed() < PATIENCE, "not {statuses:?}: {found}");
            sleep(PAUSE);
        }
    }

    /// Waits until the run state is one of these, or the process has ended.
    #[track_caller]
    pub(super) fn wait_for_run_state(&mut self, states: &[&str]) -> String {
        let start = Instant::now();
        loop {
            let found = self.run_state();
            if found == "ended" || states.contains(&&*found) {
                return found;
            }
            assert!(start.elapsed() < PATIENCE, "not {states:?}: {found}");
            sleep(PAUSE);
        }
    }

    /// Ends the process at once.
    pub(super) fn kill(&mut self) {
        match &mut self.program {
            Program::Qemu(guest) => guest.qemu.kill(),
            Program::Board(board) => board.kill(),
        }
    }

    /// Returns the events since the last call, without passes.
    pub(super) fn events(&mut self) -> Vec<String> {
        // Events before the reply of a command have arrived with it.
        self.run_state();
        let events = match &self.program {
            Program::Qemu(guest) => guest.qemu.events(),
            Program::Board(board) => board.events.clone(),
        };
        let new = events[self.seen..].iter().filter(|event| !event.starts_with("pass")).cloned().collect();
        self.seen = events.len();
        new
    }
}
