//! The grammar inside `#[vmstate(...)]`: words, assignments and lists, separated by commas.
//!
//! Values stay tokens until their attribute reads them, so that an error in one entry does not hide errors in others.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Attribute, ExprClosure, Ident, LitInt, LitStr, Meta, Token};

use super::function::{Function, is_closure};
use super::suggest::Levels;
use crate::errors::Errors;

/// One entry: `le`, `since = 2` or `unused(before = 8)`.
pub(crate) struct Entry {
    pub(crate) key: Ident,
    pub(crate) value: Value,
    /// All levels, so that an unknown key can be answered with the level that it belongs to.
    pub(super) levels: Levels,
}

/// The value of an entry.
pub(crate) enum Value {
    /// No value.
    Word,
    /// `= tokens`.
    Assign(TokenStream),
    /// `(tokens)`.
    List(TokenStream),
}

/// Reads all entries of the `#[vmstate(...)]` attributes among `attributes`.
pub(super) fn entries(attributes: &[Attribute], levels: Levels, errors: &Errors) -> Vec<Entry> {
    let ours = attributes.iter().filter(|attribute| attribute.path().is_ident("vmstate"));
    ours.flat_map(|attribute| match &attribute.meta {
        Meta::List(list) => parse_entries(list.tokens.clone(), levels, errors),
        other => {
            errors.at(other, "expected attributes in parentheses, as in `#[vmstate(name = \"serial\")]`");
            Vec::new()
        }
    })
    .collect()
}

fn parse_entries(tokens: TokenStream, levels: Levels, errors: &Errors) -> Vec<Entry> {
    let parser = |input: ParseStream<'_>| {
        let mut entries = Vec::new();
        while !input.is_empty() {
            match Entry::parse(input, levels) {
                Ok(entry) => entries.push(entry),
                Err(error) => {
                    errors.add(error);
                    // Continue at the next entry, whose errors are reported as well.
                    value_tokens(input)?;
                }
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(entries)
    };
    parser.parse2(tokens).unwrap_or_else(|error| {
        errors.add(error);
        Vec::new()
    })
}

impl Entry {
    fn parse(input: ParseStream<'_>, levels: Levels) -> syn::Result<Self> {
        // `in` and `crate` are keywords.
        let key = Ident::parse_any(input)
            .map_err(|error| syn::Error::new(error.span(), "expected an attribute, as in `name = \"serial\"`"))?;
        let value = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            let tokens = value_tokens(input)?;
            if tokens.is_empty() {
                return Err(syn::Error::new_spanned(&key, format!("missing value after `{key} =`")));
            }
            Value::Assign(tokens)
        } else if input.peek(syn::token::Paren) {
            match input.parse::<TokenTree>()? {
                TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => Value::List(group.stream()),
                other => return Err(syn::Error::new_spanned(other, "expected parentheses")),
            }
        } else if input.is_empty() || input.peek(Token![,]) {
            Value::Word
        } else {
            return Err(input.error(format!("expected `,`, `=` or `(` after `{key}`")));
        };
        Ok(Self { key, value, levels })
    }
}

/// Reads the tokens up to the next comma that is not inside `<...>`.
fn value_tokens(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    // The commas of a closure's parameters and its comparisons with `<` are not separators. A malformed closure is
    // reported when the attribute reads it.
    let closure = is_closure(input).then(|| input.fork()).filter(|fork| fork.parse::<ExprClosure>().is_ok());
    if closure.is_some() {
        return input.parse::<ExprClosure>().map(ToTokens::into_token_stream);
    }
    let mut tokens = TokenStream::new();
    let mut depth = 0_usize;
    while !input.is_empty() && (depth > 0 || !input.peek(Token![,])) {
        // The `>` of `->` and `=>` does not close a `<`.
        match () {
            () if input.peek(Token![->]) || input.peek(Token![=>]) => {}
            () if input.peek(Token![<]) => depth += 1,
            () if input.peek(Token![>]) => depth = depth.saturating_sub(1),
            () => {}
        }
        // A token tree would be only the `-`, and leave a `>` that looks like a closing one.
        if input.peek(Token![->]) {
            input.parse::<Token![->]>()?.to_tokens(&mut tokens);
        } else {
            input.parse::<TokenTree>()?.to_tokens(&mut tokens);
        }
    }
    Ok(tokens)
}

