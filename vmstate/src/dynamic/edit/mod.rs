//! Changes a stream: values, subsections, names.
//!
//! A [`Rewriter`] applies [`Edits`] and writes a new stream with a new description. Edits that the format does not
//! allow are rejected with a reason. [`DecodedSection::set`] and related methods edit one section.
//!
//! ```
//! use vmstate::dynamic::edit::{Edits, edit};
//! # use vmstate::prelude::*;
//! # use vmstate::schema::{DescriptionWriter, Release};
//! # use vmstate::stream::{Configuration, SectionHeader, StreamWriter};
//! # #[derive(VmState, Default)]
//! # #[vmstate(name = "latch")]
//! # struct Latch { levels: [u16; 2] }
//! # let configuration = Configuration::new("none");
//! # let mut out = Writer::new();
//! # let mut description = DescriptionWriter::new(Release::Qemu10_0, 4096, Some(&configuration));
//! # let mut writer = StreamWriter::new(&mut out);
//! # writer.header();
//! # writer.configuration(&configuration);
//! # writer.begin_section(&SectionHeader::full(1, "latch", 0, 1));
//! # description.section("latch", 0, &mut Latch::default(), writer.payload())?;
//! # writer.end_section();
//! # writer.eof();
//! # writer.description(&description.finish());
//! # let stream = out.take();
//! // A stream with a section `latch` that has an array `levels` of two 16-bit integers.
//! let edits = Edits::new().set("latch.levels[1]", "0x1ff").rename_section("latch", "gate").machine("pc");
//! let (edited, changes) = edit(&stream, edits)?;
//! assert_eq!(changes[0].to_string(), "machine: none -> pc");
//! assert_eq!(changes[1].to_string(), "latch.levels[1]: 0 -> 511 (0x1ff)");
//! assert_eq!(edited.len() + 2 * "none".len(), stream.len() + 2 * "pc".len());
//!
//! let rejected = edit(&stream, Edits::new().set("latch.levels[1]", "65536")).unwrap_err();
//! assert_eq!(
//!     rejected.to_string(),
//!     "cannot set `latch.levels[1]`: expected an integer from 0 to 65535, found 65536"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;

use vmstate_types::text::printable;
use vmstate_types::{LoadError, Reader, Writer};

use super::{DecodedSection, DecodedStruct, Rewriter};
use crate::schema::vmdesc::Document;
use crate::stream::{Configuration, SectionHeader};

mod edit_error;
mod parse_subsection;
mod parse_value;
mod section_path;
mod set_value;
mod subsection;

pub use edit_error::{EditError, Rejection};
pub use parse_subsection::subsection as parse_subsection;

use section_path::SectionPath;

/// Changes to a stream, applied while it is rewritten.
///
/// Sections are named as `NAME`, or as `NAME:INSTANCE` if several have the name.
#[derive(Debug, Clone, Default)]
pub struct Edits {
    machine: Option<String>,
    edits: Vec<Pending>,
    changes: Vec<AppliedEdit>,
    /// Names and instances of the sections that were written.
    written: Vec<(String, u32)>,
    force: bool,
}

/// A change to one section.
#[derive(Debug, Clone)]
struct Pending {
    /// The section, and the path in it.
    path: String,
    edit: Edit,
    /// The instance id of the changed section, once the change has been made.
    done: Option<u32>,
}

#[derive(Debug, Clone)]
enum Edit {
    Set(String),
    Drop,
    Add(DecodedStruct),
    Rename(String),
}

/// A change that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AppliedEdit {
    /// The path of the edited value.
    pub path: String,
    /// The old value as text; `None` if the value was added.
    pub old: Option<String>,
    /// The new value as text; `None` if the value was dropped.
    pub new: Option<String>,
}

impl fmt::Display for AppliedEdit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = printable(&self.path);
        match (&self.old, &self.new) {
            (Some(old), Some(new)) => write!(f, "{path}: {} -> {}", printable(old), printable(new)),
            (None, Some(new)) => write!(f, "{path}: added, {}", printable(new)),
            (Some(old), None) => write!(f, "{path}: dropped, was {}", printable(old)),
            (None, None) => write!(f, "{path}"),
        }
    }
}

