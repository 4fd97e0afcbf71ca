//! Variants of enums with fields, by their tags.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::description::Description;
use crate::error::LoadError;

/// A variant and its number on the wire.
#[derive(Debug, Clone, Copy)]
pub struct Variant {
    name: &'static str,
    tag: i128,
}

impl Variant {
    /// Creates a variant.
    #[must_use]
    pub const fn new(name: &'static str, tag: i128) -> Self {
        Self { name, tag }
    }
}

/// Creates the error for a tag that no variant of the enum has.
#[cold]
#[must_use]
pub fn unknown(of: &Description, variants: &[Variant], tag: i128) -> LoadError {
    let known: Vec<String> = variants.iter().map(|variant| format!("{} ({})", variant.name, variant.tag)).collect();
    LoadError::malformed(format!("one of {}: {}", of.name, known.join(", ")), tag).in_field("tag")
}

/// Creates the error for the variant `tag` in a stream, if the variant `local` must not change.
#[cold]
#[must_use]
pub fn fixed(of: &Description, variants: &[Variant], local: i128, tag: i128) -> LoadError {
    let expected = format!("{}, the local variant of {}", shown(variants, local), of.name);
    LoadError::incompatible(expected, shown(variants, tag))
        .or_advice("use the same configuration on source and destination")
        .in_field("tag")
}

fn shown(variants: &[Variant], tag: i128) -> String {
    let variant = variants.iter().find(|variant| variant.tag == tag);
    variant.map_or_else(|| tag.to_string(), |variant| format!("{} ({tag})", variant.name))
}
