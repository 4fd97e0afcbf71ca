//! Subsections: groups of fields, single fields, and members whose type is a subsection.

use syn::{LitStr, Member, Type};

use super::field::Field;
use super::ty::option_inner;
use super::version::Version;
use crate::parse::{self, Function, InputField};

/// A subsection of a struct.
pub(crate) struct Subsection<'a> {
    pub(crate) attributes: &'a parse::Subsection,
    pub(crate) body: Body,
}

/// The content of a subsection.
pub(crate) enum Body {
    /// The fields of a group.
    Group(Vec<Field>),
    /// One member, and the extra fields around it.
    Single(Vec<Field>),
    /// The value of a member's `Option`; the field has the type inside.
    Optional(Box<Field>),
    /// A member whose type has the subsection's description.
    Own {
        member: Member,
        /// The type, or the type inside the `Option`.
        ty: Box<Type>,
        optional: bool,
    },
}

/// The effect of a missing subsection on a load.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absent {
    Keep,
    Default,
    Error,
}

impl<'a> Subsection<'a> {
    /// A subsection on a struct, with its first fields.
    pub(super) fn from_group(attributes: &'a parse::Subsection, fields: Vec<Field>) -> Self {
        Self { attributes, body: Body::Group(fields) }
    }

    /// A subsection on a field, whose wire fields are `fields`.
    pub(super) fn from_member(
        attributes: &'a parse::Subsection,
        input: &InputField<'_>,
        mut fields: Vec<Field>,
    ) -> Self {
        let InputField { member, ty, .. } = input;
        // The `Option` of a timer is its deadline.
        let is_timer = fields.iter().any(|field| field.form.is_timer());
        let inner = option_inner(ty).filter(|inner| !is_timer || option_inner(inner).is_some());
        let body = match (&attributes.name, inner) {
            (None, _) => Body::Own {
                member: member.clone(),
                ty: Box::new(inner.unwrap_or(ty).clone()),
                optional: inner.is_some(),
            },
            // With padding or a length prefix, `None` would leave out only one of several fields.
            (Some(_), Some(inner)) if fields.len() == 1 => {
                let mut field = fields.remove(0);
                field.set_type(inner);
                Body::Optional(Box::new(field))
            }
            (Some(_), _) => Body::Single(fields),
        };
        Self { attributes, body }
    }

    /// Returns the name, unless the member's type has it.
    pub(crate) fn name(&self) -> Option<&LitStr> {
        self.attributes.name.as_ref()
    }

    /// Returns the name of a group.
    pub(super) fn group_name(&self) -> Option<String> {
        match self.body {
            Body::Group(_) => self.name().map(LitStr::value),
            _ => None,
        }
    }

    /// Adds fields to a group.
    pub(super) fn extend(&mut self, more: Vec<Field>) {
        if let Body::Group(fields) = &mut self.body {
            fields.extend(more);
        }
    }

    pub(crate) fn version(&self) -> Version {
        Version::new(&self.attributes.version, &self.attributes.minimum_version)
    }

    pub(crate) fn needed(&self) -> Option<&Function> {
        self.attributes.needed.value()
    }

    /// Returns the fields that this struct describes; none if the member's type does.
    pub(crate) fn fields(&self) -> &[Field] {
        match &self.body {
            Body::Group(fields) | Body::Single(fields) => fields,
            Body::Optional(field) => std::slice::from_ref(field),
            Body::Own { .. } => &[],
        }
    }

    /// Returns the effect of a missing subsection: by default an `Option` becomes `None`, and other fields stay.
    pub(crate) fn policy(&self) -> Absent {
        match (self.attributes.absent.value(), &self.body) {
            (Some(word), _) if word == "keep" => Absent::Keep,
            (Some(word), _) if word == "default" => Absent::Default,
            (Some(word), _) if word == "error" => Absent::Error,
            (_, Body::Optional(_) | Body::Own { optional: true, .. }) => Absent::Default,
            _ => Absent::Keep,
        }
    }
}
