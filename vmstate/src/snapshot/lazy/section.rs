//! The section of memory during the load of the devices.

use vmstate_types::{LoadError, Reader, SaveError};

use super::{LazyRam, Loading};
use crate::ram::{PlacesLoader, RamOptions};
use crate::section::{LiveSection, Output};
use crate::stream::{Configuration, SectionKind};

impl LiveSection for LazyRam {
    fn save_setup(&mut self, _: &mut Output<'_>) -> Result<(), SaveError> {
        Err(only_loads())
    }

    fn save_iterate(&mut self, _: &mut Output<'_>, _: u64) -> Result<bool, SaveError> {
        Err(only_loads())
    }

    fn save_complete(&mut self, _: &mut Output<'_>) -> Result<(), SaveError> {
        Err(only_loads())
    }

    fn load_format(&mut self, configuration: &Configuration) {
        let options = RamOptions::from_capabilities(configuration.capabilities.as_deref().unwrap_or_default());
        *self.0.lock() = Loading::Places(PlacesLoader::new(self.0.page_size, options));
    }

    fn load_setup(&mut self, _: bool) -> Result<(), LoadError> {
        let mut loading = self.0.lock();
        if !matches!(*loading, Loading::Places(_)) {
            // The stream has no configuration, and so no memory at fixed places.
            *loading = Loading::Places(PlacesLoader::new(self.0.page_size, RamOptions::default()));
        }
        Ok(())
    }

    fn load(&mut self, reader: &mut Reader<'_>, _: SectionKind, _: u32) -> Result<(), LoadError> {
        match &mut *self.0.lock() {
            Loading::Places(loader) => loader.load(&self.0.blocks, reader),
            _ => Err(LoadError::misuse("a section during a load", "a section after it")),
        }
    }

    fn is_complete_without_end(&self) -> bool {
        matches!(&*self.0.lock(), Loading::Places(loader) if loader.has_all_pages())
    }

    fn load_finish(&mut self) -> Result<(), LoadError> {
        let mut loading = self.0.lock();
        match std::mem::replace(&mut *loading, Loading::Nothing) {
            Loading::Places(loader) => *loading = self.0.prepare(loader)?,
            other => *loading = other,
        }
        Ok(())
    }

    fn load_undo(&mut self) -> Result<(), LoadError> {
        *self.0.lock() = Loading::Nothing;
        Ok(())
    }

    fn load_cleanup(&mut self) {
        let mut loading = self.0.lock();
        if matches!(*loading, Loading::Places(_)) {
            // A load without a rollback has failed.
            *loading = Loading::Nothing;
        }
    }
}

fn only_loads() -> SaveError {
    SaveError::misuse("memory that is restored lazily is only loaded; register the section `ram` to save it")
}
