//! Fields in wire order.

use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Expr, Ident, LitStr, Member, Type, parse_quote};

use super::form::{CountedUnused, Form, LengthPrefix, Optional, Presence, Removed, Through, Typed, Unused, Versioned};
use super::gate::Gate;
use super::place::Place;
use super::ty::{is_plain, is_unused, option_inner};
use crate::parse::{self, Condition, Extra, InputField, Make, Padding};

/// QEMU's name for padding (`VMSTATE_UNUSED`).
pub(crate) const UNUSED: &str = "unused";

/// A field on the wire.
pub(crate) struct Field {
    /// The place of its value; `None` for padding and removed fields.
    pub(crate) place: Option<Place>,
    pub(crate) ty: Type,
    /// The name in descriptions.
    pub(crate) name: LitStr,
    pub(crate) form: Form,
    /// The value in an `Option` with `option`, or the value of `through`, as a field of its type.
    pub(crate) value: Option<Box<Self>>,
    /// The name of the info that hides its structure in the description.
    pub(crate) opaque: Option<LitStr>,
    pub(crate) gate: Gate,
    /// Set if a later field has the same value, in newer versions.
    pub(crate) superseded: bool,
    /// Set if the value of an earlier field decides whether it is on the wire.
    pub(crate) depends: bool,
    /// The name of the variant that the field belongs to, in an enum.
    pub(crate) variant: Option<String>,
    /// Conditions to check before it, even if the gate excludes it.
    pub(crate) conditions: Vec<Condition>,
    pub(crate) default: Option<FieldDefault>,
    /// The advice in the error if an `equal` field differs.
    pub(crate) hint: Option<LitStr>,
    /// Set if the user accepts a struct with subsections before other fields.
    pub(crate) ambiguous: bool,
}

/// The value of a field after a load in which the gate excluded it.
pub(crate) struct FieldDefault {
    /// The attribute, to point at.
    pub(crate) key: Ident,
    /// `None` is the type's default.
    pub(crate) value: Option<Make>,
}

impl FieldDefault {
    fn new((key, value): (&Ident, &Option<Make>)) -> Self {
        Self { key: key.clone(), value: value.clone() }
    }
}

impl Field {
    /// Returns the wire fields of a member: its own, and the extra fields around it.
    pub(super) fn from_member(field: &InputField<'_>) -> Vec<Self> {
        let InputField { member, ty, attributes } = field;
        let plain = if is_unused(ty) { UNUSED.to_owned() } else { member_name(member) };
        let name = attributes.name.value().cloned().unwrap_or_else(|| LitStr::new(&plain, member.span()));
        let own = Self::new(Place::Member(member.clone()), ty, name, attributes);
        let extra = attributes.extra.iter().flat_map(Self::from_extra);
        extra.chain(own.on_wire(attributes)).collect()
    }

    /// Returns the wire fields of a `removed` or `field` attribute.
    pub(super) fn from_extra(extra: &Extra) -> Vec<Self> {
        match extra {
            Extra::Removed(removed) => vec![Self::from_removed(removed)],
            Extra::Placed(placed) => {
                let place = Place::Inside(placed.path.clone());
                let attributes = &placed.attributes;
                Self::new(place, &placed.ty, placed.name.clone(), attributes).on_wire(attributes)
            }
        }
    }

    fn new(place: Place, ty: &Type, name: LitStr, attributes: &parse::Field) -> Self {
        Self {
            place: Some(place),
            opaque: attributes.opaque.value().cloned(),
            gate: Gate::new(attributes),
            default: attributes.default.entry().map(FieldDefault::new),
            hint: attributes.equal.value().cloned().flatten(),
            ambiguous: attributes.ambiguous.is_set(),
            ..Self::bare(ty, name, Form::new(ty, attributes))
        }
    }

