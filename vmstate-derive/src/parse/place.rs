//! Paths to parts of members.

use syn::parse::{Parse, ParseStream};
use syn::{Expr, Member, Token};

/// `mac_reg[CTRL]`, `channels[0].next_transition_time`
#[derive(Clone)]
pub(crate) struct Path {
    pub(crate) member: Member,
    pub(crate) steps: Vec<Step>,
}

/// One step into a member.
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
