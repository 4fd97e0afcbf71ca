//! Fields that only older versions have.

use proc_macro2::TokenStream;

use super::wire_form::WireForm;
use crate::expand::access::Access;
use crate::expand::default::type_default;
use crate::expand::hook;
use crate::expand::hygiene::tokens;
use crate::model::{Field, Removed, holds_primitives};

impl WireForm for Removed {
    fn form(&self, field: &Field) -> TokenStream {
        let provider = self.provider(field);
        tokens!(#provider::FORM)
    }

    /// Without `from`, a save at an old version writes the type's default, which the old reader at least accepts.
    fn save(&self, field: &Field, _: Access, _: &TokenStream, at: &TokenStream) -> TokenStream {
        let provider = self.provider(field);
        let ty = &field.ty;
        let old = self.from.as_ref().map_or_else(|| type_default(ty), |from| hook::old(from, ty));
        tokens!(#provider::save_elements(&mut { #old }, sink, #at, __vmstate::ElementIndex::ONLY))
    }

    fn exclusive(&self, _: &Field) -> Option<TokenStream> {
        None
    }

    fn load(&self, field: &Field, _: &TokenStream) -> TokenStream {
        let provider = self.provider(field);
        let default = type_default(&field.ty);
        let load = tokens!(#provider::load_elements(&mut old, reader));
        let load = match &self.with {
            Some(with) => {
                let take = hook::removed(with, &field.ty, &tokens!(old));
                tokens! {
                    let start = reader.offset();
                    #load.and_then(|()| #take.map_err(|error| error.at_offset(start)))
                }
            }
            None => load,
        };
        tokens!({ let mut old = #default; #load })
    }

    fn may_be_struct(&self, field: &Field) -> bool {
        !holds_primitives(&field.ty)
    }
}
