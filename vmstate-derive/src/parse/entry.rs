//! The grammar inside of `#[vmstate(...)]`: words, assignments and lists, separated by commas.
//!
//! Values are Rust and stay tokens until someone knows what they should be, so that a mistake in one entry does not hide
//! those in others.

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

/// What stands behind an entry's key.
pub(crate) enum Value {
    /// Nothing.
    Word,
    /// `= tokens`.
    Assign(TokenStream),
    /// `(tokens)`.
    List(TokenStream),
}

/// All entries of the `#[vmstate(...)]` attributes among `attributes`.
pub(super) fn entries(attributes: &[Attribute], levels: Levels, errors: &Errors) -> Vec<Entry> {
    let ours = attributes.iter().filter(|attribute| attribute.path().is_ident("vmstate"));
    ours.flat_map(|attribute| match &attribute.meta {
        Meta::List(list) => parse_entries(list.tokens.clone(), levels, errors),
        other => {
            errors.at(other, "write what it says in parentheses: `#[vmstate(name = \"serial\")]`");
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
        // `in` and `crate` are keys, too.
        let key = Ident::parse_any(input)
            .map_err(|error| syn::Error::new(error.span(), "expected an attribute's name, as in `name = value`"))?;
        let value = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            let tokens = value_tokens(input)?;
            if tokens.is_empty() {
                return Err(syn::Error::new_spanned(&key, format!("`{key} =` lacks its value")));
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

/// The tokens up to the next comma that is not inside of `<...>`.
fn value_tokens(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    // A closure's parameters stand between commas, and it may compare. What is wrong with one is found later.
    let closure = is_closure(input).then(|| input.fork()).filter(|fork| fork.parse::<ExprClosure>().is_ok());
    if closure.is_some() {
        return input.parse::<ExprClosure>().map(ToTokens::into_token_stream);
    }
    let mut tokens = TokenStream::new();
    let mut depth = 0_usize;
    while !input.is_empty() && (depth > 0 || !input.peek(Token![,])) {
        match () {
            () if input.peek(Token![->]) || input.peek(Token![=>]) => {}
            () if input.peek(Token![<]) => depth += 1,
            () if input.peek(Token![>]) => depth = depth.saturating_sub(1),
            () => {}
        }
        if input.peek(Token![->]) {
            input.parse::<Token![->]>()?.to_tokens(&mut tokens);
        } else {
            input.parse::<TokenTree>()?.to_tokens(&mut tokens);
        }
    }
    Ok(tokens)
}

impl Entry {
    /// The entries in `tokens`, which are part of this entry's value.
    pub(super) fn nested(&self, tokens: TokenStream, errors: &Errors) -> Vec<Self> {
        parse_entries(tokens, self.levels, errors)
    }

    /// The value behind `=`, as a `T`.
    pub(crate) fn assigned<T: Parse>(&self, what: &str, errors: &Errors) -> Option<T> {
        let Value::Assign(tokens) = &self.value else {
            errors.at(&self.key, format!("`{0}` takes {what}: `{0} = ...`", self.key));
            return None;
        };
        match syn::parse2(tokens.clone()) {
            Ok(value) => Some(value),
            Err(_) => {
                errors.at(tokens, format!("`{}` takes {what}", self.key));
                None
            }
        }
    }

    /// The text behind `=`.
    pub(crate) fn text(&self, what: &str, errors: &Errors) -> Option<LitStr> {
        self.assigned(what, errors)
    }

    /// The version number behind `=`.
    pub(crate) fn version(&self, errors: &Errors) -> Option<Number> {
        let literal: LitInt = self.assigned("a version number", errors)?;
        match literal.base10_parse() {
            Ok(value) => Some(Number { value, literal }),
            Err(_) => {
                errors.at(literal, format!("`{}` takes a version number below 2^32", self.key));
                None
            }
        }
    }

    /// Whether the entry is a mere word, as it must be.
    pub(crate) fn word(&self, errors: &Errors) -> Option<()> {
        match &self.value {
            Value::Word => Some(()),
            Value::Assign(tokens) | Value::List(tokens) => {
                errors.at(tokens, format!("`{}` takes no value", self.key));
                None
            }
        }
    }

    /// A function that is a hook, or takes an old value.
    pub(crate) fn function(&self, errors: &Errors) -> Option<Function> {
        self.assigned("the path of a function, or a closure", errors)
    }

    /// A function that decides.
    pub(crate) fn predicate(&self, errors: &Errors) -> Option<Function> {
        self.assigned("the path of a predicate, or a closure such as `|dev| dev.level != 0`", errors)
    }

    /// What may stand behind `=`, where the mere word means something too.
    pub(crate) fn optional<T: Parse>(&self, what: &str, errors: &Errors) -> Option<Option<T>> {
        match self.value {
            Value::Word => Some(None),
            Value::Assign(_) | Value::List(_) => self.assigned(what, errors).map(Some),
        }
    }

    /// The reason why something is as it is, which nobody may leave out.
    pub(crate) fn reason(&self, why: &str, example: &str, errors: &Errors) -> Option<LitStr> {
        let message = format!("say why {why}: `{} = \"{example}\"`", self.key);
        if matches!(self.value, Value::Word) {
            errors.at(&self.key, message);
            return None;
        }
        let reason = self.text("the reason in quotes", errors)?;
        if reason.value().trim().is_empty() {
            errors.at(&reason, message);
            return None;
        }
        Some(reason)
    }
}

/// A number, and where it stands.
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

/// The text at the beginning of a list, and what follows it.
pub(super) fn split_name(tokens: TokenStream) -> (Option<LitStr>, TokenStream) {
    let mut rest = tokens.clone().into_iter();
    let first = rest.next().and_then(|token| syn::parse2::<LitStr>(token.to_token_stream()).ok());
    match (first, rest.next()) {
        (Some(name), None) => (Some(name), TokenStream::new()),
        (Some(name), Some(TokenTree::Punct(comma))) if comma.as_char() == ',' => (Some(name), rest.collect()),
        _ => (None, tokens),
    }
}
