//! Guests that do not run: machines of tools and tests.

use super::host::{Host, HostError, HostMemory};
use crate::machine::Machine;
use crate::stream::Configuration;

/// A guest that does not run: a machine and its memory, such as in a tool that loads or sends a state.
///
/// ```no_run
/// use std::sync::{Arc, Mutex};
///
/// use vmstate::machine::Machine;
/// use vmstate::memory::{PageSize, VecBlock};
/// use vmstate::migration::{HostMemory, Incoming, Parameters, StoppedGuest};
/// use vmstate::prelude::*;
///
/// #[derive(VmState, Default)]
/// #[vmstate(name = "timer")]
/// struct Timer {
///     ticks: u32,
/// }
///
/// let timer = Arc::new(Mutex::new(Timer::default()));
/// let mut machine = Machine::with_type("board");
/// machine.register("timer", timer.clone())?;
/// let memory = HostMemory::new(PageSize::DEFAULT, vec![Arc::new(VecBlock::new("ram", vec![0; 1 << 20]))], None);
/// let mut guest = StoppedGuest::new(machine, memory);
/// Incoming::listen(&"unix:/run/guest".parse()?, Parameters::default())?.run(&mut guest)?;
/// println!("{} ticks", timer.lock().unwrap().ticks);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct StoppedGuest<'d> {
    machine: Machine<'d>,
    memory: HostMemory,
}

impl<'d> StoppedGuest<'d> {
    /// Creates a guest from a machine of its devices, without the memory, and its memory.
    #[must_use]
    pub fn new(machine: Machine<'d>, memory: HostMemory) -> Self {
        Self { machine, memory }
    }

    /// Returns the machine.
    pub fn machine(&mut self) -> &mut Machine<'d> {
        &mut self.machine
    }
}

impl Host for StoppedGuest<'_> {
    fn configuration(&self) -> Configuration {
        self.machine.configuration().cloned().unwrap_or_default()
    }

    fn memory(&self) -> HostMemory {
        self.memory.clone()
    }

    fn with_machine(&mut self, use_machine: &mut dyn FnMut(&mut Machine<'_>)) {
        use_machine(&mut self.machine);
    }

    fn is_running(&self) -> bool {
        false
    }

    fn stop(&mut self) -> Result<(), HostError> {
        Ok(())
    }

    fn resume(&mut self) -> Result<(), HostError> {
        Ok(())
    }
}
