//! The section of memory while the guest is paused.

use vmstate_types::{LoadError, Reader, SaveError};

use super::BackgroundRam;
use crate::ram::{Record, write_record};
use crate::section::{LiveSection, Output};
use crate::stream::SectionKind;

impl LiveSection for BackgroundRam {
    fn save_setup(&mut self, out: &mut Output<'_>) -> Result<(), SaveError> {
        self.0.pages.set_up(out)
    }

    fn save_iterate(&mut self, out: &mut Output<'_>, _: u64) -> Result<bool, SaveError> {
        end_section(out);
        Ok(true)
    }

    /// The guest is paused from here on: its memory must not change until it is protected.
    fn save_complete(&mut self, out: &mut Output<'_>) -> Result<(), SaveError> {
        self.0.pages.freeze()?;
        end_section(out);
        Ok(())
    }

    fn load_setup(&mut self, _: bool) -> Result<(), LoadError> {
        Err(only_saves())
    }

    fn load(&mut self, _: &mut Reader<'_>, _: SectionKind, _: u32) -> Result<(), LoadError> {
        Err(only_saves())
    }

    fn load_undo(&mut self) -> Result<(), LoadError> {
        Ok(())
    }
}

fn end_section(out: &mut Output<'_>) {
    write_record(out.writer(), &Record::EndOfSection, "");
}

fn only_saves() -> LoadError {
    LoadError::misuse("a section that can be loaded", "memory of a background snapshot, which is only saved")
        .or_advice("register the section `ram` to load it")
}
