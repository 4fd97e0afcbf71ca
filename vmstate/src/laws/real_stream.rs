//! The law for devices that are ported from QEMU: they load, save and describe a real stream.

use vmstate_types::{LoadError, Reader, VmState};

use super::message::name;
use super::saved::{description, guarded, save_after, stopped_early};
use super::{Laws, message};
use crate::dynamic::{StreamDecoder, StreamEvent};
use crate::schema::Release;
use crate::schema::compare::{exact_difference, first_difference, first_difference_from_sent};
use crate::schema::vmdesc::{self, Document, SentBody};
use crate::stream::SectionHeader;

/// A section of a stream.
struct Received<'s> {
    header: SectionHeader,
    payload: &'s [u8],
    /// The stream's description of the section.
    described: Option<&'s vmdesc::SentStruct>,
    /// The releases whose form the description can have. Streams of machine types without a configuration do not show
    /// it.
    releases: &'static [Release],
}

impl<T: VmState> Laws<T> {
    /// Every section `section` of a real stream loads to its end, is saved as the same bytes, and is described by the
    /// device as it is described in the stream.
    ///
    /// For ported devices: the stream comes from a QEMU with the original device. The bytes alone do not prove a port:
    /// swapped fields, or a signed field for an unsigned one, have the same bytes. Therefore the order, names, types
    /// and counts of fields, nested structs with their versions, and subsections must be the stream's. Declare intended
    /// differences with [`differs`](Self::differs). A stream without a description is compared by its bytes only.
    ///
    /// If a section does not load, the message names the first field at which the stream's description differs from the
    /// device.
    ///
    /// ```no_run
    /// # use vmstate::prelude::*;
    /// # #[derive(VmState, Default)] struct Serial { divider: u16 }
    /// use vmstate::laws::Laws;
    ///
    /// let stream = std::fs::read("tests/vm.state").expect("a stream of QEMU's");
    /// Laws::new(|_| Serial::default()).matches_stream(&stream, "serial");
    /// ```
    ///
    /// # Panics
    /// Panics if the law does not hold, or if the stream has no such section.
    pub fn matches_stream(&self, stream: &[u8], section: &str) {
        let document = Document::from_stream(stream).ok().flatten();
        let found = match sections(stream, document.as_ref(), section) {
            Ok(found) => found,
            Err(error) => panic!("{}: the stream cannot be read\n{error:#}", name::<T>()),
        };
        assert!(!found.is_empty(), "{}: the stream has no section \"{section}\"", name::<T>());
        for received in found {
            self.same_bytes_and_description(&received);
        }
    }

    fn same_bytes_and_description(&self, received: &Received<'_>) {
        let Received { header, payload, .. } = received;
        let mut device = self.fresh();
        let title = format!("\"{}\", instance {},", header.name, header.instance_id);
        if let Err(error) = load(&mut device, received) {
            let error = match received.reason(&mut device) {
                Some(reason) => error.with_diagnosis(reason),
                None => error,
            };
            panic!("{}: {title} does not load\n{error:#}", name::<T>());
        }
        let context = || message::input(payload, None, None);
        let saved = save_after(&mut device, header.version, &context);
        assert!(saved == *payload, "{}", self.changed(&format!("a round trip of {title}"), None, payload, &saved));
        if let Some(difference) = received.difference(&mut device, &|path| self.may_differ(path)) {
            panic!(
                "{}: {title} has the bytes of the stream, but not its description\n  {difference}\n  help: change the \
                 device, or declare the difference with `.differs(\"{}\", \"reason\")`",
                name::<T>(),
                difference.path
            );
        }
    }
}

/// Loads a section to its end. Errors have offsets in the stream and in the section.
fn load<T: VmState>(device: &mut T, received: &Received<'_>) -> Result<(), LoadError> {
    let Received { header, payload, .. } = received;
    let mut reader = Reader::from_slice_at(payload, header.payload);
    let context = || message::input(payload, None, None);
    let loaded = guarded::<T, _>("loading", &context, || device.load(&mut reader, header.version));
    let complete = loaded.and_then(|()| {
        if reader.at_end()? {
            return Ok(());
        }
        let read = reader.offset().saturating_sub(header.payload);
        Err(stopped_early(read, payload.len() as u64).at_offset(reader.offset()))
    });
    complete.map_err(|error| error.in_location(|| header.place()))
}

impl Received<'_> {
    /// Returns the reason why the section did not load. `device` has the state at which the load failed.
    fn reason<T: VmState>(&self, device: &mut T) -> Option<String> {
        let theirs = self.described?;
        let version = self.header.version;
        // The description of the current state contains the results of predicates and the numbers of elements, which
        // the definition does not.
        let release = *self.releases.first()?;
        let ours = description(device, version, release);
        let from_state = ours.and_then(|ours| first_difference_from_sent(&ours, version, theirs));
        let difference = first_difference(T::DESCRIPTION, version, theirs).or(from_state)?;
        Some(difference.to_string())
    }

    /// Returns the first difference of the device's description, unless it equals the stream's in one of the releases.
    fn difference<T: VmState>(
        &self,
        device: &mut T,
        accepts: &dyn Fn(&str) -> bool,
    ) -> Option<crate::schema::compare::LayoutDifference> {
        let theirs = self.described?;
        let mut differences = self.releases.iter().map(|&release| {
            let ours = description(device, self.header.version, release)?;
            exact_difference(&ours, theirs, accepts)
        });
        let first = differences.next().flatten()?;
        if differences.any(|difference| difference.is_none()) { None } else { Some(first) }
    }
}

/// Returns the description of the state in one section.
fn state_of<'d>(document: &'d Document, header: &SectionHeader) -> Option<&'d vmdesc::SentStruct> {
    let is_it =
        |device: &&vmdesc::SentSection| *device.name == *header.name && device.instance_id == header.instance_id;
    match &document.devices.iter().rfind(is_it)?.body {
        SentBody::State(state) => Some(state),
        _ => None,
    }
}

/// Returns the sections `name` of a stream.
fn sections<'s>(stream: &'s [u8], document: Option<&'s Document>, name: &str) -> Result<Vec<Received<'s>>, LoadError> {
    let mut reader = Reader::from_slice(stream);
    let mut walk = StreamDecoder::new(&mut reader, document.cloned())?;
    let releases = match document {
        Some(Document { configuration: Some(_), .. }) => &[Release::Qemu10_0][..],
        _ => &[Release::Qemu7_2, Release::Qemu10_0],
    };
    let mut found = Vec::new();
    while let Some(event) = walk.next_event()? {
        let StreamEvent::Section { header, section, .. } = event else { continue };
        let range = usize::try_from(section.offset).ok().zip(usize::try_from(section.size()).ok());
        let payload = range.and_then(|(start, size)| stream.get(start..)?.get(..size));
        if let Some(payload) = payload.filter(|_| header.name == name) {
            let described = document.and_then(|document| state_of(document, &header));
            found.push(Received { header, payload, described, releases });
        }
    }
    Ok(found)
}
