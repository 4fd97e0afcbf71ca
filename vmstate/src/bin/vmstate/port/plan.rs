//! The attributes of all types that are part of the state.

use std::collections::{BTreeMap, VecDeque};

use syn::Type;

use super::cause::Cause;
use super::defaults::{Added, Defaults};
use super::form::{Form, Forms, Uses};
use super::resolve::Index;
use super::syntax::{Kind, Member, TypeDef, Variant};
use super::table::{Table, is_named};

/// The derives that mark the state in crates with another format.
pub(crate) const MARKERS: [&str; 6] = ["Serialize", "Deserialize", "Savable", "Encode", "Decode", "VmState"];

/// The attributes in a table for a field that another format skips and that is saved nevertheless.
const KEEP: &str = "keep";

/// The decisions of a run.
pub(crate) struct Rules<'r> {
    /// The types to start from; by default all with a derive of another format.
    pub(crate) roots: &'r [String],
    pub(crate) markers: &'r [String],
    pub(crate) table: &'r Table,
    pub(crate) max: u64,
}

/// A type of the state.
pub(crate) struct Planned {
    pub(crate) number: usize,
    /// The attributes of the type; `None` if it derives `VmState` already.
    pub(crate) attributes: Option<String>,
    /// Its implementation of `Default`, if a load creates values of it.
    pub(crate) default: Option<Added>,
    pub(crate) members: Vec<PlannedMember>,
    /// Why the type itself cannot be saved.
    pub(crate) cause: Option<Cause>,
    /// The collections of other crates in its fields.
    pub(crate) collections: Vec<String>,
}

pub(crate) struct PlannedMember {
    /// `field`, or `Variant.field`.
    pub(crate) name: String,
    pub(crate) at: usize,
    pub(crate) attributes: Option<String>,
    pub(crate) cause: Option<Cause>,
    /// The types of values that a load creates in it.
    created: Vec<Type>,
}

impl Planned {
    /// Returns whether the type can derive, with these attributes.
    pub(crate) fn is_complete(&self) -> bool {
        self.cause.is_none() && self.members.iter().all(|member| member.cause.is_none())
    }
}

/// Plans all types of the state, in the order of the sources.
pub(crate) fn plan(index: &Index<'_>, rules: &Rules<'_>) -> Vec<Planned> {
    let mut queue: VecDeque<_> = seeds(index, rules).into();
    let mut planned: BTreeMap<usize, Planned> = BTreeMap::new();
    let mut defaults = Defaults::new(index);
    while let Some(number) = queue.pop_front() {
        if planned.contains_key(&number) {
            continue;
        }
        let (mut ty, uses) = plan_type(index, rules, number);
        queue.extend(uses.types);
        let scope = &index.sources.types[number].scope;
        require(&mut ty.cause, &uses.constructed, |member| defaults.construct(member, scope));
        for member in &mut ty.members {
            require(&mut member.cause, &member.created, |created| defaults.require(created, scope));
            member.attributes.take_if(|_| member.cause.is_some());
        }
        planned.insert(number, ty);
    }
    let mut planned: Vec<_> = planned.into_values().collect();
    for ty in &mut planned {
        ty.default = defaults.added(ty.number).filter(|_| ty.attributes.is_some());
    }
    planned
}

/// Requires `Default` of all types, not only up to the first without it, which is the cause.
fn require(cause: &mut Option<Cause>, types: &[Type], check: impl FnMut(&Type) -> Result<(), Cause>) {
    let required: Vec<_> = types.iter().map(check).collect();
    let missing = required.into_iter().find_map(Result::err);
    *cause = cause.take().or(missing);
}

fn seeds(index: &Index<'_>, rules: &Rules<'_>) -> Vec<usize> {
    let is_seed = |ty: &TypeDef| match rules.roots {
        [] => rules.markers.iter().any(|marker| ty.has_derive(marker)),
        roots => roots.iter().any(|root| is_named(ty, root)),
    };
    let types = index.sources.types.iter().enumerate();
    types.filter(|(_, ty)| is_seed(ty)).map(|(number, _)| number).collect()
}

fn plan_type(index: &Index<'_>, rules: &Rules<'_>, number: usize) -> (Planned, Uses) {
    let ty = &index.sources.types[number];
    let forms = Forms { index, scope: &ty.scope, parameters: &ty.parameters, max: rules.max };
    let mut uses = Uses::default();
    let members = ty.members();
    let members =
        members.into_iter().map(|(variant, member)| plan_member(&forms, rules.table, ty, variant, member, &mut uses));
    let members: Vec<_> = members.collect();
    if let Kind::Enum(variants) = &ty.kind
        && !rules.table.get(ty, None).is_some_and(|attributes| attributes.contains("fixed"))
    {
        // Another variant is created from the defaults of its members.
        let data = variants.iter().flat_map(|variant| &variant.members);
        uses.constructed.extend(data.map(|member| member.ty.clone()));
    }
    let own = rules.table.get(ty, None);
    if let (Kind::Generated { by }, Some(_)) = (&ty.kind, own) {
        uses.types.extend(index.named_in_invocations(by, &ty.scope));
    }
    let has_derive = ty.has_derive("VmState");
    let attributes = (!has_derive).then(|| with_own(automatic(ty), own));
    let cause = own.is_none().then(|| cause_of(ty)).flatten().filter(|_| !has_derive);
    let collections = std::mem::take(&mut uses.collections);
    (Planned { number, attributes, default: None, members, cause, collections }, uses)
}

