//! The implementation of `Wire`: the type as a value in a struct.

use proc_macro2::TokenStream;

use super::hygiene::tokens;
use super::implementor::Implementor;

/// The parts of an implementation that differ between the kinds of input.
pub(super) struct Wire {
    pub(super) form: TokenStream,
    /// The items for values of fixed size.
    pub(super) fixed: Option<TokenStream>,
    /// The body of `save_elements`.
    pub(super) save: TokenStream,
    /// The body of `load_elements`.
    pub(super) load: TokenStream,
}

impl Wire {
    /// A struct with a description.
    pub(super) fn structure(fixed: Option<TokenStream>) -> Self {
        Self {
            form: tokens!(__vmstate::Form::structure(<Self as __vmstate::VmState>::DESCRIPTION)),
            fixed,
            save: tokens!(__vmstate::walk::save_struct(self, sink, at, element)),
            load: tokens!(__vmstate::walk::load_struct(self, reader)),
        }
    }

    pub(super) fn implement(&self, implementor: Implementor<'_>) -> TokenStream {
        let Self { form, fixed, save, load } = self;
        let items = tokens! {
            const FORM: __vmstate::Form = #form;

            #fixed

            fn save_elements<__S: __vmstate::Sink>(
                &mut self,
                sink: &mut __S,
                at: __vmstate::FieldRef,
                element: __vmstate::ElementIndex,
            ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
                #save
            }

            fn load_elements(
                &mut self,
                reader: &mut __vmstate::Reader<'_>,
            ) -> __vmstate::core::result::Result<(), __vmstate::LoadError> {
                #load
            }
        };
        implementor.implement(&tokens!(__vmstate::Wire), &items)
    }
}
