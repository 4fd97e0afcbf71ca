//! The states that the user rewinds to.

use std::time::{Duration, Instant};

use vmstate::migration::control::{Controller, Operations, RunState};
use vmstate_examples::virt::{BoardHost, BoardRewind};

/// The time between two states.
const INTERVAL: Duration = Duration::from_secs(1);

/// A state for each second in which the guest has run.
pub(crate) struct History {
    states: BoardRewind,
    last: Instant,
}

impl History {
    pub(crate) fn new(memory: usize) -> Self {
        Self { states: BoardRewind::new(memory), last: Instant::now() }
    }

    /// Saves a state if it is time to.
    pub(crate) fn record(&mut self, controller: &mut Controller<BoardHost>) -> Result<(), String> {
        if self.last.elapsed() < INTERVAL || controller.run_state() != RunState::Running {
            return Ok(());
        }
        self.last = Instant::now();
        controller.with_host(|host| host.push_state(&mut self.states)).map_err(|error| error.to_string())
    }

    /// Rewinds to the newest state, and returns a message.
    pub(crate) fn rewind(&mut self, controller: &mut Controller<BoardHost>) -> String {
        if ![RunState::Running, RunState::Paused].contains(&controller.run_state()) {
            return "the guest cannot be rewound while it is saved, loaded or migrated".to_owned();
        }
        self.last = Instant::now();
        match controller.with_host(|host| host.pop_state(&mut self.states)) {
            Ok(true) => format!("rewound, {} states are left", self.states.len()),
            Ok(false) => "the guest has no earlier state".to_owned(),
            Err(error) => error.to_string(),
        }
    }
}
