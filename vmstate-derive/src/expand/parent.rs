//! The description that a piece of code belongs to.

use proc_macro2::TokenStream;
use quote::ToTokens;

use super::hygiene::tokens;

/// The description of the struct, or of one of its subsections.
#[derive(Clone, Copy)]
pub(super) enum Parent {
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
