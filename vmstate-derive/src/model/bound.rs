//! Bounds of type parameters, inferred from the fields, as in serde: a parameter that is a part of a field's type gets
//! the bound of the field's form.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{Generics, Ident, Type, TypeParamBound, WherePredicate, parse_quote};

use super::form::{Elements, Form};
use super::subsection::Subsection;
use super::ty::{is_named, root};
use super::{Body, Device, Field, Input, Tagged};

/// The requirement of a form on the values in it.
#[derive(Clone, Copy)]
struct Need {
    /// Set if the values must be structs with a description.
    described: bool,
    /// Set if a load creates values.
    created: bool,
    /// Set if the values must have a wire form.
    saved: bool,
}

impl Need {
    const SAVED: Self = Self { described: false, created: false, saved: true };
    const CREATED: Self = Self { created: true, ..Self::SAVED };
    const DESCRIBED: Self = Self { described: true, ..Self::SAVED };
    const ONLY_CREATED: Self = Self { described: false, created: true, saved: false };

    /// The bound of a type that is `whole`, or a parameter of the type of the values.
    fn bound(self, whole: bool) -> TokenStream {
        let saved = self
            .saved
            .then(|| if self.described && whole { quote!(__vmstate::VmState) } else { quote!(__vmstate::Wire) });
        let created = self.created.then(|| quote!(__vmstate::core::default::Default));
        let bounds = saved.into_iter().chain(created);
        quote!(#(#bounds)+*)
    }
}

/// Returns the generics of the input with the bounds that the generated implementations need.
pub(crate) fn generics(input: &Input<'_>) -> Generics {
    let (item, attributes, needs) = match input {
        // A remote definition is not generic.
        Input::Device(device) | Input::Remote(device, _) => (device.input.item, device.attributes, of_device(device)),
        Input::Tagged(tagged) => (tagged.device.input.item, tagged.device.attributes, of_tagged(tagged)),
        Input::Newtype(newtype) => (newtype.item, newtype.attributes, vec![(newtype.field.ty.clone(), Need::SAVED)]),
        Input::Encoded(encoded) => (encoded.item(), &encoded.input.attributes, Vec::new()),
        Input::Enumeration(enumeration) => (enumeration.item, enumeration.attributes, Vec::new()),
    };
    let mut generics = item.generics.clone();
    let predicates = match attributes.bound.value() {
        Some(bounds) => bounds.0.clone(),
        None => inferred(&generics, &needs),
    };
    if !predicates.is_empty() {
        generics.make_where_clause().predicates.extend(predicates);
    }
    generics
}

/// Returns the bounds of all parameters and associated types in the fields.
fn inferred(generics: &Generics, needs: &[(Type, Need)]) -> Vec<WherePredicate> {
    let parameters: Vec<_> = generics.type_params().map(|parameter| &parameter.ident).collect();
    let mut predicates: Vec<WherePredicate> = Vec::new();
    for (ty, need) in needs.iter().filter(|_| !parameters.is_empty()) {
        for predicate in bounds(ty, *need, &parameters) {
            let predicate = undeclared(predicate, generics);
            predicates.extend(predicate.filter(|predicate| !predicates.contains(predicate)));
        }
    }
    predicates
}

/// Removes the bounds that the parameter itself has: clippy reports duplicates in the user's code.
fn undeclared(predicate: WherePredicate, generics: &Generics) -> Option<WherePredicate> {
    let WherePredicate::Type(mut predicate) = predicate else { return Some(predicate) };
    let parameter =
        generics.type_params().find(|parameter| is_named(&predicate.bounded_ty, &parameter.ident.to_string()));
    if let Some(parameter) = parameter {
        let kept =
            predicate.bounds.into_iter().filter(|bound| !parameter.bounds.iter().any(|own| same_trait(own, bound)));
        predicate.bounds = kept.collect();
    }
    (!predicate.bounds.is_empty()).then_some(WherePredicate::Type(predicate))
}

/// Returns whether two bounds have the same trait, by its name.
fn same_trait(one: &TypeParamBound, other: &TypeParamBound) -> bool {
    match (one, other) {
        (TypeParamBound::Trait(one), TypeParamBound::Trait(other)) => {
            one.path.segments.last().map(|last| &last.ident) == other.path.segments.last().map(|last| &last.ident)
        }
        _ => false,
    }
}

/// Returns the bounds of the parameters in a type, and of the associated types of parameters.
fn bounds(ty: &Type, need: Need, parameters: &[&Ident]) -> Vec<WherePredicate> {
    // The form of `PhantomData` does not depend on its parameter.
    let root = root(ty);
    if is_named(root, "PhantomData") {
        return Vec::new();
    }
    let text = root.to_token_stream().to_string();
    let mut used = Vec::new();
    match root {
        // `<T as Trait>::Type` gets the bound as a whole.
        Type::Path(path) if path.qself.is_some() => used.push(path.to_token_stream()),
        root => collect(root.to_token_stream(), parameters, &mut used),
    }
    let predicate = |used: TokenStream| {
        let bound = need.bound(used.to_string() == text);
        parse_quote!(#used: #bound)
    };
    used.into_iter().map(predicate).collect()
}

/// Collects `T` and `T::Type` from tokens.
fn collect(tokens: TokenStream, parameters: &[&Ident], used: &mut Vec<TokenStream>) {
    let mut tokens = tokens.into_iter().peekable();
    let mut in_path = false;
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Group(group) => collect(group.stream(), parameters, used),
            TokenTree::Ident(ident) if !in_path && parameters.iter().any(|parameter| ident == **parameter) => {
                let mut path = ident.to_token_stream();
                while let Some(TokenTree::Punct(_)) = tokens.peek().filter(|next| is_colon(next)) {
                    path.extend(tokens.by_ref().take(3));
                }
                used.push(path);
            }
            TokenTree::Punct(punct) => {
                in_path = punct.as_char() == ':';
                continue;
            }
            _ => {}
        }
        in_path = false;
    }
}

