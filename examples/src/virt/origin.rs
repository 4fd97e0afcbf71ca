//! The origin of the memory: of this process only, or shared with others.

use std::error::Error;
use std::fs::File;
use std::path::Path;

use vmstate::memory::MappingOptions;
use vmstate::migration::HandedOver;

use super::map;
use super::memory::{Block, RAM_NAME};

/// The origin of the memory of a new board.
#[derive(Debug)]
pub enum Origin<'o> {
    /// This process only.
    Private,
    /// This process, which can pass descriptors of it to others (mode `cpr-transfer`).
    Descriptors,
    /// The RAM is a file that other boards and QEMUs on the host map, too (capability `x-ignore-shared`).
    File(&'o Path),
    /// The memory of another process, with its content.
    HandedOver(&'o mut HandedOver),
}

impl Origin<'_> {
    /// Returns whether the memory has the content of a guest.
    pub(super) fn has_content(&self) -> bool {
        matches!(self, Self::HandedOver(_))
    }

    /// Creates a block of `size` bytes, which are zero unless others have the memory.
    pub(super) fn map(&mut self, name: &str, size: usize) -> Result<Block, Box<dyn Error>> {
        let options = match self {
            Self::Descriptors => MappingOptions::memfd(),
            Self::File(path) if name == RAM_NAME => {
                let file = File::options().read(true).write(true).create(true).truncate(false).open(*path);
                let file = file.map_err(|error| format!("{}: {error}", path.display()))?;
                if file.metadata()?.len() < size as u64 {
                    file.set_len(size as u64)?;
                }
                MappingOptions::shared_file(file).guest_address(map::RAM)
            }
            Self::Private | Self::File(_) => MappingOptions::anonymous(),
            Self::HandedOver(files) => {
                let file = files.take(name).ok_or_else(|| format!("the source has no block `{name}`"))?;
                MappingOptions::handed_over(file)
            }
        };
        Ok(options.map(name, size as u64)?)
    }
}
