//! From the model to code: the description, and what saves and loads by it.
//!
//! Everything that generated code names is in `__private` of the library, under the alias `__vmstate`. Local names are
//! hygienic (`mixed_site`), so that nothing in the user's scope can be mistaken for them; the generic parameter `__S`
//! cannot be and so has a name that nobody uses.

mod assertion;
mod codec;
mod description;
mod fallback;
mod hook;
mod load;
mod place;
mod run;
mod save;
mod state;
mod subsection;
mod wire;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;

pub(crate) use self::fallback::expand as fallback;
pub(crate) use self::state::expand as state;
use crate::model::{Codec, Counted, Device, Elements, Field, Info, InfoKind};

/// `quote!` with hygienic local names.
macro_rules! tokens {
    ($($tokens:tt)*) => { ::quote::quote_spanned!(::proc_macro2::Span::mixed_site()=> $($tokens)*) };
}
pub(crate) use tokens;

/// The implementations for a device without mistakes.
pub(crate) fn expand(device: &Device<'_>, root: &TokenStream) -> TokenStream {
    let state = state::expand(device);
    let wire = wire::expand(device);
    let assertions = assertion::items(device);
    wrap(root, &tokens!(#state #wire #assertions))
}

/// Keeps the names that generated code needs to itself.
pub(crate) fn wrap(root: &TokenStream, items: &TokenStream) -> TokenStream {
    tokens! {
        #[allow(deprecated, unused_qualifications, clippy::pedantic)]
        const _: () = {
            use #root::__private as __vmstate;

            #items
        };
    }
}

/// A hygienic span that shows the user's tokens if something is wrong there.
fn located(tokens: &impl Spanned) -> Span {
    Span::mixed_site().located_at(tokens.span())
}

/// The description that a piece of code belongs to: the device's, or one of a subsection.
#[derive(Clone, Copy)]
enum Parent {
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
impl ToTokens for InfoKind {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.extend(self.at(Span::mixed_site()));
    }
}

impl InfoKind {
    /// The type, with names that stand at `span`.
    fn at(&self, span: Span) -> TokenStream {
        match self {
            Self::Buffer => quote_spanned!(span=> __vmstate::Buffer),
            Self::Equal => quote_spanned!(span=> __vmstate::Equal),
            Self::LessOrEqual => quote_spanned!(span=> __vmstate::LessOrEqual),
            Self::Timer => quote_spanned!(span=> __vmstate::TimerInfo),
            Self::ByteArray(max) => quote_spanned!(span=> __vmstate::ByteArray<{ #max }>),
            Self::Present => quote_spanned!(span=> __vmstate::Present),
            Self::As(wire) => quote_spanned!(span=> __vmstate::As<#wire>),
            Self::Custom(info) => quote!(#info),
        }
    }
}

impl Info {
    /// The type, with names that stand at `span`.
    fn at(&self, span: Span) -> TokenStream {
        (0..self.dimensions).fold(self.kind.at(span), |info, _| quote_spanned!(span=> __vmstate::Each<#info>))
    }
}

impl Field {
    /// The type or info, as the trait that has its methods: `<u16 as Wire>`. A field is used through one trait alone, so
    /// that a type that does not fit is one mistake.
    fn codec(&self) -> TokenStream {
        let ty = &self.ty;
        let span = located(ty);
        match &self.codec {
            Codec::Info(info) => {
                let info = info.at(span);
                quote_spanned!(span=> <#info as __vmstate::Codec<#ty>>)
            }
            Codec::Unused(bytes) => tokens!(<__vmstate::Unused<#bytes> as __vmstate::Wire>),
            codec => {
                let own = codec.own_trait(span);
                quote_spanned!(span=> <#ty as __vmstate::#own>)
            }
        }
    }

    /// Whether the field can be part of a run: a value of fixed size by its type's name, or by its info.
    fn is_plain(&self) -> bool {
        let fixed = match &self.codec {
            Codec::Type { plain } => *plain,
            Codec::Info(info) => info.is_fixed(&self.ty),
            codec => matches!(codec, Codec::Unused(_)),
        };
        fixed && self.opaque.is_none()
    }
}

impl Codec {
    /// The trait of the field's type that has the methods.
    fn own_trait(&self, span: Span) -> TokenStream {
        match self {
            Self::Counted(Counted { elements, .. }) | Self::AfterCount { elements, .. } | Self::Part(elements, _) => {
                match elements {
                    Elements::Type => quote_spanned!(span=> items::Items),
                    Elements::Info(info) => {
                        let info = info.at(span);
                        quote_spanned!(span=> items::ItemsBy<#info>)
                    }
                    Elements::Buffer => quote_spanned!(span=> items::Bytes),
                }
            }
            Self::Pointers { alloc: true, .. } => quote_spanned!(span=> pointer::MarkedSlots),
            Self::Pointers { .. } => quote_spanned!(span=> pointer::Slots),
            Self::Bitmap { .. } => quote_spanned!(span=> bitmap::Words),
            Self::List { .. } => quote_spanned!(span=> list::Structs),
            Self::Tree { direct: true, .. } => quote_spanned!(span=> tree::Tree<__vmstate::tree::Direct>),
            Self::Tree { .. } => quote_spanned!(span=> tree::Tree<__vmstate::tree::Described>),
            Self::Versioned(_) => quote_spanned!(span=> versioned::Versioned),
            _ => quote_spanned!(span=> Wire),
        }
    }
}
