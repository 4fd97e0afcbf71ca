//! From the model to code: the description, and what saves and loads by it.
//!
//! Everything that generated code names is in `__private` of the library, under the alias `__vmstate`. Local names are
//! hygienic (`mixed_site`), so that nothing in the user's scope can be mistaken for them.

mod description;
mod load;
mod run;
mod save;
mod state;
mod wire;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::DeriveInput;

use crate::model::{Codec, Device, Field, Info, InfoKind};

/// `quote!` with hygienic local names.
macro_rules! tokens {
    ($($tokens:tt)*) => { ::quote::quote_spanned!(::proc_macro2::Span::mixed_site()=> $($tokens)*) };
}
pub(crate) use tokens;

/// The implementations for a device without mistakes.
pub(crate) fn expand(device: &Device<'_>, root: &TokenStream) -> TokenStream {
    let state = state::expand(device);
    let wire = wire::expand(device);
    let assertions = description::assertions(device);
    tokens! {
        #[allow(unused_qualifications, clippy::pedantic)]
        const _: () = {
            use #root::__private as __vmstate;

            #state

            #wire

            #assertions
        };
    }
}

/// Implementations that do nothing, for a struct with mistakes: so that those are all that is reported.
pub(crate) fn fallback(input: &DeriveInput, root: &TokenStream) -> TokenStream {
    let name = &input.ident;
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    tokens! {
        #[allow(unused_qualifications, clippy::pedantic)]
        const _: () = {
            use #root::__private as __vmstate;

            #[automatically_derived]
            impl #generics __vmstate::VmState for #name #arguments #bounds {
                const DESCRIPTION: &'static __vmstate::Description = &__vmstate::Description::new("");

                fn save_fields<S: __vmstate::Sink>(
                    &mut self,
                    _: &mut S,
                    _: u32,
                ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
                    __vmstate::core::result::Result::Ok(())
                }

                fn load_fields(
                    &mut self,
                    _: &mut __vmstate::Reader<'_>,
                    _: u32,
                ) -> __vmstate::core::result::Result<(), __vmstate::LoadError> {
                    __vmstate::core::result::Result::Ok(())
                }
            }

            #[automatically_derived]
            impl #generics __vmstate::Wire for #name #arguments #bounds {
                const FORM: __vmstate::Form = __vmstate::Form::structure(<Self as __vmstate::VmState>::DESCRIPTION);

                fn save_elements<S: __vmstate::Sink>(
                    &mut self,
                    _: &mut S,
                    _: __vmstate::At,
                    _: __vmstate::Element,
                ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
                    __vmstate::core::result::Result::Ok(())
                }

                fn load_elements(
                    &mut self,
                    _: &mut __vmstate::Reader<'_>,
                ) -> __vmstate::core::result::Result<(), __vmstate::LoadError> {
                    __vmstate::core::result::Result::Ok(())
                }
            }
        };
    }
}

/// The description that a piece of code belongs to: the device's, or one of a subsection.
#[derive(Clone, Copy)]
pub(crate) enum Parent {
    Device,
    Subsection(usize),
}

impl ToTokens for Parent {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.extend(match self {
            Self::Device => tokens!(<Self as __vmstate::VmState>::DESCRIPTION),
            Self::Subsection(index) => {
                tokens!(<Self as __vmstate::VmState>::DESCRIPTION.subsections[#index].description)
            }
        });
    }
}

/// The type of the library that stands for an info.
impl ToTokens for Info {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let kind = match &self.kind {
            InfoKind::Buffer => tokens!(__vmstate::Buffer),
            InfoKind::Equal => tokens!(__vmstate::Equal),
            InfoKind::LessOrEqual => tokens!(__vmstate::LessOrEqual),
            InfoKind::Timer => tokens!(__vmstate::TimerInfo),
            InfoKind::Custom(info) => quote!(#info),
        };
        tokens.extend(match self.each {
            true => tokens!(__vmstate::Each<#kind>),
            false => kind,
        });
    }
}

impl Field {
    /// The type or info, as the trait that has its form: `<u16 as Wire>`.
    pub(crate) fn form(&self) -> TokenStream {
        let ty = &self.ty;
        let span = Span::mixed_site().located_at(self.span());
        match &self.codec {
            Codec::Type { .. } => quote::quote_spanned!(span=> <#ty as __vmstate::Wire>),
            Codec::Info(info) => quote::quote_spanned!(span=> <#info as __vmstate::Codec<#ty>>),
            Codec::Unused(bytes) => tokens!(<__vmstate::Unused<#bytes> as __vmstate::Wire>),
        }
    }

    /// Whether the field can be part of a run: a value of fixed size by its type's name.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self.codec, Codec::Type { plain: true } | Codec::Unused(_))
    }
}
