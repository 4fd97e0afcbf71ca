//! Temporaries that are computed from the struct (`VMSTATE_WITH_TMP`).

use proc_macro2::TokenStream;

use super::wire_form::WireForm;
use crate::expand::hygiene::tokens;
use crate::model::{Field, Temporary};

impl WireForm for Temporary {
    fn form(&self, _: &Field) -> TokenStream {
        let temporary = &self.0;
        let description = tokens!(<#temporary as __vmstate::VmState>::DESCRIPTION);
        tokens! {
            __vmstate::Form::new(__vmstate::Kind::Temporary(#description), __vmstate::core::option::Option::None)
        }
    }

    fn save(&self, _: &Field, _: &TokenStream, at: &TokenStream) -> TokenStream {
        let temporary = &self.0;
        tokens!(__vmstate::tmp::save::<#temporary, Self, _>(&*self, sink, #at))
    }

    fn load(&self, _: &Field, _: &TokenStream) -> TokenStream {
        let temporary = &self.0;
        let version = {
            let description = tokens!(<#temporary as __vmstate::VmState>::DESCRIPTION);
            tokens!(__vmstate::walk::nested_version(#description, reader.version()))
        };
        tokens!(__vmstate::tmp::load::<#temporary, Self>(&mut *self, #version, reader))
    }

    fn may_be_struct(&self, _: &Field) -> bool {
        true
    }
}