fn is_colon(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == ':')
}

/// Returns the types of the fields with the needs of their forms.
fn of_device(device: &Device<'_>) -> Vec<(Type, Need)> {
    let grouped = device.subsections.iter().flat_map(Subsection::fields);
    let fields = device.fields.iter().chain(grouped).map(|field| match (&field.form, &field.value) {
        (Form::Through(_), Some(value)) => &**value,
        _ => field,
    });
    let fields = fields.filter_map(|field| Some((field.ty.clone(), need(field)?)));
    let own = device.subsections.iter().filter_map(|subsection| match &subsection.body {
        Body::Own { ty, optional, .. } => Some(((**ty).clone(), Need { created: *optional, ..Need::DESCRIBED })),
        Body::Optional(field) => Some((field.ty.clone(), Need::ONLY_CREATED)),
        _ => None,
    });
    fields.chain(own).collect()
}

/// Returns the fields of all variants. Another variant is created from the defaults of its members.
fn of_tagged(tagged: &Tagged<'_>) -> Vec<(Type, Need)> {
    let mut needs = of_device(&tagged.device);
    let members = tagged.device.input.all_members().filter(|member| !member.attributes.reset.is_set());
    if !tagged.fixed {
        needs.extend(members.map(|member| (member.ty.clone(), Need::ONLY_CREATED)));
    }
    needs
}

/// Returns the need of a field's form, unless the form does not determine one.
fn need(field: &Field) -> Option<Need> {
    match &field.form {
        Form::Typed(_) => Some(Need::SAVED),
        Form::Removed(_) | Form::Pointers(_) => Some(Need::CREATED),
        Form::Part(part) => elements(&part.elements, Need::SAVED),
        Form::Counted(counted) => elements(&counted.elements, Need::CREATED),
        Form::Prefixed(prefixed) => elements(&prefixed.elements, Need::CREATED),
        Form::List(_) | Form::Tree(_) => Some(Need { created: true, ..Need::DESCRIBED }),
        Form::Versioned(_) => Some(Need::DESCRIBED),
        Form::Optional(_) => field.value.as_deref().and_then(need).map(|inner| Need { created: true, ..inner }),
        _ => None,
    }
}

fn elements(elements: &Elements, need: Need) -> Option<Need> {
    matches!(elements, Elements::Typed).then_some(need)
}
