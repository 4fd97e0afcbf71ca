//! The device as it is meant: fields in wire order with their gates, subsections, hooks.
//!
//! What a person may write in several ways is one thing here.

use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Expr, Generics, Ident, Index, LitStr, Member, Type};

use crate::errors::Errors;
use crate::parse::{self, Condition, Extra, Function, Make, Number, Once, Padding, PlacePath};

mod form;
mod subsection;

pub(crate) use form::{Codec, Counted, Elements, Info, InfoKind, bits_field, innermost, lengths};
pub(crate) use subsection::{Absent, Body, Subsection};

/// What QEMU calls bytes without meaning (`VMSTATE_UNUSED`).
pub(crate) const UNUSED: &str = "unused";

/// A struct that is saved and loaded.
pub(crate) struct Device<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) generics: &'a Generics,
    pub(crate) attributes: &'a parse::Struct,
    pub(crate) name: LitStr,
    pub(crate) version: Version,
    /// In wire order, without those of subsections.
    pub(crate) fields: Vec<Field>,
    pub(crate) subsections: Vec<Subsection>,
    /// What is not migrated.
    pub(crate) skipped: Vec<Skipped>,
}

/// The version that is written and the oldest that is read.
#[derive(Clone, Copy)]
pub(crate) struct Version {
    pub(crate) current: u32,
    pub(crate) minimum: u32,
}

impl Version {
    /// As written, or 1.
    fn of(version: &Once<Number>, minimum: &Once<Number>) -> Self {
        let current = version.value().map_or(1, |number| number.value);
        Self { current, minimum: minimum.value().map_or(1.min(current), |number| number.value) }
    }
}

/// A field on the wire.
pub(crate) struct Field {
    /// Where its value is kept; none for bytes without meaning.
    pub(crate) place: Option<Place>,
    pub(crate) ty: Type,
    /// The name in descriptions.
    pub(crate) name: LitStr,
    pub(crate) codec: Codec,
    /// The name of the info as which it is described, if that is not its own.
    pub(crate) opaque: Option<LitStr>,
    pub(crate) gate: Gate,
    /// What must hold before it, whether it is on the wire or not.
    pub(crate) conditions: Vec<Condition>,
    /// What it becomes when a load does not find it.
    pub(crate) default: Option<Option<Make>>,
    /// What to do if the two sides differ.
    pub(crate) hint: Option<LitStr>,
    /// Why it may be a struct with subsections that something follows.
    pub(crate) ambiguous: bool,
}

/// Where the value of a field is kept.
#[derive(Clone)]
pub(crate) enum Place {
    Member(Member),
    /// Somewhere inside of a member.
    Inside(PlacePath),
}

impl Place {
    /// The member, if it is kept in all of one.
    pub(crate) fn member(&self) -> Option<&Member> {
        match self {
            Self::Member(member) => Some(member),
            Self::Inside(_) => None,
        }
    }
}

/// When a field is on the wire.
#[derive(Clone, Default)]
pub(crate) struct Gate {
    pub(crate) since: Option<Number>,
    pub(crate) until: Option<Number>,
    pub(crate) when: Option<Function>,
}

impl Gate {
    pub(crate) fn is_open(&self) -> bool {
        self.since.is_none() && self.until.is_none() && self.when.is_none()
    }

    /// Whether no version has both.
    pub(crate) fn excludes(&self, other: &Self) -> bool {
        let before = |first: &Self, second: &Self| match (&first.until, &second.since) {
            (Some(until), Some(since)) => until.value < since.value,
            _ => false,
        };
        self.when.is_some() || other.when.is_some() || before(self, other) || before(other, self)
    }

    /// Whether two neighbours are always there together. Predicates are never compared.
    pub(crate) fn same(&self, other: &Self) -> bool {
        let version = |number: &Option<Number>| number.as_ref().map(|number| number.value);
        self.when.is_none()
            && other.when.is_none()
            && version(&self.since) == version(&other.since)
            && version(&self.until) == version(&other.until)
    }
}

/// A member that is not migrated.
pub(crate) struct Skipped {
    pub(crate) member: Member,
    /// What it becomes after a load.
    pub(crate) reset: Option<Make>,
}

