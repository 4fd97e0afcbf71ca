//! Quoting with hygienic names.
//!
//! Local names are `mixed_site`, so that no name in the user's scope can be captured or shadowed. The generic parameter
//! `__S` cannot be hygienic, and so has a name that users do not write.

use proc_macro2::Span;
use syn::spanned::Spanned;

/// `quote!` with hygienic local names.
macro_rules! tokens {
    ($($tokens:tt)*) => { ::quote::quote_spanned!(::proc_macro2::Span::mixed_site()=> $($tokens)*) };
}

pub(super) use tokens;

/// Returns a hygienic span at the location of the user's tokens, where the compiler then reports errors.
pub(super) fn located(tokens: &impl Spanned) -> Span {
    Span::mixed_site().located_at(tokens.span())
}
