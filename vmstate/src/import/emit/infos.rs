//! Custom info types of devices: their bytes are kept unchanged, under the stream's name of the info type.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::dynamic::ScalarKind;
use crate::import::names::TypeNames;
use crate::import::observed::{Element, Shapes, TypeId};

/// The info types of a file.
#[derive(Default)]
pub(super) struct Infos {
    infos: BTreeMap<String, Info>,
    /// Set if a value is too large for an array in a struct.
    pub(super) uses_vec: bool,
}

struct Info {
    rust_name: String,
    sizes: BTreeSet<u64>,
}

impl Infos {
    /// The infos of `types`.
    pub(super) fn new(shapes: &Shapes, types: &[TypeId], names: &mut TypeNames) -> Self {
        let mut infos = Self::default();
        for field in types.iter().flat_map(|id| &shapes.get(*id).fields) {
            match &field.element {
                Element::Opaque(name, size) => infos.add(name, *size, names),
                // No single local value satisfies all sections, so `Emitter::compared` keeps the bytes instead.
                Element::Scalar(kind, name) if field.is_compared() && field.local_value().is_none() => {
                    infos.add(name, kind.width() as u64, names);
                }
                _ => {}
            }
        }
        infos
    }

    fn add(&mut self, name: &str, size: u64, names: &mut TypeNames) {
        let new = || Info { rust_name: names.give(name, "Info"), sizes: BTreeSet::new() };
        self.infos.entry(name.to_owned()).or_insert_with(new).sizes.insert(size);
    }

    /// Returns the Rust type of the info `name`.
    pub(super) fn name(&self, name: &str) -> &str {
        self.infos.get(name).map_or("", |info| &info.rust_name)
    }

    /// Returns the integer type for values of the info `name`, if all values have the size of an integer.
    pub(super) fn integer(&self, name: &str) -> Option<&'static str> {
        let sizes = self.infos.get(name)?.sizes.iter().copied().collect::<Vec<_>>();
        match (sizes.as_slice(), ScalarKind::from_name(name)) {
            ([4], Some(ScalarKind::Int32)) => Some("i32"),
            ([1], _) => Some("u8"),
            ([2], _) => Some("u16"),
            ([4], _) => Some("u32"),
            ([8], _) => Some("u64"),
            _ => None,
        }
    }

    /// Returns the macros that declare the infos, and the declarations.
    pub(super) fn text(&self) -> String {
        let (integers, bytes): (Vec<_>, Vec<_>) = self.infos.iter().partition(|(name, _)| self.integer(name).is_some());
        let mut text = String::new();
        if !integers.is_empty() {
            text.push_str(INTEGER_MACRO);
            text.push_str("integer_infos! {\n");
            for (name, info) in integers {
                let ty = self.integer(name).unwrap_or_default();
                let _ = writeln!(text, "    {}({ty}) {name:?};", info.rust_name);
            }
            text.push_str("}\n");
        }
        if !bytes.is_empty() {
            let _ = write!(text, "{BYTES_MACRO}{}{BYTES_END}", if self.uses_vec { VEC_IMPL } else { "" });
            text.push_str("bytes_infos! {\n");
            for (name, info) in bytes {
                let _ = writeln!(text, "    {} {name:?};", info.rust_name);
            }
            text.push_str("}\n");
        }
        text
    }
}

const INTEGER_MACRO: &str = r"
/// Declares info types of QEMU's whose values are kept as integers.
///
/// Check: the meaning of the bits is defined in QEMU's `get` and `put` functions.
macro_rules! integer_infos {
    ($($info:ident($integer:ty) $name:literal;)*) => {$(
        #[derive(Debug)]
        pub struct $info;

        impl Info<$integer> for $info {
            const NAME: &'static str = $name;
            const SIZE: Option<usize> = Some(size_of::<$integer>());

            fn put(value: &$integer, to: &mut Writer) -> Result<(), SaveError> {
                to.bytes(&value.to_be_bytes());
                Ok(())
            }

            fn get(value: &mut $integer, from: &mut Reader<'_>) -> Result<(), LoadError> {
                *value = <$integer>::from_be_bytes(from.array()?);
                Ok(())
            }
        }
    )*};
}

";

const BYTES_MACRO: &str = r"
/// Declares QEMU's custom info types, whose bytes are kept unchanged.
///
/// Check: their meaning is defined in QEMU's `get` and `put` functions, which may also write more or fewer bytes than
/// the stream contains.
macro_rules! bytes_infos {
    ($($info:ident $name:literal;)*) => {$(
        #[derive(Debug)]
        pub struct $info;

        impl<const N: usize> Info<[u8; N]> for $info {
            const NAME: &'static str = $name;
            const SIZE: Option<usize> = Some(N);

            fn put(bytes: &[u8; N], to: &mut Writer) -> Result<(), SaveError> {
                to.bytes(bytes);
                Ok(())
            }

            fn get(bytes: &mut [u8; N], from: &mut Reader<'_>) -> Result<(), LoadError> {
                from.fill(bytes)
            }
        }
";

const VEC_IMPL: &str = r"
        impl Info<Vec<u8>> for $info {
            const NAME: &'static str = $name;

            fn put(bytes: &Vec<u8>, to: &mut Writer) -> Result<(), SaveError> {
                to.bytes(bytes);
                Ok(())
            }

            fn get(bytes: &mut Vec<u8>, from: &mut Reader<'_>) -> Result<(), LoadError> {
                from.fill(bytes)
            }
        }
";

const BYTES_END: &str = r"    )*};
}

";