impl<'a> Device<'a> {
    /// Makes the model; `None` if the input is nothing that can be migrated.
    pub(crate) fn of(
        input: &'a DeriveInput,
        attributes: &'a parse::Struct,
        mut groups: Vec<parse::Subsection>,
        errors: &Errors,
    ) -> Option<Self> {
        let fields = members(input, errors)?;
        let mut device = Self {
            ident: &input.ident,
            generics: &input.generics,
            attributes,
            name: attributes.name_or(&input.ident),
            version: Version::of(&attributes.version, &attributes.minimum_version),
            fields: Vec::new(),
            subsections: Vec::new(),
            skipped: Vec::new(),
        };
        for (member, field) in fields {
            device.take(&member, field, &mut groups, errors);
        }
        device.fields.extend(attributes.extra.iter().flat_map(|extra| Field::extra(extra, errors)));
        // Those that no field is in, which is a mistake.
        device.subsections.extend(groups.into_iter().map(|group| Subsection::of_group(group, Vec::new())));
        Some(device)
    }

    /// Puts a member where it belongs.
    fn take(&mut self, member: &Member, field: &syn::Field, groups: &mut Vec<parse::Subsection>, errors: &Errors) {
        let attributes = parse::Field::of(&field.attrs, errors);
        if attributes.has("skip") {
            let rule = "says something about the wire, where a skipped field is not";
            form::refuse_others(&attributes, &["skip", "reset"], rule, errors);
            self.skipped.push(Skipped { member: member.clone(), reset: attributes.reset.value().cloned() });
            return;
        }
        if let Some(reset) = attributes.reset.key() {
            errors.at(reset, "`reset` says what a skipped field becomes: it needs `skip = \"reason\"`");
        }
        let fields = Field::of(member, &field.ty, &attributes, errors);
        if attributes.subsection.value().is_some_and(|subsection| subsection.name.is_none()) {
            let rule = "has no place here: the type of this field describes the whole subsection";
            form::refuse_others(&attributes, &["subsection", "in"], rule, errors);
        }
        match (attributes.subsection.into_value(), attributes.group.entry()) {
            (Some(subsection), None) => {
                self.subsections.push(Subsection::of_field(subsection, member, &field.ty, fields));
            }
            (None, Some((_, group))) => self.take_into_group(group, fields, groups, errors),
            (None, None) => self.fields.extend(fields),
            (Some(_), Some((key, _))) => {
                errors.at(key, "`in` and `subsection` exclude each other: a field is in one subsection");
            }
        }
    }

    /// Puts fields into a group. The group stands among the subsections where its first field stands.
    fn take_into_group(
        &mut self,
        name: &LitStr,
        fields: Vec<Field>,
        groups: &mut Vec<parse::Subsection>,
        errors: &Errors,
    ) {
        let text = name.value();
        if let Some(group) = self.subsections.iter_mut().find(|group| group.group_name().as_ref() == Some(&text)) {
            group.extend(fields);
            return;
        }
        if let Some(index) = groups.iter().position(|group| group.has_name(&text)) {
            self.subsections.push(Subsection::of_group(groups.remove(index), fields));
            return;
        }
        let names = self.subsections.iter().filter_map(Subsection::group_name);
        let names = names.chain(groups.iter().filter_map(parse::Subsection::text)).collect::<Vec<_>>();
        errors.at(
            name,
            match names.as_slice() {
                [] => format!("no such group: write `subsection({text:?})` on the struct"),
                names => format!("no such group; the struct has: {}", names.join(", ")),
            },
        );
    }
}

impl Field {
    /// What a member is on the wire: itself, and perhaps something around it that is none.
    fn of(member: &Member, ty: &Type, attributes: &parse::Field, errors: &Errors) -> Vec<Self> {
        let plain = if form::is_unused(ty) { UNUSED.to_owned() } else { member_name(member) };
        let name = attributes.name.value().cloned().unwrap_or_else(|| LitStr::new(&plain, member.span()));
        let field = Self::one(Place::Member(member.clone()), ty, name, attributes, errors);
        let extra = attributes.extra.iter().flat_map(|extra| Self::extra(extra, errors));
        extra.chain(field.with_company(attributes)).collect()
    }

    /// What is on the wire without being a member.
    fn extra(extra: &Extra, errors: &Errors) -> Vec<Self> {
        match extra {
            Extra::Removed(removed) => vec![Self::removed(removed)],
            Extra::Placed(placed) => {
                let (place, attributes) = (Place::Inside(placed.path.clone()), &placed.attributes);
                let field = Self::one(place, &placed.ty, placed.name.clone(), attributes, errors);
                field.with_company(attributes).collect()
            }
        }
    }

    /// What is kept in `place`.
    fn one(place: Place, ty: &Type, name: LitStr, attributes: &parse::Field, errors: &Errors) -> Self {
        Self {
            place: Some(place),
            codec: Codec::of(ty, attributes, errors),
            opaque: attributes.opaque.value().cloned(),
            gate: Gate {
                since: attributes.since.value().cloned(),
                until: attributes.until.value().cloned(),
                when: attributes.when.value().cloned(),
            },
            default: attributes.default.value().cloned(),
            hint: attributes.equal.value().cloned().flatten(),
            ambiguous: attributes.ambiguous.is_set(),
            ..Self::bare(ty, name, Codec::Type { plain: false })
        }
    }

