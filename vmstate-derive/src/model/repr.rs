//! The integer type that represents an enum's variant.

use syn::{Attribute, Ident};

use crate::parse;

/// The types that `repr` may name: the integers that have the same size on every target.
pub(crate) const INTEGERS: [&str; 8] = ["u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64"];

/// Returns the integer type from `#[vmstate(repr = u8)]`, or from `#[repr(u8)]`.
pub(super) fn repr(input: &parse::Input<'_>) -> Option<Ident> {
    let reprs = input.item.attrs.iter().filter(|attribute| attribute.path().is_ident("repr"));
    let on_wire = input.attributes.repr.value().filter(|repr| INTEGERS.iter().any(|known| repr == known));
    on_wire.cloned().or_else(|| reprs.filter_map(integer).next())
}

/// Returns the integer type in a `#[repr(...)]` attribute.
fn integer(repr: &Attribute) -> Option<Ident> {
    let mut integer = None;
    // A malformed `repr` is the compiler's to report.
    let _ = repr.parse_nested_meta(|meta| {
        let known = meta.path.get_ident().filter(|name| INTEGERS.iter().any(|known| name == known));
        integer = integer.take().or(known.cloned());
        Ok(())
    });
    integer
}
