//! A machine as it is now, to be compared with a stream or with another machine.

use vmstate_types::{SaveError, Writer};

use super::save::SaveOptions;
use crate::dynamic::diff::Snapshot;
use crate::registry::Registry;

impl Registry<'_> {
    /// Takes apart what this machine would save now, for a [comparison](crate::dynamic::diff) with a stream or with another
    /// machine, field by field. The machine must stand still.
    ///
    /// All of the machine is saved for that, its memory included, into memory.
    ///
    /// ```
    /// use vmstate::dynamic::diff::{Difference, compare};
    /// use vmstate::prelude::*;
    ///
    /// #[derive(VmState)]
    /// #[vmstate(name = "timer")]
    /// struct Clock {
    ///     ticks: u64,
    /// }
    ///
    /// let mut clock = Clock { ticks: 1 };
    /// let mut registry = Registry::for_machine("board");
    /// registry.register("timer", &mut clock)?;
    /// let before = registry.snapshot()?;
    /// drop(registry);
    ///
    /// clock.ticks = 2;
    /// let mut registry = Registry::for_machine("board");
    /// registry.register("timer", &mut clock)?;
    /// let after = registry.snapshot()?;
    /// let Some(Difference::Section(timer)) = compare(&before, &after).next() else { panic!() };
    /// assert_eq!((&*timer.name, &*timer.fields[0].path), ("timer", "ticks"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When a device cannot be saved.
    pub fn snapshot(&mut self) -> Result<Snapshot, SaveError> {
        let mut out = Writer::new();
        self.save_into(&mut out, SaveOptions::new())?;
        // Our own streams are read again, unless a device describes itself wrongly: `laws` finds that.
        Snapshot::of_stream(out.pending())
            .map_err(|error| SaveError::misuse(format!("what was saved is not read again: {error}")))
    }
}
