//! Rules about types with the form of an attribute.

use quote::ToTokens;
use syn::Data;

use super::types::{check_bits_type, check_wire_type};
use crate::errors::Errors;
use crate::model::{Encoded, Encoding};
use crate::parse;

/// `bits = u8, version = 2`; `bits = u8, with = MyInfo`; `wire = u32` with two fields; an attribute on a field.
pub(super) fn check_encoded(encoded: &Encoded<'_>, errors: &Errors) {
    let first = encoded.key;
    if let (Data::Enum(_), Encoding::Wire(ty, _) | Encoding::Bits(ty)) = (&encoded.item().data, &encoded.encoding) {
        let ty = ty.to_token_stream();
        errors.at(first, format!("`{first}` is not allowed on an enum: write `repr = {ty}`"));
        return;
    }
    const ALLOWED: [&str; 2] = ["crate", "bound"];
    // The parser has reported unknown keys.
    let known = encoded.input.attributes.keys.iter().filter(|key| parse::Struct::knows(key));
    let others = known.filter(|key| *key != first);
    for key in others.filter(|key| ALLOWED.iter().all(|allowed| key != allowed)) {
        errors.at(key, format!("`{key}` is not allowed with `{first}` on the type, which determines the wire form"));
    }
    for key in encoded.input.all_members().flat_map(|member| &member.attributes.keys) {
        errors.at(key, format!("`{key}` has no effect: `{first}` on the type determines the wire form"));
    }
    check_encoding_type(encoded, errors);
    if let Encoding::Wire(_, None) = encoded.encoding {
        errors
            .at(first, format!("`{first}` on a type requires a struct with one field, which is stored as the integer"));
    }
}

/// `wire = usize` and `bits = f32` on a type.
fn check_encoding_type(encoded: &Encoded<'_>, errors: &Errors) {
    match &encoded.encoding {
        Encoding::Bits(ty) => check_bits_type(ty, errors),
        Encoding::Wire(ty, _) => check_wire_type(ty, errors),
        Encoding::With(_) => {}
    }
}