    /// Returns the wire fields of a value: one for each of its old versions, and the current one.
    fn on_wire(self, attributes: &parse::Field) -> Vec<Self> {
        let Some(parse::Versioned::Was(was)) = attributes.versioned.value() else {
            return self.through(attributes).optional(attributes).with_companions(attributes).collect();
        };
        let mut gate = self.gate.clone();
        let mut fields = Vec::new();
        for old in was {
            let (before, after) = gate.split(&old.until);
            gate = after;
            let form = Form::Versioned(Versioned(old.version.value));
            fields.push(Self { gate: before, superseded: true, form, ..self.duplicate() });
        }
        fields.push(Self { gate, ..self });
        fields.into_iter().flat_map(|field| field.optional(attributes).with_companions(attributes)).collect()
    }

    /// Returns a field for the same value without conditions.
    fn duplicate(&self) -> Self {
        let form = Form::Typed(Typed { plain: false });
        Self { place: self.place.clone(), ambiguous: self.ambiguous, ..Self::bare(&self.ty, self.name.clone(), form) }
    }

    /// Adds its length prefix and the padding around it. Its conditions move to the first of these fields.
    fn with_companions(self, attributes: &parse::Field) -> impl Iterator<Item = Self> + use<> {
        let unused = attributes.unused.value();
        let max = unused.and_then(|unused| unused.max.value());
        let before = unused.and_then(|unused| unused.before.value()).map(|padding| self.padding(padding, max));
        let after = unused.and_then(|unused| unused.after.value()).map(|padding| self.padding(padding, max));
        let prefix = self.length_prefix().or_else(|| self.presence());
        let mut fields: Vec<_> = before.into_iter().chain(prefix).chain([self]).chain(after).collect();
        // As in QEMU's field list, where `VMSTATE_VALIDATE` precedes the count that it checks.
        if let Some(first) = fields.first_mut() {
            first.conditions.clone_from(&attributes.must_exist);
        }
        fields.into_iter()
    }

    /// Returns padding that has the same gate as the field.
    fn padding(&self, padding: &Padding, max: Option<&Expr>) -> Self {
        let (span, form) = match padding {
            Padding::Fixed(bytes) => (bytes.span(), Form::Unused(Unused(bytes.clone()))),
            Padding::Counted(count) => {
                let form = CountedUnused { count: count.clone(), max: max.cloned() };
                (count.member.span(), Form::CountedUnused(form))
            }
        };
        Self { gate: self.gate.clone(), ..Self::bare(&self.ty, LitStr::new(UNUSED, span), form) }
    }

    fn from_removed(removed: &parse::Removed) -> Self {
        let gate = Gate { since: removed.since.value().cloned(), until: removed.until.value().cloned(), when: None };
        let form = Removed { with: removed.with.value().cloned(), from: removed.from.value().cloned() };
        Self { gate, ..Self::bare(&removed.ty, removed.name.clone(), Form::Removed(form)) }
    }

    fn length_prefix(&self) -> Option<Self> {
        let Form::Prefixed(array) = &self.form else { return None };
        let prefix =
            LengthPrefix { ty: Box::new(array.count.ty.clone()), max: array.max.clone(), array: self.place.clone()? };
        let name = array.count.name.clone();
        Some(Self { gate: self.gate.clone(), ..Self::bare(&self.ty, name, Form::LengthPrefix(prefix)) })
    }

    /// Returns the field with its form for an `Option`, if it is one by its attributes.
    fn optional(self, attributes: &parse::Field) -> Self {
        let Some(option) = attributes.option.value() else { return self };
        let Some(inner) = option_inner(&self.ty) else { return self };
        let form = match self.form {
            Form::Versioned(version) => Form::Versioned(version),
            _ => Form::new(inner, attributes),
        };
        let value = Self { place: self.place.clone(), ..Self::bare(inner, self.name.clone(), form) };
        let always = option.always.is_set();
        let form = Form::Optional(Optional { always });
        Self { form, depends: !always, value: Some(Box::new(value)), ..self }
    }

