//! Text: a 32-bit length and UTF-8, described as QEMU describes its own strings.
//!
//! `vmstate_configuration` has the same form in QEMU's `migration/savevm.c`: `VMSTATE_UINT32` for the length, and
//! `VMSTATE_VBUFFER_ALLOC_UINT32` for the bytes.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Info, members, varray};
use crate::description::{CountSource, Description, Field, Form};
use crate::error::field::InField;
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::state::Wire;
use crate::wire::{Reader, Writer};

/// A type that holds text.
///
/// It is implemented for `String`, `Box<str>`, and the strings of optional crates. Implement it for another type to use
/// [`Text`] with it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a text type",
    label = "expected text",
    note = "`Text<MAX>` requires `String`, `Box<str>`, or another type that implements `vmstate::info::text::TextBuffer`"
)]
pub trait TextBuffer {
    /// The maximum length in bytes; `None` if the type grows.
    const CAPACITY: Option<usize> = None;

    /// Returns the text.
    fn text(&self) -> &str;

    /// Replaces the text, which is at most [`CAPACITY`](Self::CAPACITY) bytes long.
    fn set_text(&mut self, text: String);
}

impl TextBuffer for String {
    fn text(&self) -> &str {
        self
    }

    fn set_text(&mut self, text: String) {
        *self = text;
    }
}

impl TextBuffer for Box<str> {
    fn text(&self) -> &str {
        self
    }

    fn set_text(&mut self, text: String) {
        *self = text.into_boxed_str();
    }
}

/// Text of at most `MAX` bytes: `#[vmstate(with = Text<64>)]`.
///
/// `String` and `Box<str>` have the same form without an attribute; their length is then bounded by the stream alone.
#[derive(Debug)]
pub struct Text<const MAX: usize>;

impl<T: TextBuffer, const MAX: usize> Info<T> for Text<MAX> {
    const NAME: &'static str = "";
    const FORM: Form = Form::structure(Self::DESCRIPTION);

    fn put(value: &T, to: &mut Writer) -> Result<(), SaveError> {
        // The place of the field only matters to sinks that record it.
        save(value.text(), MAX, Self::DESCRIPTION, to, FieldRef::new(Self::DESCRIPTION, 0), ElementIndex::ONLY)
    }

    fn get(value: &mut T, from: &mut Reader<'_>) -> Result<(), LoadError> {
        <Self as Info<T>>::load_elements(value, from)
    }

    fn share_elements<S: Sink>(value: &T, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
        save(value.text(), MAX, Self::DESCRIPTION, sink, at, element)
    }

    fn load_elements(value: &mut T, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        let max = T::CAPACITY.unwrap_or(usize::MAX).min(MAX);
        value.set_text(load(max, reader)?);
        Ok(())
    }
}

impl<const MAX: usize> Text<MAX> {
    const DESCRIPTION: &'static Description = &Description::new("string").fields(const { &fields(Some(MAX)) });
}

const UNLIMITED: &Description = &Description::new("string").fields(const { &fields(None) });

/// Returns the fields of text with at most `max` bytes.
const fn fields(max: Option<usize>) -> [Field; 2] {
    let mut length = CountSource::new("len");
    length.max = max;
    [members::count("len"), Field::new("data", Form::info("buffer", None).sized(length))]
}

macro_rules! text {
    ($($type:ty),*) => {$(
        #[diagnostic::do_not_recommend]
        impl Wire for $type {
            const FORM: Form = Form::structure(UNLIMITED);

            fn share_elements<S: Sink>(&self, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
                save(self, usize::MAX, UNLIMITED, sink, at, element)
            }

            fn load_elements(&mut self, reader: &mut Reader<'_>) -> Result<(), LoadError> {
                self.set_text(load(usize::MAX, reader)?);
                Ok(())
            }
        }
    )*};
}

text!(String, Box<str>);

/// Saves `text`, which has at most `max` bytes.
pub(super) fn save<S: Sink>(
    text: &str,
    max: usize,
    description: &'static Description,
    sink: &mut S,
    at: FieldRef,
    element: ElementIndex,
) -> Result<(), SaveError> {
    let length = u32::try_from(text.len()).ok().filter(|_| text.len() <= max);
    let length = length.ok_or_else(|| {
        SaveError::out_of_range(format!("expected at most {max} bytes (max = {max}), found {}", text.len()))
    })?;
    members::save(description, sink, at, element, |sink| {
        length.share_elements(sink, FieldRef::new(description, 0), ElementIndex::ONLY)?;
        sink.begin_element(FieldRef::new(description, 1), ElementIndex::ONLY);
        sink.bytes(text.as_bytes());
        sink.end_element();
        Ok(())
    })
}

/// Loads text of at most `max` bytes. Its memory grows with the received bytes and not with the announced length.
pub(super) fn load(max: usize, reader: &mut Reader<'_>) -> Result<String, LoadError> {
    let length = length(max, reader).in_field("len")?;
    let start = reader.offset();
    let mut bytes = Vec::new();
    varray::load_bytes(&mut bytes, length, reader).in_field("data")?;
    String::from_utf8(bytes).map_err(|error| not_utf8(&error.utf8_error(), start)).in_field("data")
}

fn length(max: usize, reader: &mut Reader<'_>) -> Result<usize, LoadError> {
    let start = reader.offset();
    let length = reader.u32()?;
    match usize::try_from(length) {
        Ok(length) if length <= max => Ok(length),
        _ => Err(LoadError::malformed(format!("at most {max} bytes"), length).at_offset(start)),
    }
}

#[cold]
fn not_utf8(error: &core::str::Utf8Error, start: u64) -> LoadError {
    let valid = error.valid_up_to();
    LoadError::malformed("text in UTF-8", format!("an invalid sequence after {valid} bytes"))
        .at_offset(start.saturating_add(valid as u64))
}
