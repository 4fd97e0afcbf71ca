//! The releases of QEMU with different forms of the description.

use std::fmt;

use crate::schema::vmdesc::{ArrayPart, Document, Nested, SentBody, SentField, SentStruct};

/// The release of QEMU whose form of description is written. Loading ignores the difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum Release {
    /// QEMU 7.2 to 9.2: elements that are described one by one are numbered.
    Qemu7_2,
    /// QEMU 10.0: the last of such elements is not numbered, and the configuration is described.
    #[default]
    Qemu10_0,
    /// QEMU 11.1: no such element is numbered, and the markers of pointers are described.
    Qemu11_1,
}

impl Release {
    /// Returns the release in whose form a description is. If several releases write the same text, the oldest.
    ///
    /// ```
    /// use vmstate::schema::Release;
    /// use vmstate::schema::vmdesc::Document;
    ///
    /// let document = Document::parse(br#"{"page_size": 4096, "devices": []}"#, 0)?;
    /// assert_eq!(Release::of(&document), Release::Qemu7_2);
    /// # Ok::<(), vmstate::LoadError>(())
    /// ```
    #[must_use]
    pub fn of(document: &Document) -> Self {
        if document.configuration.is_none() {
            return Self::Qemu7_2;
        }
        let mut found = Self::Qemu10_0;
        for device in &document.devices {
            let SentBody::State(state) = &device.body else { continue };
            match of_struct(state) {
                Some(Self::Qemu11_1) => found = Self::Qemu11_1,
                Some(older) => return older,
                None => {}
            }
        }
        found
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Qemu7_2 => "7.2",
            Self::Qemu10_0 => "10.0",
            Self::Qemu11_1 => "11.1",
        })
    }
}

/// Returns the release that writes this struct, unless 10.0 and 11.1 write the same.
fn of_struct(state: &SentStruct) -> Option<Release> {
    let pairs = state.fields.iter().zip(state.fields.iter().skip(1));
    let repeats = pairs.filter(|(one, next)| one.name == next.name).any(|(one, _)| one.array == ArrayPart::None);
    let own = state.fields.iter().find_map(of_field).or_else(|| repeats.then_some(Release::Qemu11_1));
    own.or_else(|| state.subsections.iter().find_map(of_struct))
}

fn of_field(field: &SentField) -> Option<Release> {
    match (&*field.type_name, field.array, &field.nested) {
        ("ptr-marker", ..) => Some(Release::Qemu11_1),
        ("nullptr", ..) | (_, ArrayPart::Index(_), _) => Some(Release::Qemu10_0),
        (.., Nested::Struct(inner)) => of_struct(inner),
        (.., Nested::Inline(all)) => all.iter().find_map(of_struct),
        _ => None,
    }
}
