//! Rust source for devices that exist in QEMU: how a port begins.
//!
//! An [`Importer`] reads the sections of a stream, or a `-dump-vmstate` dump, and writes annotated structs that save
//! the same bytes. Names become Rust names, and the originals are kept as attributes. Structs that occur several times
//! become one type. Comments that begin with `Check:` mark guesses.
//!
//! ```
//! use vmstate::Reader;
//! use vmstate::dynamic::DecodedSection;
//! use vmstate::import::Importer;
//! use vmstate::schema::vmdesc::Document;
//!
//! let text = concat!(
//!     r#"{"page_size": 4096, "devices": [{"name": "serial", "instance_id": 0, "vmsd_name": "serial", "version": 3, "#,
//!     r#""fields": [{"name": "state.divider", "type": "uint16", "size": 2}, "#,
//!     r#"{"name": "state.type", "array_len": 2, "type": "uint8", "size": 1}]}]}"#,
//! );
//! let document = Document::parse(text.as_bytes(), 0)?;
//! let section = DecodedSection::decode(&document.devices[0], &mut Reader::from_slice(&[1, 2, 3, 4]), None)?;
//!
//! let mut importer = Importer::new("vm.state");
//! importer.section(&section);
//! let source = importer.source();
//! assert!(source.contains(r#"
//! #[derive(VmState, Debug, Clone, PartialEq, Default)]
//! #[vmstate(name = "serial", version = 3)]
//! pub struct Serial {
//!     #[vmstate(name = "state.divider")]
//!     pub divider: u16,
//!     #[vmstate(name = "state.type")]
//!     pub r#type: [u8; 2],
//! }
//! "#));
//! # Ok::<(), vmstate::LoadError>(())
//! ```

use vmstate_types::{LoadError, Reader};

use crate::dynamic::{DecodedSection, StreamDecoder, StreamEvent};
use crate::schema::Release;
use crate::schema::vmdesc::Document;
use crate::stream::{SectionHeader, SectionKind};

mod emit;
mod names;
mod observed;
mod types_from_dump;

use emit::Emitter;
use observed::{Shapes, TypeId};
use types_from_dump::Dump;

/// Collects devices and writes structs for them.
#[derive(Debug)]
pub struct Importer {
    origin: Origin,
    shapes: Shapes,
    sections: Vec<Use>,
}

/// The source of the devices.
#[derive(Debug)]
struct Origin {
    /// The name of the file, as the generated comments show it.
    file: String,
    machine: Option<String>,
    /// The release whose form of description the stream has.
    release: Release,
    is_dump: bool,
}

/// A section, and the type that it is of.
#[derive(Debug)]
struct Use {
    name: String,
    instance_id: u32,
    /// The bytes of its payload.
    size: u64,
    /// `None` if no struct can write these bytes.
    ty: Option<TypeId>,
}

impl Importer {
    /// Creates an importer without sections. `file` is the name of the input in the generated source.
    #[must_use]
    pub fn new(file: impl Into<String>) -> Self {
        let origin = Origin { file: file.into(), machine: None, release: Release::default(), is_dump: false };
        Self { origin, shapes: Shapes::default(), sections: Vec::new() }
    }

    /// Adds all sections of a stream. `document` is its description.
    ///
    /// # Errors
    /// Returns an error if the stream is malformed, or does not match its description.
    pub fn stream(&mut self, reader: &mut Reader<'_>, document: Document) -> Result<(), LoadError> {
        self.stream_sections(reader, document, |_| true)
    }

    /// Adds the sections of a stream for which `wanted` returns true.
    ///
    /// # Errors
    /// Returns the errors of [`stream`](Self::stream).
    pub fn stream_sections(
        &mut self,
        reader: &mut Reader<'_>,
        document: Document,
        wanted: impl Fn(&SectionHeader) -> bool,
    ) -> Result<(), LoadError> {
        // QEMU 7.2 does not describe the configuration: `vmstate_configuration` joined the description later
        // (`qemu_savevm_state_header` in migration/savevm.c).
        self.origin.release = Release::of(&document);
        let mut walk = StreamDecoder::new(reader, Some(document))?;
        self.origin.machine = walk.configuration().map(|configuration| configuration.machine.clone());
        while let Some(event) = walk.next_event()? {
            // Live sections have no description (`vmstate_save` describes sections with a `vmsd` only).
            if let StreamEvent::Section { header, section, .. } = event
                && header.kind == SectionKind::Full
                && wanted(&header)
            {
                self.section(&section);
            }
        }
        Ok(())
    }

    /// Adds a section, and returns whether a struct can represent it.
    ///
    /// A section without an exact description has no struct, because its fields are unknown.
    pub fn section(&mut self, section: &DecodedSection) -> bool {
        let ty = self.shapes.add_section(section);
        let (name, instance_id) = (String::from(&*section.name), section.instance_id);
        self.sections.push(Use { name, instance_id, size: section.size(), ty });
        ty.is_some()
    }

    /// Adds all device types of a dump, the JSON text that `-dump-vmstate` prints.
    ///
    /// A dump contains less than a stream: the types of fields are guessed from their sizes.
    ///
    /// ```
    /// use vmstate::import::Importer;
    ///
    /// let dump = r#"{
    ///     "vmschkmachine": {"Name": "none"},
    ///     "latch": {"Name": "latch", "version_id": 2, "minimum_version_id": 1, "Description": {
    ///         "name": "latch", "version_id": 2, "minimum_version_id": 1, "Fields": [
    ///             {"field": "level", "version_id": 0, "field_exists": false, "size": 4},
    ///             {"field": "type", "version_id": 2, "field_exists": false, "size": 1}
    ///         ]
    ///     }}
    /// }"#;
    /// let mut importer = Importer::new("dump.json");
    /// importer.dump(dump.as_bytes())?;
    /// assert!(importer.source().contains("
    /// pub struct Latch {
    ///     pub level: u32,
    ///     #[vmstate(since = 2)]
    ///     pub r#type: u8,
    /// }
    /// "));
    /// # Ok::<(), vmstate::LoadError>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the text is not a dump.
    pub fn dump(&mut self, text: &[u8]) -> Result<(), LoadError> {
        self.dump_devices(text, |_| true)
    }

    /// Adds the device types of a dump for which `wanted` returns true.
    ///
    /// # Errors
    /// Returns an error if the text is not a dump.
    pub fn dump_devices(&mut self, text: &[u8], wanted: impl Fn(&str) -> bool) -> Result<(), LoadError> {
        let dump = Dump::parse(text)?;
        self.origin.machine = dump.machine().map(str::to_owned);
        self.origin.is_dump = true;
        for (name, ty) in dump.devices(&mut self.shapes, wanted) {
            self.sections.push(Use { name, instance_id: 0, size: 0, ty });
        }
        Ok(())
    }

    /// Returns the source of a module with the structs.
    #[must_use]
    pub fn source(&self) -> String {
        self.emitter().file(false)
    }

    /// Returns the source of a program with the structs, which loads the stream into them and saves it again.
    #[must_use]
    pub fn program(&self) -> String {
        self.emitter().file(true)
    }

    fn emitter(&self) -> Emitter<'_> {
        Emitter::new(&self.shapes, &self.origin, &self.sections)
    }
}
