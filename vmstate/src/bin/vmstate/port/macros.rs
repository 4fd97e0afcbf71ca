//! Types in the tokens of macros: sets of flags in `bitflags!`, and types that the macros of the crate generate.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::ItemMacro;

use super::names::PLAIN;
use super::syntax::{Generics, Invocation, Kind, Scope, TypeDef, words};

const FLAGS: &str = "bitflags";

/// Returns the types in a macro's tokens.
pub(crate) fn types(scope: &Scope, item: &ItemMacro) -> Vec<TypeDef> {
    let mut types = Vec::new();
    collect(scope, item.mac.tokens.clone(), &name(item), &mut types);
    types
}

/// Returns the name of the invoked macro, or of the macro that the item defines.
fn name(item: &ItemMacro) -> String {
    let invoked = item.mac.path.segments.last().map(|last| &last.ident);
    item.ident.as_ref().or(invoked).map(ToString::to_string).unwrap_or_default()
}

/// Returns the names in an invocation.
pub(crate) fn invocation(scope: &Scope, item: &ItemMacro) -> Option<Invocation> {
    let words = words(item.mac.tokens.clone());
    item.ident.is_none().then(|| Invocation { scope: scope.clone(), name: name(item), words })
}

fn collect(scope: &Scope, tokens: TokenStream, by: &str, types: &mut Vec<TypeDef>) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    for (index, token) in tokens.iter().enumerate() {
        match token {
            // The body of a flags struct has constants only.
            TokenTree::Group(group) if by != FLAGS => collect(scope, group.stream(), by, types),
            TokenTree::Ident(word) if word == "struct" || word == "enum" => {
                types.extend(definition(scope, &tokens, index, by));
            }
            _ => {}
        }
    }
}

/// Returns the type whose keyword is at `index`.
fn definition(scope: &Scope, tokens: &[TokenTree], index: usize, by: &str) -> Option<TypeDef> {
    let (name, kind) = match (tokens.get(index + 1)?, by) {
        (TokenTree::Ident(name), FLAGS) => (name.to_string(), Kind::Flags(flags_type(&tokens[index + 2..])?)),
        (TokenTree::Ident(name), by) => (name.to_string(), Kind::Generated { by: by.to_owned() }),
        // The name in the sources is the macro's, and so unique.
        _ => (format!("{by}!"), template(&tokens[index..])?),
    };
    let start = item_start(tokens, index);
    Some(TypeDef {
        scope: scope.clone(),
        name,
        parameters: Vec::new(),
        kind,
        derives: derives(&tokens[..start]),
        repr: None,
        packed: false,
        at: tokens[start].span().byte_range().start,
        end: tokens[index + 1].span().byte_range().end,
        generics: Generics::default(),
    })
}

/// Returns the kind of an `enum $name { ... }` without fields, or of a `struct $name { ... }` of plain values.
fn template(tokens: &[TokenTree]) -> Option<Kind> {
    let [TokenTree::Ident(keyword), TokenTree::Punct(dollar), TokenTree::Ident(_), TokenTree::Group(body), ..] = tokens
    else {
        return None;
    };
    let is_enum = keyword == "enum";
    let is_simple = match is_enum {
        true => !has_fields(body.stream()),
        false => has_plain_fields(body.stream()),
    };
    let is_template = dollar.as_char() == '$' && body.delimiter() == Delimiter::Brace;
    (is_template && is_simple).then_some(Kind::Template { is_enum })
}

/// Returns whether each colon precedes a type with a built-in form.
fn has_plain_fields(members: TokenStream) -> bool {
    let tokens: Vec<_> = members.into_iter().collect();
    let is_plain = |pair: &[TokenTree]| match pair {
        [TokenTree::Punct(colon), TokenTree::Ident(ty)] if colon.as_char() == ':' => {
            PLAIN.contains(&ty.to_string().as_str())
        }
        [TokenTree::Punct(colon), _] => colon.as_char() != ':',
        [TokenTree::Group(repeated), _] => has_plain_fields(repeated.stream()),
        _ => true,
    };
    tokens.windows(2).all(is_plain)
}

/// Returns whether a variant has fields: a group that follows a name, and not the `$` of a repetition.
fn has_fields(variants: TokenStream) -> bool {
    let tokens: Vec<_> = variants.into_iter().collect();
    let mut inside = tokens.iter().filter_map(|token| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => Some(group.stream()),
        _ => None,
    });
    let follows_name = |pair: &[TokenTree]| matches!(pair, [TokenTree::Ident(_), TokenTree::Group(_)]);
    tokens.windows(2).any(follows_name) || inside.any(has_fields)
}

/// Returns the integer in `: u8 {`.
fn flags_type(tokens: &[TokenTree]) -> Option<String> {
    match tokens {
        [TokenTree::Punct(colon), TokenTree::Ident(ty), ..] if colon.as_char() == ':' => Some(ty.to_string()),
        _ => None,
    }
}

/// Returns the index of `pub`, or of the keyword.
fn item_start(tokens: &[TokenTree], keyword: usize) -> usize {
    let is_pub = |index: usize| matches!(&tokens[index], TokenTree::Ident(word) if word == "pub");
    match keyword {
        1.. if is_pub(keyword - 1) => keyword - 1,
        2.. if matches!(&tokens[keyword - 1], TokenTree::Group(_)) && is_pub(keyword - 2) => keyword - 2,
        _ => keyword,
    }
}

/// Returns the traits of the `#[derive(...)]` attributes at the end of `tokens`.
fn derives(mut tokens: &[TokenTree]) -> Vec<String> {
    let mut names = Vec::new();
    while let [rest @ .., TokenTree::Punct(hash), TokenTree::Group(group)] = tokens {
        if hash.as_char() != '#' || group.delimiter() != Delimiter::Bracket {
            break;
        }
        let inside: Vec<_> = group.stream().into_iter().collect();
        if let [TokenTree::Ident(word), TokenTree::Group(list)] = &inside[..]
            && word == "derive"
        {
            names.extend(last_names(list.stream()));
        }
        tokens = rest;
    }
    names
}

/// Returns the last names of the paths in a list, such as `Serialize` of `serde::Serialize`.
pub(crate) fn last_names(tokens: TokenStream) -> Vec<String> {
    let mut names = Vec::new();
    let mut name = None;
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => name = Some(ident.to_string()),
            TokenTree::Punct(comma) if comma.as_char() == ',' => names.extend(name.take()),
            TokenTree::Group(group) => names.extend(last_names(group.stream())),
            _ => {}
        }
    }
    names.extend(name);
    names
}

/// Returns the first words of the entries in an attribute, such as `skip` of `#[serde(default, skip)]`.
pub(crate) fn entries(tokens: TokenStream) -> Vec<String> {
    let mut words = Vec::new();
    let mut starts = true;
    for token in tokens {
        if let (TokenTree::Ident(ident), true) = (&token, starts) {
            words.push(ident.to_string());
        }
        starts = matches!(&token, TokenTree::Punct(comma) if comma.as_char() == ',');
    }
    words
}
