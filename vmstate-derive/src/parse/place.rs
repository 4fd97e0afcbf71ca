//! Fields that are no members of their own, but places inside of members.

use proc_macro2::TokenStream;
use syn::parse::{Parse, ParseStream};
use syn::{Expr, Ident, LitStr, Member, Token, Type};

use super::Field;
use super::entry::{Entry, Value, parse_entries};
use crate::errors::Errors;

/// `mac_reg[CTRL]`, `channels[0].next_transition_time`
#[derive(Clone)]
pub(crate) struct Path {
    pub(crate) member: Member,
    pub(crate) steps: Vec<Step>,
}

/// One step further into a member.
#[derive(Clone)]
pub(crate) enum Step {
    Member(Member),
    Element(Expr),
}

impl Parse for Path {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let member = input.parse()?;
        let mut steps = Vec::new();
        loop {
            if input.peek(Token![.]) {
                input.parse::<Token![.]>()?;
                steps.push(Step::Member(input.parse()?));
            } else if input.peek(syn::token::Bracket) {
                let index;
                syn::bracketed!(index in input);
                steps.push(Step::Element(index.parse()?));
            } else {
                return Ok(Self { member, steps });
            }
        }
    }
}

/// `field("mac_reg[CTRL]": u32 = mac_reg[CTRL], since = 2)`
pub(crate) struct Placed {
    pub(crate) name: LitStr,
    pub(crate) ty: Type,
    pub(crate) path: Path,
    pub(crate) attributes: Field,
}

/// What stands before the attributes, and what follows.
struct Head {
    name: LitStr,
    ty: Type,
    path: Path,
    rest: TokenStream,
}

impl Parse for Head {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = input.parse()?;
        input.parse::<Token![:]>()?;
        let ty = input.parse()?;
        input.parse::<Token![=]>()?;
        let path = input.parse()?;
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
        Ok(Self { name, ty, path, rest: input.parse()? })
    }
}

impl Placed {
    pub(super) fn of(entry: &Entry, errors: &Errors) -> Option<Self> {
        let head = match &entry.value {
            Value::List(tokens) => syn::parse2::<Head>(tokens.clone()).ok(),
            Value::Word | Value::Assign(_) => None,
        };
        let Some(Head { name, ty, path, rest }) = head else {
            let message = "`field` says what it is and where it is kept: \
                           `field(\"mac_reg[CTRL]\": u32 = mac_reg[CTRL])`";
            errors.at(&entry.key, message);
            return None;
        };
        let attributes = Field::of_entries(parse_entries(rest, errors), errors);
        for key in attributes.keys.iter().filter(|key| is_of_members(key)) {
            errors.at(key, format!("`{key}` has no place in `field`, which is on the wire where it stands"));
        }
        Some(Self { name, ty, path, attributes })
    }
}

/// Whether the attribute says something about a member, and not about a value on the wire.
fn is_of_members(key: &Ident) -> bool {
    ["name", "skip", "reset", "in", "subsection", "field", "removed", "tmp"].iter().any(|word| key == word)
}
