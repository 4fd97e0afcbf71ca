//! The reference through which a struct is saved.

use proc_macro2::{Ident, Span, TokenStream};

use super::hygiene::tokens;

/// `&mut self`, or `&self`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Exclusive,
    Shared,
}

impl Access {
    /// The receiver of the method.
    pub(super) fn receiver(self) -> TokenStream {
        match self {
            Self::Exclusive => tokens!(&mut self),
            Self::Shared => tokens!(&self),
        }
    }

    /// A reference to `place`.
    pub(super) fn reference(self, place: &TokenStream) -> TokenStream {
        match self {
            Self::Exclusive => tokens!(&mut #place),
            Self::Shared => tokens!(&#place),
        }
    }

    /// The name of the method that saves, such as `save_elements` or `share_elements` for the suffix `_elements`.
    pub(super) fn method(self, suffix: &str) -> Ident {
        let verb = match self {
            Self::Exclusive => "save",
            Self::Shared => "share",
        };
        Ident::new(&format!("{verb}{suffix}"), Span::mixed_site())
    }
}
