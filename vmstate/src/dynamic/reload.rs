//! Reloads decoded sections through devices.

use vmstate_types::{LoadError, Reader, SaveError, VmState, Writer};

use super::{DecodedBody, DecodedSection};
use crate::schema::vmdesc::{Document, SentSection};
use crate::schema::{DescriptionWriter, Release};

impl DecodedSection {
    /// Loads the payload into `device`, and returns the section that `device` saves and describes.
    ///
    /// For a correct device the result equals the section, so a port can be tested one device at a time.
    ///
    /// ```
    /// use vmstate::dynamic::{DecodedSection, rewrite};
    /// use vmstate::prelude::*;
    /// use vmstate::schema::{DescriptionWriter, Release};
    ///
    /// #[derive(VmState, Default)]
    /// #[vmstate(name = "latch", version = 2)]
    /// struct Latch {
    ///     levels: [u16; 2],
    /// }
    ///
    /// # use vmstate::schema::vmdesc::Document;
    /// # let mut description = DescriptionWriter::new(Release::Qemu10_0, 4096, None);
    /// # description.section("0000:00:04.0/latch", 0, &mut Latch::default(), &mut Writer::new())?;
    /// # let document = Document::parse(description.finish().as_bytes(), 0)?;
    /// # let mut reader = Reader::from_slice(&[1, 2, 3, 4]);
    /// # let section = DecodedSection::decode(&document.devices[0], &mut reader, None)?;
    /// let again = section.reload(&mut Latch::default(), Release::Qemu10_0)?;
    /// assert_eq!(again, section);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the device does not load the payload, or not all of it, or cannot be saved.
    pub fn reload<T: VmState>(&self, device: &mut T, release: Release) -> Result<Self, LoadError> {
        self.load_into(device)?;
        let mut out = Writer::new();
        let mut description = DescriptionWriter::new(release, 0, None);
        let saved = description.section(&self.name, self.instance_id, device, &mut out);
        saved.map_err(|error| cannot_save(&error))?;
        let mut document = Document::parse(description.finish().as_bytes(), 0)?;
        match document.devices.pop() {
            Some(described) => self.again(&described, &out),
            None => Err(LoadError::misuse("a description of the device", "none")),
        }
    }

    /// Like [`reload`](Self::reload) for a section that an old-style handler wrote: its description contains only a
    /// size.
    ///
    /// # Errors
    /// As [`reload`](Self::reload).
    pub fn reload_old_style<T: VmState>(&self, device: &mut T) -> Result<Self, LoadError> {
        self.load_into(device)?;
        let mut out = Writer::new();
        device.save(&mut out).map_err(|error| cannot_save(&error))?;
        Ok(Self { body: DecodedBody::OldStyle(out.take()), ..self.clone() })
    }

    fn load_into<T: VmState>(&self, device: &mut T) -> Result<(), LoadError> {
        let mut out = Writer::new();
        self.encode(&mut out);
        let mut reader = Reader::from_slice_at(out.pending(), self.offset);
        let version = self.state().map_or(T::DESCRIPTION.version, |state| state.version);
        device.load(&mut reader, version)?;
        if reader.at_end()? {
            return Ok(());
        }
        let left = self.offset.saturating_add(out.offset()).saturating_sub(reader.offset());
        Err(LoadError::malformed("the end of the section", format!("{left} more bytes")).at_offset(reader.offset()))
    }

    /// Returns the section as `described`, decoded from `out`.
    fn again(&self, described: &SentSection, out: &Writer) -> Result<Self, LoadError> {
        let mut reader = Reader::from_slice_at(out.pending(), self.offset);
        Self::decode(described, &mut reader, Some(self.offset.saturating_add(out.offset())))
    }
}

fn cannot_save(error: &SaveError) -> LoadError {
    LoadError::misuse("a state that can be saved", error)
}
