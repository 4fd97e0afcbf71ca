//! The trait of the wire forms.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use crate::expand::access::Access;
use crate::expand::hygiene::located;
use crate::model::Field;

/// The code for a field of one wire form.
pub(super) trait WireForm {
    /// The implementation that has the form's items, such as `<u16 as Wire>`.
    ///
    /// A field uses one trait only, so that a type that does not implement it causes one error.
    fn provider(&self, field: &Field) -> TokenStream {
        let ty = &field.ty;
        let span = located(&field.ty);
        quote_spanned!(span=> <#ty as __vmstate::Wire>)
    }

    /// The form as a constant expression.
    fn form(&self, field: &Field) -> TokenStream;

    /// The call that saves `value`, a reference as in `access`, as a `Result`.
    fn save(&self, field: &Field, access: Access, value: &TokenStream, at: &TokenStream) -> TokenStream;

    /// The reason why a save may need an exclusive reference, as a constant; `None` if it never does.
    fn exclusive(&self, field: &Field) -> Option<TokenStream> {
        Some(self.of_provider(field))
    }

    /// The reason of the [`provider`](Self::provider).
    fn of_provider(&self, field: &Field) -> TokenStream {
        let provider = self.provider(field);
        quote!(#provider::EXCLUSIVE)
    }

    /// The call that loads into `value`, a `Result`.
    fn load(&self, field: &Field, value: &TokenStream) -> TokenStream;

    /// The size of the values, as far as the macro knows it.
    fn size(&self, _: &Field) -> Size {
        Size::Varies
    }

    /// Returns whether the form may be a struct, so that a load can mistake the next field for a subsection.
    fn may_be_struct(&self, _: &Field) -> bool {
        false
    }

    /// The rule that the compiler has to check because it depends on other types.
    fn assertion(&self, _: &Field) -> Option<TokenStream> {
        None
    }

    /// The start of a `let` statement, if the next field needs the saved or loaded value.
    fn binding(&self) -> Option<TokenStream> {
        None
    }
}

/// The size of a field's values on the wire.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// The same for all values.
    Fixed,
    /// Fixed or not; a constant of the type decides.
    ByType,
    Varies,
}