/// Edits the stream `bytes`, and returns the new stream and the edits that were made.
///
/// # Errors
/// Returns an error if the stream is malformed, or does not allow a change.
pub fn edit(bytes: &[u8], mut edits: Edits) -> Result<(Vec<u8>, Vec<AppliedEdit>), EditError> {
    let description = Document::from_stream(bytes)?;
    let (mut reader, mut out) = (Reader::from_slice(bytes), Writer::new());
    let mut rewriter = edits.begin(&mut reader, description, &mut out)?;
    while rewriter.step_with(&mut out, |header, section| edits.apply(header, section))? {}
    Ok((out.take(), edits.finish()?))
}

impl Edits {
    /// Creates an empty list of changes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the value at `path`, which is a section and a path in it (`cpu.env.r[24]`, `serial:1.lcr`), to `value`.
    ///
    /// Integers are decimal or, with `0x`, hexadecimal. Flags are `true` or `false`. Timers are nanoseconds or
    /// `disarmed`. Floats are decimal. Arrays and bitmaps (of 64-bit words) are written `[1, 2, 3]`. Bytes are written
    /// as `hex:00ff` or as text in quotes, padded with zeros; 1, 2, 4 or 8 bytes also as an unsigned integer.
    #[must_use]
    pub fn set(self, path: impl Into<String>, value: impl Into<String>) -> Self {
        self.with(path, Edit::Set(value.into()))
    }

    /// Drops a subsection: `serial.serial/tsr`, or with the path of its struct,
    /// `0000:00:1f.2/ich9_ahci.ahci.dev[0].port.ifs[0].ide_drive/pio_state`.
    #[must_use]
    pub fn drop_subsection(self, path: impl Into<String>) -> Self {
        self.with(path, Edit::Drop)
    }

    /// Adds a subsection at a path as in [`drop_subsection`](Self::drop_subsection), whose end is the name of the
    /// subsection.
    #[must_use]
    pub fn add_subsection(self, path: impl Into<String>, subsection: DecodedStruct) -> Self {
        self.with(path, Edit::Add(subsection))
    }

    /// Renames a section. Its instance id is kept.
    #[must_use]
    pub fn rename_section(self, old: impl Into<String>, new: impl Into<String>) -> Self {
        self.with(old, Edit::Rename(new.into()))
    }

    /// Sets the machine type in the configuration.
    #[must_use]
    pub fn machine(mut self, name: impl Into<String>) -> Self {
        self.machine = Some(name.into());
        self
    }

    /// Also sets counters. Their arrays keep their lengths, so the result may not load.
    #[must_use]
    pub fn force(mut self) -> Self {
        self.force = true;
        self
    }

    fn with(mut self, path: impl Into<String>, edit: Edit) -> Self {
        self.edits.push(Pending { path: path.into(), edit, done: None });
        self
    }

    /// Begins to rewrite a stream, and sets its machine type.
    ///
    /// # Errors
    /// Returns an error if the stream is malformed, or has no configuration whose machine type could be set.
    pub fn begin<'r, 'a>(
        &mut self,
        reader: &'r mut Reader<'a>,
        description: Option<Document>,
        out: &mut Writer,
    ) -> Result<Rewriter<'r, 'a>, EditError> {
        Rewriter::with_configuration(reader, description, out, |configuration| self.retarget(configuration))
    }

    fn retarget(&mut self, configuration: Option<&mut Configuration>) -> Result<(), EditError> {
        let Some(machine) = &self.machine else { return Ok(()) };
        let rejection = || Rejection::new("cannot change the machine");
        if machine.is_empty() {
            return Err(rejection().expected("a name", "an empty one").into());
        }
        let Some(configuration) = configuration else {
            let found = "no configuration, as in streams of old machine types";
            return Err(rejection().expected("a configuration that names the machine", found).into());
        };
        let old = std::mem::replace(&mut configuration.machine, machine.clone());
        let (path, new) = ("machine".to_owned(), Some(machine.clone()));
        self.changes.push(AppliedEdit { path, old: Some(old), new });
        Ok(())
    }

