//! The working set of a snapshot: the file `ID.working-set`.

use std::fs::File;
use std::io::{ErrorKind, Read};

use super::files::Files;
use super::incremental::{Content, Opened};
use super::{Folder, StoreError, StoreErrorKind};
use crate::snapshot::lazy::{LazySource, MAX_SIZE, Pages, WorkingSetFile};

/// Reads and writes the working set of a snapshot that may be deleted meanwhile.
#[derive(Debug)]
struct Recorder {
    files: Files,
    id: u64,
    /// The text of the properties, which distinguish the snapshot from a later one with its id.
    properties: Vec<u8>,
}

impl WorkingSetFile for Recorder {
    fn read(&self) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.files.working_set(self.id);
        let mut text = Vec::new();
        match File::open(&path).and_then(|file| file.take(MAX_SIZE + 1).read_to_end(&mut text)) {
            Ok(_) => Ok(Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io("cannot read", &path)(error)),
        }
    }

    fn write(&self, text: &[u8]) -> Result<(), StoreError> {
        let _lock = self.files.lock()?;
        if self.files.metadata(self.id)?.is_none_or(|(text, _)| text != self.properties) {
            let message = "the working set was not recorded, because the snapshot was deleted";
            return Err(StoreError::new(StoreErrorKind::NotFound, message));
        }
        self.files.put_text(&self.files.working_set(self.id), text)
    }
}

impl Folder {
    /// Opens a snapshot for a [lazy restore](crate::snapshot::LazyRam).
    ///
    /// # Errors
    /// Returns an error if the snapshot does not exist, or its file cannot be opened.
    pub fn lazy_source(&self, key: &str) -> Result<LazySource, StoreError> {
        let Opened { snapshot, id, text, content } = self.open_stream(key)?;
        let recorder = Recorder { files: self.files.clone(), id, properties: text };
        let path = self.path().join(format!("{id}.json"));
        Ok(match content {
            Content::Complete(file) => {
                LazySource::of_snapshot(Pages::File(file), path.with_extension("state"), snapshot, recorder)
            }
            Content::Incremental(chain) => LazySource::of_snapshot(Pages::Chain(chain), path, snapshot, recorder),
        })
    }
}
