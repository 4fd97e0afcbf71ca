//! What stands where a function or a value is asked for.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Expr, ExprClosure, ExprPath, Pat, Token};

/// A function of the device: a path, or a closure, whose parameters need no types.
#[derive(Clone)]
pub(crate) enum Function {
    Path(ExprPath),
    Closure(Box<ExprClosure>),
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if is_closure(input) { input.parse().map(Box::new).map(Self::Closure) } else { input.parse().map(Self::Path) }
    }
}

/// Whether a closure begins here.
pub(super) fn is_closure(input: ParseStream<'_>) -> bool {
    input.peek(Token![|]) || input.peek(Token![||]) || input.peek(Token![move])
}

impl Function {
    /// The function, with these types for the parameters of a closure that have none.
    pub(crate) fn with_types(&self, types: &[TokenStream]) -> TokenStream {
        let Self::Closure(closure) = self else { return self.to_token_stream() };
        let mut closure = closure.clone();
        for (input, ty) in closure.inputs.iter_mut().zip(types) {
            if !matches!(input, Pat::Type(_)) {
                *input = Pat::Verbatim(quote_spanned!(input.span()=> #input: #ty));
            }
        }
        closure.into_token_stream()
    }
}

impl ToTokens for Function {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Path(path) => path.to_tokens(tokens),
            Self::Closure(closure) => closure.to_tokens(tokens),
        }
    }
}

/// What a field becomes: `Self::fresh` or `zero` are called, `-1`, `u16::MAX` and `Mode::Off` are values.
#[derive(Clone)]
pub(crate) enum Make {
    Call(ExprPath),
    Value(Box<Expr>),
}

impl Parse for Make {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let value: Expr = input.parse()?;
        Ok(match value {
            Expr::Path(path) if names_function(&path) => Self::Call(path),
            other => Self::Value(Box::new(other)),
        })
    }
}

/// Functions begin with a small letter; constants, variants and structs do not.
fn names_function(path: &ExprPath) -> bool {
    let last = path.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
    last.starts_with(|first: char| first.is_lowercase() || first == '_')
}
