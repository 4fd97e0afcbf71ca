//! Writes the JSON description at the end of a stream while its sections are saved.
//!
//! The sink of a described section records the [shape](section_shape) of the section, and the text is derived from the
//! shape. As long as the shape stays the same, the text of the previous save is reused ([`SectionText`]). The text
//! equals QEMU's byte for byte: its keys, their order, and the spacing (`vmsd_desc_field_start` and
//! `vmstate_save_state_v` in `migration/vmstate.c`, `qemu_savevm_state_complete_precopy` in `migration/savevm.c`).

mod describe_configuration;
mod describing_sink;
mod release;
mod section_json;
mod section_shape;
mod section_text;
mod text_cache;

pub(crate) use describe_configuration::describe_configuration;
pub use describing_sink::DescribingSink;
pub use release::Release;
pub(crate) use section_text::SectionText;
pub(crate) use text_cache::KeptText;
use vmstate_types::{SaveError, VmState, Writer, walk};

use crate::stream::Configuration;

/// Collects the description of a stream while its sections are saved.
///
/// ```
/// use vmstate::prelude::*;
/// use vmstate::schema::{DescriptionWriter, Release};
///
/// #[derive(VmState)]
/// #[vmstate(name = "latch", version = 2)]
/// struct Latch {
///     open: bool,
///     levels: [u16; 4],
/// }
///
/// let mut latch = Latch { open: true, levels: [1, 2, 3, 4] };
/// let mut out = Writer::new();
/// let mut description = DescriptionWriter::new(Release::Qemu7_2, 4096, None);
/// description.section("0000:00:04.0/latch", 0, &mut latch, &mut out)?;
/// assert_eq!(
///     description.finish(),
///     r#"{"page_size": 4096, "devices": [{"name": "0000:00:04.0/latch", "instance_id": 0, "vmsd_name": "latch", "#
///         .to_owned()
///         + r#""version": 2, "fields": [{"name": "open", "type": "bool", "size": 1}, "#
///         + r#"{"name": "levels", "array_len": 4, "type": "uint16", "size": 2}]}]}"#
/// );
/// # Ok::<(), SaveError>(())
/// ```
#[derive(Debug)]
pub struct DescriptionWriter {
    release: Release,
    json: String,
    devices: usize,
}

impl DescriptionWriter {
    /// Begins the description of a stream with pages of `page_size` bytes.
    ///
    /// `configuration` is the stream's configuration, which QEMU 10.0 describes.
    #[must_use]
    pub fn new(release: Release, page_size: u64, configuration: Option<&Configuration>) -> Self {
        Self { release, json: beginning(release, page_size, configuration), devices: 0 }
    }

    /// Saves `device` into `out` as the payload of a section, and describes it.
    ///
    /// # Errors
    /// Returns the device's error. The description then lacks the section.
    pub fn section<T: VmState>(
        &mut self,
        name: &str,
        instance_id: u32,
        device: &mut T,
        out: &mut Writer,
    ) -> Result<(), SaveError> {
        self.section_at(T::DESCRIPTION.version, name, instance_id, device, out)
    }

    /// Saves `device` at an older `version`, for an older peer, and describes that version.
    ///
    /// # Errors
    /// Returns the device's error. The description then lacks the section.
    pub fn section_at<T: VmState>(
        &mut self,
        version: u32,
        name: &str,
        instance_id: u32,
        device: &mut T,
        out: &mut Writer,
    ) -> Result<(), SaveError> {
        self.section_by(name, instance_id, out, |sink| {
            walk::save(device, sink, version).map_err(|error| error.in_field(T::DESCRIPTION.name))
        })
    }

    /// Calls `save` with a sink that describes the payload of a section while it is written.
    pub(crate) fn section_by(
        &mut self,
        name: &str,
        instance_id: u32,
        out: &mut Writer,
        save: impl FnOnce(&mut DescribingSink<'_>) -> Result<(), SaveError>,
    ) -> Result<(), SaveError> {
        let mut text = SectionText::default();
        text.describe(self.release, name, instance_id, out, save)?;
        self.push(text.as_str());
        Ok(())
    }

    /// Describes a section of `size` bytes without fields (QEMU's old-style `save_state` handlers).
    pub fn opaque(&mut self, name: &str, instance_id: u32, size: u64) {
        let mut text = SectionText::default();
        text.describe_opaque(self.release, name, instance_id, size);
        self.push(text.as_str());
    }

    /// Ends the description and returns its text.
    #[must_use]
    pub fn finish(mut self) -> String {
        self.json.push_str(END);
        self.json
    }

    fn push(&mut self, device: &str) {
        if self.devices > 0 {
            self.json.push_str(SEPARATOR);
        }
        self.json.push_str(device);
        self.devices += 1;
    }
}

/// The separator of two devices.
pub(crate) const SEPARATOR: &str = ", ";
/// The text after the last device.
pub(crate) const END: &str = "]}";

/// Returns the text before the first device.
pub(crate) fn beginning(release: Release, page_size: u64, configuration: Option<&Configuration>) -> String {
    let configuration = match configuration {
        Some(configuration) if release >= Release::Qemu10_0 => {
            format!("\"configuration\": {}, ", describe_configuration(configuration).to_text())
        }
        _ => String::new(),
    };
    format!("{{{configuration}\"page_size\": {page_size}, \"devices\": [")
}