/// Returns why a type cannot be saved.
fn cause_of(ty: &TypeDef) -> Option<Cause> {
    let kind = match &ty.kind {
        Kind::Generated { .. } => "type generated by a macro",
        Kind::Union => "union",
        Kind::Enum(variants) if variants.is_empty() => "enum without variants",
        _ if ty.packed => "packed struct",
        _ => return None,
    };
    Some(Cause { kind, subject: ty.name.clone() })
}

/// Returns the attributes that a type needs, by their keys.
fn automatic(ty: &TypeDef) -> BTreeMap<&'static str, String> {
    let attribute = match &ty.kind {
        Kind::Flags(integer) => Some(("bits", format!("bits = {integer}"))),
        Kind::Template { is_enum: true } => Some(("repr", "repr = u8".to_owned())),
        Kind::Enum(variants) if ty.repr.is_none() => Some(("repr", format!("repr = {}", integer(variants)))),
        _ => None,
    };
    attribute.into_iter().collect()
}

/// Returns the smallest integer type for the numbers of all variants.
fn integer(variants: &[Variant]) -> &'static str {
    let mut next = 0;
    let (mut lowest, mut highest) = (0, 0);
    for variant in variants {
        let number = variant.number.unwrap_or(next);
        (lowest, highest) = (lowest.min(number), highest.max(number));
        next = number + 1;
    }
    match (lowest, highest) {
        (0, ..=0xff) => "u8",
        (0, ..=0xffff) => "u16",
        (0, ..=0xffff_ffff) => "u32",
        (-0x80.., ..=0x7f) => "i8",
        (-0x8000.., ..=0x7fff) => "i16",
        (-0x8000_0000.., ..=0x7fff_ffff) => "i32",
        (0, _) => "u64",
        _ => "i64",
    }
}

/// Adds the attributes of the table, which replace automatic ones with the same key.
fn with_own(mut automatic: BTreeMap<&'static str, String>, own: Option<&str>) -> String {
    let own = own.unwrap_or_default();
    automatic.retain(|key, _| !own.contains(key));
    let all = automatic.into_values().chain(Some(own.to_owned()).filter(|own| !own.is_empty()));
    all.collect::<Vec<_>>().join(", ")
}

fn plan_member(
    forms: &Forms<'_, '_>,
    table: &Table,
    ty: &TypeDef,
    variant: Option<&Variant>,
    member: &Member,
    uses: &mut Uses,
) -> PlannedMember {
    let name = variant.map_or(member.name.clone(), |variant| format!("{}.{}", variant.name, member.name));
    let planned =
        |attributes, cause| PlannedMember { name: name.clone(), at: member.at, attributes, cause, created: Vec::new() };
    if let Some(own) = &member.own {
        follow(forms, own, &member.ty, uses);
        return planned(None, None);
    }
    let own = table.get(ty, Some(&name));
    if let Some(own) = own.filter(|own| *own != KEEP) {
        follow(forms, own, &member.ty, uses);
        return planned(Some(own.to_owned()), None);
    }
    if let (Some(other), None) = (&member.skipped_by, own) {
        return planned(Some(format!("skip = \"not saved by {other} either\"")), None);
    }
    let mut inside = Uses::default();
    let planned = match forms.of(&member.ty, &mut inside) {
        Form::Plain => planned(None, None),
        Form::With(form) => planned(Some(attribute(&form)), None),
        Form::Missing(cause) => planned(None, Some(cause)),
    };
    uses.types.extend(inside.types);
    uses.collections.extend(inside.collections);
    PlannedMember { created: inside.created, ..planned }
}

/// Returns the attribute for a composed form. A size, or an array of sizes, has a shorter one.
fn attribute(form: &str) -> String {
    let mut inner = form;
    while let Some(item) = inner.strip_prefix("::vmstate::info::array::Each<").and_then(|rest| rest.strip_suffix('>')) {
        inner = item;
    }
    match inner.strip_prefix("::vmstate::info::As<").and_then(|rest| rest.strip_suffix('>')) {
        Some(integer) if !integer.contains('<') => format!("wire = {integer}"),
        _ => format!("with = {form}"),
    }
}

/// Adds the types that a field with attributes of the table refers to.
fn follow(forms: &Forms<'_, '_>, attributes: &str, ty: &Type, uses: &mut Uses) {
    if attributes.starts_with("skip") {
        return;
    }
    let through = through_type(attributes);
    let mut inside = Uses::default();
    forms.of(through.as_ref().unwrap_or(ty), &mut inside);
    uses.types.extend(inside.types);
}

/// Returns the type in `through(Type, get = ...)`.
fn through_type(attributes: &str) -> Option<Type> {
    let (_, rest) = attributes.split_once("through")?;
    let list = rest.trim_start().strip_prefix('(')?;
    let is_option = |end: &usize| ["get", "set"].iter().any(|key| list[end + 1..].trim_start().starts_with(key));
    let end = list.match_indices(',').map(|(at, _)| at).find(is_option)?;
    syn::parse_str(&list[..end]).ok()
}