    /// Applies the changes to `section`.
    ///
    /// # Errors
    /// Returns an error if the section does not allow a change, or a change applies to several sections.
    pub fn apply(&mut self, header: &mut SectionHeader, section: &mut DecodedSection) -> Result<(), EditError> {
        for pending in &mut self.edits {
            let Some(path) = SectionPath::parse(&pending.path, &header.name, header.instance_id) else { continue };
            if let Some(other) = pending.done {
                let found = format!("instances {other} and {}", header.instance_id);
                let rejection = Rejection::new(format!("ambiguous path `{}`", pending.path));
                let advice = format!("add the instance id, as in `{}:{other}`", header.name);
                return Err(rejection.expected("one section with this name", found).or_advice(advice).into());
            }
            let Some(change) = pending.edit.apply(&pending.path, path.rest, section, self.force)? else { continue };
            pending.done = Some(header.instance_id);
            self.changes.push(change);
        }
        header.name = String::from(&*section.name);
        self.written(header)
    }

    /// Records a written section, and rejects a second one with its name and instance id: the destination would load
    /// both into one device.
    fn written(&mut self, header: &SectionHeader) -> Result<(), EditError> {
        let key = (header.name.clone(), header.instance_id);
        let renames = self.edits.iter().any(|pending| matches!(pending.edit, Edit::Rename(_)));
        if renames && self.written.contains(&key) {
            let rejection = Rejection::new("cannot rename a section")
                .expected("a unique name", format!("two sections `{}` of instance {}", key.0, key.1));
            return Err(rejection.into());
        }
        if renames {
            self.written.push(key);
        }
        Ok(())
    }

    /// Returns the edits that were made.
    ///
    /// # Errors
    /// Returns an error if the section or the value of a change does not exist in the stream.
    pub fn finish(self) -> Result<Vec<AppliedEdit>, EditError> {
        match self.edits.iter().find(|pending| pending.done.is_none()) {
            Some(pending) => Err(pending.edit.nothing_at(&pending.path).into()),
            None => Ok(self.changes),
        }
    }
}

impl Edit {
    /// Edits `section` if the path `rest` leads to a value in it. `path` is the same path with the section.
    fn apply(
        &self,
        path: &str,
        rest: &str,
        section: &mut DecodedSection,
        force: bool,
    ) -> Result<Option<AppliedEdit>, EditError> {
        let change = |old, new| Some(AppliedEdit { path: path.to_owned(), old, new });
        match self {
            Self::Rename(new) if rest.is_empty() => {
                let old =
                    section.rename(new).map_err(|rejection| rejection.named(&format!("cannot rename `{path}`")))?;
                Ok(change(Some(old), Some(new.clone())))
            }
            Self::Set(value) if !rest.is_empty() => {
                let set = section.set_with(rest, value, force);
                let set = set.map_err(|rejection| rejection.named(&format!("cannot set `{path}`")))?;
                Ok(set.and_then(|(old, new)| change(Some(old), Some(new))))
            }
            Self::Drop if !rest.is_empty() => {
                let dropped = section.drop_subsection(rest);
                let dropped = dropped.map_err(|rejection| rejection.named(&format!("cannot drop `{path}`")))?;
                Ok(dropped.and_then(|dropped| change(Some(dropped.summary()), None)))
            }
            Self::Add(new) if !rest.is_empty() => {
                let added = section.add_subsection(rest, new);
                let added = added.map_err(|rejection| rejection.named(&format!("cannot add `{path}`")))?;
                Ok(if added { change(None, Some(new.summary())) } else { None })
            }
            _ => Ok(None),
        }
    }

    fn nothing_at(&self, path: &str) -> Rejection {
        let (verb, expected) = match self {
            Self::Set(_) => ("set", "a section of this name with this field"),
            Self::Drop => ("drop", "a section of this name with this subsection"),
            Self::Add(_) => ("add", "a section of this name with a struct for the subsection"),
            Self::Rename(_) => ("rename", "a device section of this name"),
        };
        Rejection::new(format!("cannot {verb} `{path}`"))
            .expected(expected, "none in the stream")
            .or_advice("`vmstate dump` shows all paths")
    }
}

impl From<LoadError> for EditError {
    fn from(error: LoadError) -> Self {
        Self::Stream(error)
    }
}