impl Entry {
    /// Reads the entries in `tokens`, which are part of this entry's value.
    pub(super) fn nested(&self, tokens: TokenStream, errors: &Errors) -> Vec<Self> {
        parse_entries(tokens, self.levels, errors)
    }

    /// Reads the value after `=` as a `T`. Errors expect `what`, such as `example`.
    pub(crate) fn assigned<T: Parse>(&self, what: &str, example: &str, errors: &Errors) -> Option<T> {
        let key = &self.key;
        let tokens = self.value.tokens();
        let value = match &self.value {
            Value::Assign(tokens) => syn::parse2(tokens.clone()).ok(),
            Value::Word | Value::List(_) => None,
        };
        if value.is_none() {
            errors.at(tokens.unwrap_or(&key.to_token_stream()), format!("expected {what}, as in `{key} = {example}`"));
        }
        value
    }

    /// Reads the string after `=`.
    pub(crate) fn text(&self, example: &str, errors: &Errors) -> Option<LitStr> {
        self.assigned("a string", &format!("{example:?}"), errors)
    }

    /// Reads the version after `=`.
    pub(crate) fn version(&self, errors: &Errors) -> Option<Number> {
        let literal: LitInt = self.assigned("a version number", "2", errors)?;
        match literal.base10_parse() {
            Ok(value) => Some(Number { value, literal }),
            Err(_) => {
                errors.at(literal, format!("version out of range: the highest version is {}", u32::MAX));
                None
            }
        }
    }

    /// Checks that the entry has no value.
    pub(crate) fn word(&self, errors: &Errors) -> Option<()> {
        if let Some(tokens) = self.value.tokens() {
            errors.at(tokens, format!("unexpected value: write only `{}`", self.key));
            return None;
        }
        Some(())
    }

    /// Reads a function, such as a hook.
    pub(crate) fn function(&self, example: &str, errors: &Errors) -> Option<Function> {
        self.assigned("the path of a function or a closure", example, errors)
    }

    /// Reads a function that returns a `bool`.
    pub(crate) fn predicate(&self, errors: &Errors) -> Option<Function> {
        self.assigned("the path of a predicate or a closure", "|dev| dev.level != 0", errors)
    }

    /// Reads the optional value after `=`.
    pub(crate) fn optional<T: Parse>(&self, what: &str, example: &str, errors: &Errors) -> Option<Option<T>> {
        match self.value {
            Value::Word => Some(None),
            Value::Assign(_) | Value::List(_) => self.assigned(what, example, errors).map(Some),
        }
    }

    /// Reads the reason after `=`, which must not be empty.
    pub(crate) fn reason(&self, example: &str, errors: &Errors) -> Option<LitStr> {
        let missing = format!("`{0}` needs a reason, as in `{0} = {example:?}`", self.key);
        if matches!(self.value, Value::Word) {
            errors.at(&self.key, missing);
            return None;
        }
        let reason = self.text(example, errors)?;
        if reason.value().trim().is_empty() {
            errors.at(&reason, missing);
            return None;
        }
        Some(reason)
    }
}

impl Value {
    /// The tokens of the value, if there are any to point at.
    fn tokens(&self) -> Option<&TokenStream> {
        match self {
            Self::Word => None,
            Self::Assign(tokens) | Self::List(tokens) => Some(tokens).filter(|tokens| !tokens.is_empty()),
        }
    }
}

/// A number and its literal, to point at.
#[derive(Clone)]
pub(crate) struct Number {
    pub(crate) value: u32,
    pub(crate) literal: LitInt,
}

impl Parse for Number {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let literal: LitInt = input.parse()?;
        Ok(Self { value: literal.base10_parse()?, literal })
    }
}

/// Splits a list into the string at its start and the remaining entries.
pub(super) fn split_name(tokens: TokenStream) -> (Option<LitStr>, TokenStream) {
    let mut rest = tokens.clone().into_iter();
    let first = rest.next().and_then(|token| syn::parse2::<LitStr>(token.to_token_stream()).ok());
    match (first, rest.next()) {
        (Some(name), None) => (Some(name), TokenStream::new()),
        (Some(name), Some(TokenTree::Punct(comma))) if comma.as_char() == ',' => (Some(name), rest.collect()),
        _ => (None, tokens),
    }
}
