//! Saving, loading and describing a device, with panics that name the device.

use std::panic::{AssertUnwindSafe, catch_unwind};

use vmstate_types::{LoadError, Reader, VmState, Writer, walk};

use super::message::{self, name};
use crate::dynamic::DecodedSection;
use crate::memory::PageSize;
use crate::schema::vmdesc::{Document, SentBody, SentSection, SentStruct};
use crate::schema::{DescriptionWriter, Release};

/// Calls code of the device. If a hook panics, the message gets the device and `context`, which tells the bytes that
/// caused it.
pub(super) fn guarded<T: VmState, R>(action: &str, context: &dyn Fn() -> String, run: impl FnOnce() -> R) -> R {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = message::of_panic(&*panic);
        panic!("{}: a hook panicked while {action}: {text}{}", name::<T>(), context())
    })
}

/// Loads `bytes`. `place` is the position of a changed byte in them.
pub(super) fn load<T: VmState>(
    device: &mut T,
    bytes: &[u8],
    version: u32,
    place: Option<usize>,
    section: Option<&DecodedSection>,
) -> Result<(), LoadError> {
    let context = || message::input(bytes, place, section);
    guarded::<T, _>("loading", &context, || device.load(&mut Reader::from_slice(bytes), version))
}

/// Loads `bytes` to their end.
pub(super) fn load_all<T: VmState>(device: &mut T, bytes: &[u8], version: u32) -> Result<(), LoadError> {
    let mut reader = Reader::from_slice(bytes);
    let context = || message::input(bytes, None, None);
    guarded::<T, _>("loading", &context, || device.load(&mut reader, version))?;
    if reader.at_end()? { Ok(()) } else { Err(stopped_early(reader.offset(), bytes.len() as u64)) }
}

/// Returns the error of a device that has read `read` of the `length` bytes of its section.
pub(super) fn stopped_early(read: u64, length: u64) -> LoadError {
    let found = format!("unread bytes: the device stopped reading at byte {read} of {length}");
    LoadError::malformed(format!("the end of the section after {length} bytes"), found)
}

pub(super) fn save<T: VmState>(device: &mut T, version: u32) -> Vec<u8> {
    let bytes = save_after(device, version, &String::new);
    if T::EXCLUSIVE.is_none() {
        let mut out = Writer::new();
        let saved = guarded::<T, _>("saving through `&self`", &String::new, || walk::share(device, &mut out, version));
        let same = saved.is_ok() && out.pending() == bytes;
        assert!(same, "{}: a save through `&self` differs from a save through `&mut self`: {saved:?}", name::<T>());
    }
    bytes
}

/// Saves a device whose state is the result of loading bytes, which `context` tells.
pub(super) fn save_after<T: VmState>(device: &mut T, version: u32, context: &dyn Fn() -> String) -> Vec<u8> {
    let mut out = Writer::new();
    let saved = guarded::<T, _>("saving", context, || walk::save(device, &mut out, version));
    if let Err(error) = saved {
        panic!("{}: a valid state cannot be saved: {error}{}", name::<T>(), context());
    }
    out.take()
}

/// Saves a device and decodes the result.
pub(super) fn describe<T: VmState>(device: &mut T) -> (Vec<u8>, DecodedSection) {
    let mut out = Writer::new();
    let mut description = DescriptionWriter::new(Release::default(), PageSize::DEFAULT.bytes(), None);
    let described = guarded::<T, _>("saving", &String::new, || description.section(name::<T>(), 0, device, &mut out));
    if let Err(error) = described {
        panic!("{}: a valid state cannot be saved: {error}", name::<T>());
    }
    let bytes = out.take();
    let document = Document::parse(description.finish().as_bytes(), 0);
    let section = document.and_then(|document| {
        let device = document.devices.into_iter().next();
        let device =
            device.unwrap_or(SentSection { name: name::<T>().into(), instance_id: 0, body: SentBody::OldStyle(0) });
        DecodedSection::decode(&device, &mut Reader::from_slice(&bytes), Some(bytes.len() as u64))
    });
    match section {
        Ok(section) => (bytes, section),
        Err(error) => panic!("{}: the payload does not match its description\n{error:#}", name::<T>()),
    }
}

/// Returns the description of `device` at `version`, in the form of `release`; `None` if the device cannot be saved.
pub(super) fn description<T: VmState>(device: &mut T, version: u32, release: Release) -> Option<SentStruct> {
    let mut description = DescriptionWriter::new(release, PageSize::DEFAULT.bytes(), None);
    let saved =
        catch_unwind(AssertUnwindSafe(|| description.section_at(version, name::<T>(), 0, device, &mut Writer::new())));
    saved.ok()?.ok()?;
    let document = Document::parse(description.finish().as_bytes(), 0).ok()?;
    match document.devices.into_iter().next()?.body {
        SentBody::State(state) => Some(state),
        SentBody::OldStyle(_) => None,
    }
}
