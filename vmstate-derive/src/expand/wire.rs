//! The implementation of `Wire`: the type as a value in a struct.

use proc_macro2::TokenStream;

use super::access::Access;
use super::hygiene::tokens;
use super::implementor::Implementor;

/// The parts of an implementation that differ between the kinds of input.
pub(super) struct Wire {
    pub(super) form: TokenStream,
    /// The items for values of fixed size.
    pub(super) fixed: Option<TokenStream>,
    /// The reason why the value needs `&mut self`, and the body of `save_elements`; `None` if it never does.
    pub(super) exclusive: Option<(TokenStream, TokenStream)>,
    /// The body of `share_elements`.
    pub(super) share: TokenStream,
    /// The body of `load_elements`.
    pub(super) load: TokenStream,
}

impl Wire {
    /// A struct with a description, which may be `exclusive`.
    pub(super) fn structure(fixed: Option<TokenStream>, exclusive: bool) -> Self {
        let reason = tokens!(<Self as __vmstate::VmState>::EXCLUSIVE);
        Self {
            form: tokens!(__vmstate::Form::structure(<Self as __vmstate::VmState>::DESCRIPTION)),
            fixed,
            exclusive: exclusive.then(|| (reason, tokens!(__vmstate::walk::save_struct(self, sink, at, element)))),
            share: tokens!(__vmstate::walk::share_struct(self, sink, at, element)),
            load: tokens!(__vmstate::walk::load_struct(self, reader)),
        }
    }

    pub(super) fn implement(&self, implementor: Implementor<'_>) -> TokenStream {
        let Self { form, fixed, exclusive, share, load } = self;
        let constant = exclusive
            .as_ref()
            .map(|(reason, _)| tokens!(const EXCLUSIVE: __vmstate::core::option::Option<&'static str> = #reason;));
        let save = exclusive.as_ref().map(|(_, save)| method(Access::Exclusive, save));
        let share = method(Access::Shared, share);
        let items = tokens! {
            const FORM: __vmstate::Form = #form;
            #constant

            #fixed

            #save

            #share

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

/// The method that saves the value with the statements of `body`.
fn method(access: Access, body: &TokenStream) -> TokenStream {
    let name = access.method("_elements");
    let receiver = access.receiver();
    tokens! {
        fn #name<__S: __vmstate::Sink>(
            #receiver,
            sink: &mut __S,
            at: __vmstate::FieldRef,
            element: __vmstate::ElementIndex,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            #body
        }
    }
}
