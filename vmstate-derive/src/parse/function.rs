//! Attribute values that are functions, or make a value.

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

/// Returns whether the input starts with a closure.
pub(super) fn is_closure(input: ParseStream<'_>) -> bool {
    input.peek(Token![|]) || input.peek(Token![||]) || input.peek(Token![move])
}

impl Function {
    /// Returns the function; parameters of a closure that have no type get these types.
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

/// A value for a field: `Self::fresh` and `zero` are called; `-1`, `u16::MAX` and `Mode::Off` are values.
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

/// Returns whether the path is named like a function: in lower case, unlike constants, variants and structs.
fn names_function(path: &ExprPath) -> bool {
    let last = path.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
    last.starts_with(|first: char| first.is_lowercase() || first == '_')
}
