//! The text of a section's description, which is written again only if the section's shape changes.

use vmstate_types::{SaveError, Writer};

use super::section_shape::{SectionShape, ShapeEvent};
use super::{DescribingSink, Release, section_json};

/// The description of a section that is saved repeatedly.
#[derive(Debug, Default)]
pub(crate) struct SectionText {
    release: Release,
    shape: SectionShape,
    /// The text for the shape; empty before the first save.
    text: String,
}

impl SectionText {
    /// Calls `save` with a sink that describes the payload of the section while it is written.
    ///
    /// Use one value for each section: the text contains the section's name and instance id.
    pub(crate) fn describe(
        &mut self,
        release: Release,
        name: &str,
        instance_id: u32,
        out: &mut Writer,
        save: impl FnOnce(&mut DescribingSink<'_>) -> Result<(), SaveError>,
    ) -> Result<(), SaveError> {
        self.become_of(release);
        let mut sink = DescribingSink::new(out, release, self.shape.look_again());
        let saved = save(&mut sink);
        let changed = sink.end();
        // After an error, the shape is the shape of a part of the section.
        if saved.is_err() {
            self.forget();
            return saved;
        }
        self.make(name, instance_id, changed);
        Ok(())
    }

    /// Describes a section of `size` bytes without fields.
    pub(crate) fn describe_opaque(&mut self, release: Release, name: &str, instance_id: u32, size: u64) {
        self.become_of(release);
        let mut look = self.shape.look_again();
        look.see(ShapeEvent::Opaque { size });
        let changed = look.end();
        self.make(name, instance_id, changed);
    }

    /// Returns the text, which is empty before the first save.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the size of the memory that the text uses.
    pub(super) fn size(&self) -> usize {
        self.text.capacity() + self.shape.size()
    }

    fn become_of(&mut self, release: Release) {
        if self.release != release {
            self.release = release;
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.shape.clear();
        self.text.clear();
    }

    fn make(&mut self, name: &str, instance_id: u32, changed: bool) {
        if changed || self.text.is_empty() {
            self.text.clear();
            section_json::section(&mut self.text, self.release, name, instance_id, self.shape.events());
        }
    }
}
