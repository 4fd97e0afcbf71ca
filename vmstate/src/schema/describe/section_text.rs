//! The text of one section, made anew only when the section looks otherwise than before.

use vmstate_types::{SaveError, Writer};

use super::section_shape::{SectionShape, ShapeEvent};
use super::{DescribingSink, Release, section_json};

/// The description of a section that is saved again and again.
#[derive(Debug, Default)]
pub(crate) struct SectionText {
    release: Release,
    shape: SectionShape,
    /// The text for the shape; empty before the first save.
    text: String,
}

impl SectionText {
    /// Has `save` write the payload of the section through a sink that describes it.
    ///
    /// Each value belongs to one section, which keeps its name and instance id.
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
        if saved.is_err() {
            self.forget();
            return saved;
        }
        self.make(name, instance_id, changed);
        Ok(())
    }

    /// Describes a section of `size` bytes that was written by hand.
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