    /// The field with what comes with it: its count, and bytes without meaning around it. Its conditions come first.
    fn with_company(self, attributes: &parse::Field) -> impl Iterator<Item = Self> + use<> {
        let unused = attributes.unused.value();
        let max = unused.and_then(|unused| unused.max.value());
        let before = unused.and_then(|unused| unused.before.value()).map(|padding| self.unused(padding, max));
        let after = unused.and_then(|unused| unused.after.value()).map(|padding| self.unused(padding, max));
        let count = self.hidden_count();
        let mut company: Vec<_> = before.into_iter().chain(count).chain([self]).chain(after).collect();
        if let Some(first) = company.first_mut() {
            first.conditions.clone_from(&attributes.must_exist);
        }
        company.into_iter()
    }

    /// Bytes without meaning that are on the wire whenever the field is.
    fn unused(&self, padding: &Padding, max: Option<&Expr>) -> Self {
        let (span, codec) = match padding {
            Padding::Fixed(bytes) => (bytes.span(), Codec::Unused(bytes.clone())),
            Padding::Counted(count) => {
                (count.member.span(), Codec::CountedUnused { count: count.clone(), max: max.cloned() })
            }
        };
        Self { gate: self.gate.clone(), ..Self::bare(&self.ty, LitStr::new(UNUSED, span), codec) }
    }

    /// A field that only older versions have.
    fn removed(removed: &parse::Removed) -> Self {
        let gate = Gate { since: removed.since.value().cloned(), until: removed.until.value().cloned(), when: None };
        let codec = Codec::Removed { with: removed.with.value().cloned(), from: removed.from.value().cloned() };
        Self { gate, ..Self::bare(&removed.ty, removed.name.clone(), codec) }
    }

    /// The count that stands before the field, if it has one that no member holds.
    fn hidden_count(&self) -> Option<Self> {
        let Codec::AfterCount { count, max, .. } = &self.codec else { return None };
        let codec = Codec::HiddenCount { ty: Box::new(count.ty.clone()), max: max.clone() };
        Some(Self { gate: self.gate.clone(), ..Self::bare(&self.ty, count.name.clone(), codec) })
    }

    /// A field that is in all versions and kept nowhere.
    fn bare(ty: &Type, name: LitStr, codec: Codec) -> Self {
        Self {
            place: None,
            ty: ty.clone(),
            name,
            codec,
            opaque: None,
            gate: Gate::default(),
            conditions: Vec::new(),
            default: None,
            hint: None,
            ambiguous: false,
        }
    }

    /// Whether it is bytes without meaning.
    pub(crate) fn is_unused(&self) -> bool {
        matches!(self.codec, Codec::Unused(_) | Codec::CountedUnused { .. })
    }

    /// Whether it is kept somewhere inside of a member.
    pub(crate) fn is_inside(&self) -> bool {
        matches!(self.place, Some(Place::Inside(_)))
    }

    /// The member that holds it, if it is all of one.
    pub(crate) fn member(&self) -> Option<&Member> {
        self.place.as_ref().and_then(Place::member)
    }

    /// Makes it one of type `ty`.
    fn set_type(&mut self, ty: &Type) {
        self.ty = ty.clone();
        if let Codec::Type { plain } = &mut self.codec {
            *plain = form::is_plain(ty);
        }
    }
}

/// A member's name in descriptions: that of the third one of a tuple is `2`.
pub(crate) fn member_name(member: &Member) -> String {
    match member {
        Member::Named(ident) => ident.unraw().to_string(),
        Member::Unnamed(index) => index.index.to_string(),
    }
}

fn members<'a>(input: &'a DeriveInput, errors: &Errors) -> Option<Vec<(Member, &'a syn::Field)>> {
    match &input.data {
        Data::Struct(data) => return Some((0..).zip(&data.fields).map(member).collect()),
        // Enums are no devices, but numbers.
        Data::Enum(_) => {}
        Data::Union(data) => {
            errors.at(data.union_token, "a union does not know which of its fields is valid; migrate a struct");
        }
    }
    None
}

fn member((index, field): (u32, &syn::Field)) -> (Member, &syn::Field) {
    let index = || Member::Unnamed(Index { index, span: field.ty.span() });
    (field.ident.clone().map_or_else(index, Member::Named), field)
}
