//! All levels of attributes.

use super::collections::{Bitmap, Bytes, List, Optional, Pointer, SizedBuffer, Tree};
use super::field::Field;
use super::old::{OldLoader, OldVersions, Removed};
use super::structure::Struct;
use super::subsection::Subsection;
use super::suggest::Levels;
use super::through::Through;
use super::unused::Unused;
use super::variant::Variants;

pub(crate) const LEVELS: Levels = &[
    Struct::LEVEL,
    Field::LEVEL,
    Subsection::LEVEL,
    Unused::LEVEL,
    SizedBuffer::LEVEL,
    Bitmap::LEVEL,
    List::LEVEL,
    Tree::LEVEL,
    Bytes::LEVEL,
    Pointer::LEVEL,
    Optional::LEVEL,
    Variants::LEVEL,
    Through::LEVEL,
    Removed::LEVEL,
    OldLoader::LEVEL,
    OldVersions::LEVEL,
];
