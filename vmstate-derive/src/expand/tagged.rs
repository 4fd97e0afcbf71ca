//! The implementations for an enum with fields. They are like a struct's, with code that matches the variant.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::ext::IdentExt;
use syn::{Generics, Ident, Member};

use super::access::Access;
use super::hygiene::{located, tokens};
use super::implementor::Implementor;
use super::parent::Parent;
use super::wire::Wire;
use super::{assertion, default, exclusive, load, place, save, state};
use crate::model::{Field, Tagged, TaggedVariant};

pub(super) fn expand(tagged: &Tagged<'_>, generics: &Generics) -> TokenStream {
    let device = &tagged.device;
    let implementor = Implementor::new(device.input.item, generics);
    let tags = tags(tagged);
    let state = state::expand_with(device, implementor, &|access| saves(tagged, access), &loads(tagged));
    let wire = Wire::structure(None, exclusive::constant(device).is_some()).implement(implementor);
    let assertions = assertion::items(device, implementor);
    tokens!(#tags #state #wire #assertions)
}

/// The constants of the tags: the explicit discriminant, or one more than the previous tag.
fn tags(tagged: &Tagged<'_>) -> TokenStream {
    let ty = &tagged.device.fields[0].ty;
    let constant = |(index, variant): (usize, &TaggedVariant<'_>)| {
        let name = tag(index);
        let value = match (&variant.variant.discriminant, index.checked_sub(1).map(tag)) {
            (Some((_, value)), _) => quote_spanned!(located(value)=> #value),
            (None, Some(previous)) => tokens!(#previous + 1),
            (None, None) => tokens!(0),
        };
        tokens!(const #name: #ty = #value;)
    };
    tagged.variants.iter().enumerate().map(constant).collect()
}

/// The name of the constant with the tag of a variant.
fn tag(index: usize) -> Ident {
    Ident::new(&format!("__TAG_{index}"), Span::mixed_site())
}

fn saves(tagged: &Tagged<'_>, access: Access) -> TokenStream {
    let current = current(tagged);
    let arms = arms(tagged, |variant| save::part(Parent::Device, &tagged.device.fields, &variant.fields, access));
    let parent = Parent::Device;
    tokens! {
        let tag = #current;
        __vmstate::InField::in_field(
            __vmstate::Wire::share_elements(
                &tag,
                sink,
                __vmstate::FieldRef::new(#parent, 0usize),
                __vmstate::ElementIndex::ONLY,
            ),
            "tag",
        )?;
        match self {
            #(#arms)*
        }
    }
}

fn loads(tagged: &Tagged<'_>) -> TokenStream {
    let ty = &tagged.device.fields[0].ty;
    let known = known(tagged);
    let changes = tagged.variants.iter().enumerate().map(|(index, variant)| {
        let tag = tag(index);
        let change = change(tagged, variant);
        tokens!(#tag => { #change })
    });
    let arms = arms(tagged, |variant| load::part(Parent::Device, &tagged.device.fields, &variant.fields));
    let parent = Parent::Device;
    tokens! {
        let start = reader.offset();
        let mut tag: #ty = 0;
        __vmstate::InField::in_field(__vmstate::Wire::load_elements(&mut tag, reader), "tag")?;
        match tag {
            #(#changes)*
            other => {
                return __vmstate::core::result::Result::Err(
                    __vmstate::variant::unknown(#parent, #known, other.into()).at_offset(start),
                );
            }
        }
        match self {
            #(#arms)*
        }
    }
}

/// The statement for a stream with this variant: it replaces another one, unless the variant is fixed.
fn change(tagged: &Tagged<'_>, variant: &TaggedVariant<'_>) -> TokenStream {
    let ident = &variant.variant.ident;
    let change = if tagged.fixed { reject(tagged) } else { construct(variant) };
    tokens! {
        if !__vmstate::core::matches!(self, Self::#ident { .. }) {
            #change
        }
    }
}

/// The statement that fails, because the local variant is another one.
fn reject(tagged: &Tagged<'_>) -> TokenStream {
    let parent = Parent::Device;
    let (known, current) = (known(tagged), current(tagged));
    tokens! {
        let local = #current;
        return __vmstate::core::result::Result::Err(
            __vmstate::variant::fixed(#parent, #known, local.into(), tag.into()).at_offset(start),
        );
    }
}

/// The assignment of a new variant. Skipped members get the value of `reset`, and all others their default.
fn construct(variant: &TaggedVariant<'_>) -> TokenStream {
    let ident = &variant.variant.ident;
    let fields = &variant.variant.fields;
    let members = fields.members();
    let values = fields.iter().zip(fields.members()).map(|(field, member)| {
        let skipped = variant.skipped.iter().find(|skipped| skipped.member == member);
        let reset = skipped.and_then(|skipped| skipped.reset.as_ref());
        reset.map_or_else(|| default::type_default(&field.ty), default::make)
    });
    tokens!(*self = Self::#ident { #(#members: #values),* };)
}

/// The names and tags of all variants, for errors.
fn known(tagged: &Tagged<'_>) -> TokenStream {
    let names = tagged.variants.iter().map(|variant| variant.variant.ident.unraw().to_string());
    let tags = (0..tagged.variants.len()).map(tag);
    tokens!(&[#(__vmstate::variant::Variant::new(#names, #tags as i128)),*])
}

/// The tag of the current variant.
fn current(tagged: &Tagged<'_>) -> TokenStream {
    let idents = tagged.variants.iter().map(|variant| &variant.variant.ident);
    let tags = (0..tagged.variants.len()).map(tag);
    tokens! {
        match self {
            #(Self::#idents { .. } => #tags,)*
        }
    }
}

/// The arms of a `match` on the variant, with the members bound to variables.
fn arms(tagged: &Tagged<'_>, body: impl Fn(&TaggedVariant<'_>) -> TokenStream) -> Vec<TokenStream> {
    let arm = |variant| {
        let pattern = pattern(tagged, variant);
        let body = body(variant);
        tokens!(#pattern => { #body })
    };
    tagged.variants.iter().map(arm).collect()
}

/// The pattern that binds the members of a variant.
fn pattern(tagged: &Tagged<'_>, variant: &TaggedVariant<'_>) -> TokenStream {
    let ident = &variant.variant.ident;
    let members = tagged.device.fields[variant.fields.clone()].iter().filter_map(Field::member);
    let members: Vec<&Member> = members.collect();
    let bindings = members.iter().map(|member| place::binding(member));
    tokens!(Self::#ident { #(#members: #bindings,)* .. })
}
