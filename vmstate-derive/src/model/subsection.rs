//! Subsections: groups of fields, single fields, and structs that are subsections themselves.

use syn::{GenericArgument, LitStr, Member, PathArguments, Type};

use super::form::{Codec, InfoKind};
use super::{Field, Version};
use crate::parse::{self, Function};

/// A subsection of the device.
pub(crate) struct Subsection {
    pub(crate) attributes: parse::Subsection,
    pub(crate) body: Body,
}

/// What is in a subsection.
pub(crate) enum Body {
    /// The fields of a group.
    Group(Vec<Field>),
    /// One member, and perhaps bytes without meaning around it.
    Single(Vec<Field>),
    /// What is in a member's `Option`, the type of which is given.
    Optional(Box<Field>),
    /// A member whose type describes the whole subsection.
    Own {
        member: Member,
        /// The type, or that inside of the `Option`.
        ty: Box<Type>,
        optional: bool,
    },
}

/// What a load does when the subsection is not there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absent {
    Keep,
    Default,
    Error,
}

impl Subsection {
    /// A subsection that the struct names, with its first fields.
    pub(super) fn of_group(attributes: parse::Subsection, fields: Vec<Field>) -> Self {
        Self { attributes, body: Body::Group(fields) }
    }

    /// A subsection that a field is.
    pub(super) fn of_field(attributes: parse::Subsection, member: &Member, ty: &Type, mut fields: Vec<Field>) -> Self {
        let inner = option_inner(ty).filter(|inner| !is_timer(&fields) || option_inner(inner).is_some());
        let body = match (&attributes.name, inner) {
            (None, _) => Body::Own {
                member: member.clone(),
                ty: Box::new(inner.unwrap_or(ty).clone()),
                optional: inner.is_some(),
            },
            (Some(_), Some(inner)) if fields.len() == 1 => {
                let mut field = fields.remove(0);
                field.set_type(inner);
                Body::Optional(Box::new(field))
            }
            (Some(_), _) => Body::Single(fields),
        };
        Self { attributes, body }
    }

    /// The name, if the description is here and not in a type.
    pub(crate) fn name(&self) -> Option<&LitStr> {
        self.attributes.name.as_ref()
    }

    /// The name, if it is a group.
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
        Version::of(&self.attributes.version, &self.attributes.minimum_version)
    }

    pub(crate) fn needed(&self) -> Option<&Function> {
        self.attributes.needed.value()
    }

    /// The fields that the macro describes.
    pub(crate) fn fields(&self) -> &[Field] {
        match &self.body {
            Body::Group(fields) | Body::Single(fields) => fields,
            Body::Optional(field) => std::slice::from_ref(field),
            Body::Own { .. } => &[],
        }
    }

    /// What a load does when the subsection is not there. An `Option` becomes `None`, everything else stays.
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

/// Whether the member is a timer, and an `Option` around its deadline so part of the timer.
fn is_timer(fields: &[Field]) -> bool {
    fields.iter().any(|field| matches!(&field.codec, Codec::Info(info) if matches!(info.kind, InfoKind::Timer)))
}

/// The `T` of a type that is written `Option<T>`.
pub(super) fn option_inner(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first()? {
        GenericArgument::Type(inner) if last.ident == "Option" => Some(inner),
        _ => None,
    }
}
