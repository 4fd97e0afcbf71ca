//! The states that the user rewinds to.

use std::time::{Duration, Instant};

use vmstate::migration::control::{Controller, Operations, RunState};
use vmstate_examples::virt::BoardHost;

/// The time between two states.
const INTERVAL: Duration = Duration::from_secs(1);

/// A clock that adds a state for each second in which the guest has run.
pub(crate) struct History {
    last: Instant,
}

impl History {
    pub(crate) fn new() -> Self {
        Self { last: Instant::now() }
    }

    /// Saves a state if it is time to.
    pub(crate) fn record(&mut self, controller: &mut Controller<BoardHost>) -> Result<(), String> {
        // During a migration, memory can be missing.
        let is_idle = controller.run_state() == RunState::Running && controller.statistics().status.is_final();
        if self.last.elapsed() < INTERVAL || !is_idle {
            return Ok(());
        }
        self.last = Instant::now();
        controller.with_host(BoardHost::push_state).map_err(|error| error.to_string())
    }

    /// Rewinds to the newest state, and returns a message.
    pub(crate) fn rewind(&mut self, controller: &mut Controller<BoardHost>) -> String {
        self.last = Instant::now();
        match controller.rewind() {
            Ok(left) => format!("rewound, {left} states are left"),
            Err(error) => error.to_string(),
        }
    }
}
