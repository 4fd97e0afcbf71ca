//! Sets of flags as integers.

use proc_macro2::TokenStream;
use quote::quote_spanned;

use super::wire_form::WireForm;
use crate::expand::access::Access;
use crate::expand::hygiene::{located, tokens};
use crate::model::{Bits, Field, innermost, lengths};

impl WireForm for Bits {
    fn form(&self, field: &Field) -> TokenStream {
        let bits = &self.0;
        let times = lengths(&field.ty).into_iter().map(|length| tokens!(.times(#length)));
        tokens!(<#bits as __vmstate::Wire>::FORM #(#times)*)
    }

    fn save(&self, field: &Field, _: Access, value: &TokenStream, at: &TokenStream) -> TokenStream {
        let bits = &self.0;
        let sets = shared_slice(field, value);
        let set = innermost(&field.ty);
        // A closure with a return type instead of a trait: the method may be inherent, as in types of `bitflags`, and
        // another integer type is reported at the attribute.
        quote_spanned!(located(set)=> __vmstate::bits::save(#sets, |set: &#set| -> #bits { set.bits() }, sink, #at))
    }

    fn exclusive(&self, _: &Field) -> Option<TokenStream> {
        None
    }

    fn load(&self, field: &Field, value: &TokenStream) -> TokenStream {
        let set = innermost(&field.ty);
        let both = quote_spanned!(located(set)=> |set: &#set| set.bits(), <#set>::from_bits);
        if lengths(&field.ty).is_empty() {
            tokens!(__vmstate::bits::load(#value, #both, reader))
        } else {
            let sets = slice(field, value);
            tokens!(__vmstate::bits::load_each(#sets, #both, reader))
        }
    }
}

/// The field's value, or all elements of its array, as a shared slice.
fn shared_slice(field: &Field, value: &TokenStream) -> TokenStream {
    let Some(flattened) = lengths(&field.ty).len().checked_sub(1) else {
        return tokens!(__vmstate::core::slice::from_ref(#value));
    };
    (0..flattened).fold(tokens!((#value).as_slice()), |slice, _| tokens!(#slice.as_flattened()))
}

/// All elements of the field's array as a slice.
fn slice(field: &Field, value: &TokenStream) -> TokenStream {
    let flattened = lengths(&field.ty).len().saturating_sub(1);
    (0..flattened).fold(tokens!((#value).as_mut_slice()), |slice, _| tokens!(#slice.as_flattened_mut()))
}