    /// Returns the field with the form of another value, if it has one by its attributes.
    fn through(self, attributes: &parse::Field) -> Self {
        let Some(through) = attributes.through.value() else { return self };
        let (Some(get), Some(set)) = (through.get.value(), through.set.value()) else { return self };
        let ty = &through.ty;
        let value = Self::bare(ty, self.name.clone(), Form::new(ty, attributes));
        let form = Form::Through(Through { get: get.clone(), set: set.clone() });
        Self { form, value: Some(Box::new(value)), ..self }
    }

    fn presence(&self) -> Option<Self> {
        let Form::Optional(_) = &self.form else { return None };
        let name = LitStr::new(&format!("has_{}", self.name.value()), self.name.span());
        let form = Form::Presence(Presence(self.place.clone()?));
        Some(Self { gate: self.gate.clone(), superseded: self.superseded, ..Self::bare(&self.ty, name, form) })
    }

    /// Returns the field as a part of the variant `name`.
    pub(super) fn in_variant(mut self, name: &str) -> Self {
        self.set_variant(name);
        self.move_to(Place::in_variant);
        self.name = LitStr::new(&self.sibling_name(&self.name.value()), self.name.span());
        self.depends = true;
        self
    }

    fn set_variant(&mut self, name: &str) {
        self.variant = Some(name.to_owned());
        if let Some(value) = &mut self.value {
            value.set_variant(name);
        }
    }

    /// Returns the field as a part of a `remote` definition.
    pub(super) fn in_foreign(mut self) -> Self {
        self.move_to(Place::in_foreign);
        self
    }

    /// Replaces its places, and the places of the values in it.
    fn move_to(&mut self, place: fn(Place) -> Place) {
        self.place = self.place.take().map(place);
        if let Some(value) = &mut self.value {
            value.move_to(place);
        }
        match &mut self.form {
            Form::LengthPrefix(prefix) => prefix.array = place(prefix.array.clone()),
            Form::Presence(Presence(option)) => *option = place(option.clone()),
            _ => {}
        }
    }

    /// The field with the number of an enum's variant.
    pub(super) fn tag(repr: &Ident) -> Self {
        let ty: Type = parse_quote!(#repr);
        Self::bare(&ty, LitStr::new("tag", repr.span()), Form::Typed(Typed { plain: true }))
    }

    /// A field that is in all versions and has no place.
    fn bare(ty: &Type, name: LitStr, form: Form) -> Self {
        Self {
            place: None,
            ty: ty.clone(),
            name,
            form,
            value: None,
            opaque: None,
            gate: Gate::default(),
            superseded: false,
            depends: false,
            variant: None,
            conditions: Vec::new(),
            default: None,
            hint: None,
            ambiguous: false,
        }
    }

    /// Returns the field that holds the number of elements.
    pub(crate) fn counter(&self) -> Option<Member> {
        self.value.as_ref().map_or_else(|| self.form.counter(), |value| value.counter())
    }

    /// Returns whether it is padding.
    pub(crate) fn is_unused(&self) -> bool {
        self.form.is_unused()
    }

    /// Returns the name in descriptions of another field of the struct or variant.
    pub(crate) fn sibling_name(&self, name: &str) -> String {
        self.variant.as_ref().map_or_else(|| name.to_owned(), |variant| format!("{variant}.{name}"))
    }

    /// Returns whether its value is only a part of a member.
    pub(crate) fn is_inside(&self) -> bool {
        matches!(self.place, Some(Place::Inside(_)))
    }

    /// Returns the member, if the value occupies all of it.
    pub(crate) fn member(&self) -> Option<&Member> {
        self.place.as_ref().and_then(Place::member)
    }

    /// Replaces the type, as for the value inside an `Option`.
    pub(super) fn set_type(&mut self, ty: &Type) {
        self.ty = ty.clone();
        if let Form::Typed(Typed { plain }) = &mut self.form {
            *plain = is_plain(ty);
        }
    }
}

/// Returns a member's name in descriptions; the third member of a tuple struct is `2`.
pub(crate) fn member_name(member: &Member) -> String {
    match member {
        Member::Named(ident) => ident.unraw().to_string(),
        Member::Unnamed(index) => index.index.to_string(),
    }
}
