//! The attribute `through`: a value that a function of the struct returns and another one takes back.

use proc_macro2::TokenStream;
use syn::parse::{Parse, ParseStream};
use syn::{Token, Type};

use super::entry::{Entry, Value};
use super::function::Function;
use super::keys::keys;
use super::once::Once;
use crate::errors::Errors;

/// `through(u32, get = Self::seed, set = Self::reseed)`
pub(crate) struct Through {
    pub(crate) ty: Type,
    pub(crate) get: Once<Function>,
    pub(crate) set: Once<Function>,
}

keys! {
    impl Through("`through` option") |self, key, entry, errors| {
        "get" => self.get.set(key, entry.function("Self::seed", errors), errors),
        "set" => self.set.set(key, entry.function("Self::reseed", errors), errors),
    }
}

/// The type of the value, and the options that follow it.
struct Typed {
    ty: Type,
    rest: TokenStream,
}

impl Parse for Typed {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let ty = input.parse()?;
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
        Ok(Self { ty, rest: input.parse()? })
    }
}

impl Through {
    pub(super) fn parse(entry: &Entry, errors: &Errors) -> Option<Self> {
        const EXAMPLE: &str = "through(u32, get = Self::seed, set = Self::reseed)";
        let typed = match &entry.value {
            Value::List(tokens) => syn::parse2::<Typed>(tokens.clone()).ok(),
            Value::Word | Value::Assign(_) => None,
        };
        let Some(Typed { ty, rest }) = typed else {
            errors.at(&entry.key, format!("expected a type and two functions, as in `{EXAMPLE}`"));
            return None;
        };
        let mut through = Self { ty, get: Once::default(), set: Once::default() };
        let options = entry.nested(rest, errors);
        through.read_all(&options, errors);
        for missing in ["get", "set"].iter().filter(|key| options.iter().all(|option| option.key != **key)) {
            errors.at(&entry.key, format!("missing `{missing}`: name a function, as in `{EXAMPLE}`"));
        }
        (through.get.is_set() && through.set.is_set()).then_some(through)
    }
}
