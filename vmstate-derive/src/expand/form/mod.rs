//! The code for the value of one field, by its wire form.
//!
//! Each form implements [`WireForm`] in its own file, and [`dispatch`] is the only list of all forms.

mod bitmap;
mod bits;
mod count;
mod counted;
mod elements;
mod info;
mod inline;
mod list;
mod optional;
mod part;
mod pointers;
mod prefixed;
mod removed;
mod temporary;
mod through;
mod tree;
mod typed;
mod unused;
mod versioned;
mod wire_form;

use proc_macro2::TokenStream;

pub(super) use self::wire_form::Size;
use self::wire_form::WireForm;
use super::access::Access;
use super::hygiene::tokens;
use crate::model::{Field, Form};

fn dispatch(form: &Form) -> &dyn WireForm {
    match form {
        Form::Typed(form) => form,
        Form::Info(form) => form,
        Form::Counted(form) => form,
        Form::LengthPrefix(form) => form,
        Form::Prefixed(form) => form,
        Form::Bits(form) => form,
        Form::Part(form) => form,
        Form::Pointers(form) => form,
        Form::Bitmap(form) => form,
        Form::List(form) => form,
        Form::Tree(form) => form,
        Form::Presence(form) => form,
        Form::Optional(form) => form,
        Form::Inline(form) => form,
        Form::Versioned(form) => form,
        Form::Temporary(form) => form,
        Form::Through(form) => form,
        Form::Removed(form) => form,
        Form::Unused(form) => form,
        Form::CountedUnused(form) => form,
    }
}

/// The implementation that has the items of the field's form, such as `<u16 as Wire>`.
pub(super) fn provider(field: &Field) -> TokenStream {
    dispatch(&field.form).provider(field)
}

/// The form in the description.
pub(super) fn described(field: &Field) -> TokenStream {
    let form = actual(field);
    match &field.opaque {
        Some(name) => tokens!(#form.opaque(#name)),
        None => form,
    }
}

/// The form on the wire, even if the description hides it.
pub(super) fn actual(field: &Field) -> TokenStream {
    dispatch(&field.form).form(field)
}

/// The call that saves `value`, a `Result`.
pub(super) fn save(field: &Field, access: Access, value: &TokenStream, at: &TokenStream) -> TokenStream {
    let save = dispatch(&field.form).save(field, access, value, at);
    // A save also reports the structure of a value, for the description. A load has nothing to hide.
    match field.opaque {
        Some(_) => tokens!(__vmstate::opaque::save(sink, #at, |sink| #save)),
        None => save,
    }
}

/// The reason why a save may need an exclusive reference, as a constant; `None` if it never does.
pub(super) fn exclusive(field: &Field) -> Option<TokenStream> {
    dispatch(&field.form).exclusive(field)
}

/// The call that loads into `value`, a `Result`.
pub(super) fn load(field: &Field, value: &TokenStream) -> TokenStream {
    dispatch(&field.form).load(field, value)
}

/// Returns how the size of the field's values is known, and so whether they fit into a block.
pub(super) fn size(field: &Field) -> Size {
    match field.opaque {
        Some(_) => Size::Varies,
        None => dispatch(&field.form).size(field),
    }
}

/// Returns whether the field may be a struct, so that a load can mistake the next field for a subsection.
pub(super) fn may_be_struct(field: &Field) -> bool {
    dispatch(&field.form).may_be_struct(field)
}

/// The form's rule that depends on other types.
pub(super) fn assertion(field: &Field) -> Option<TokenStream> {
    dispatch(&field.form).assertion(field)
}

/// The start of a `let` statement, if the next field needs the saved or loaded value.
pub(super) fn binding(field: &Field) -> Option<TokenStream> {
    dispatch(&field.form).binding()
}
