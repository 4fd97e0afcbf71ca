//! Subsections: groups of fields, single fields, and structs that are subsections themselves.

use syn::{ExprPath, Ident, LitStr, Type};

use super::Field;
use crate::parse;

/// A subsection of the device.
pub(crate) struct Subsection<'a> {
    /// Where it was written.
    pub(crate) key: Ident,
    /// Its name; none if its type has it.
    pub(crate) name: Option<LitStr>,
    pub(crate) version: u32,
    pub(crate) minimum_version: u32,
    pub(crate) needed: Option<ExprPath>,
    pub(crate) absent: Option<Ident>,
    pub(crate) hooks: Hooks<'a>,
    pub(crate) body: Body,
}

/// The hooks of a subsection: those of the struct's attributes, or a field's own.
pub(crate) enum Hooks<'a> {
    Borrowed(&'a parse::Hooks),
    Owned(Box<parse::Hooks>),
}

impl Hooks<'_> {
    pub(crate) fn get(&self) -> &parse::Hooks {
        match self {
            Self::Borrowed(hooks) => hooks,
            Self::Owned(hooks) => hooks,
        }
    }
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
        member: Ident,
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

impl<'a> Subsection<'a> {
    /// A group that the struct names. Its fields come later.
    pub(super) fn of_group(attributes: &'a parse::Subsection) -> Self {
        Self {
            key: attributes.key.clone(),
            name: attributes.name.clone(),
            version: attributes.version.value().map_or(1, |number| number.value),
            minimum_version: minimum(attributes),
            needed: attributes.needed.value().cloned(),
            absent: attributes.absent.value().cloned(),
            hooks: Hooks::Borrowed(&attributes.hooks),
            body: Body::Group(Vec::new()),
        }
    }

    /// A subsection that a field is.
    pub(super) fn of_field(attributes: parse::Subsection, member: &Ident, ty: &Type, mut fields: Vec<Field>) -> Self {
        let inner = option_inner(ty);
        let body = match (&attributes.name, inner) {
            (None, _) => Body::Own {
                member: member.clone(),
                ty: Box::new(inner.unwrap_or(ty).clone()),
                optional: inner.is_some(),
            },
            (Some(_), Some(inner)) if fields.len() == 1 => {
                let mut field = fields.remove(0);
                field.ty = inner.clone();
                Body::Optional(Box::new(field))
            }
            (Some(_), _) => Body::Single(fields),
        };
        Self {
            key: attributes.key.clone(),
            version: attributes.version.value().map_or(1, |number| number.value),
            minimum_version: minimum(&attributes),
            needed: attributes.needed.value().cloned(),
            absent: attributes.absent.value().cloned(),
            name: attributes.name,
            hooks: Hooks::Owned(Box::new(attributes.hooks)),
            body,
        }
    }

    /// The name, if it is a group.
    pub(super) fn group_name(&self) -> Option<String> {
        match self.body {
            Body::Group(_) => self.name.as_ref().map(LitStr::value),
            _ => None,
        }
    }

    /// Adds fields to a group.
    pub(super) fn extend(&mut self, more: Vec<Field>) {
        if let Body::Group(fields) = &mut self.body {
            fields.extend(more);
        }
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
        match (&self.absent, &self.body) {
            (Some(word), _) if word == "default" => Absent::Default,
            (Some(word), _) if word == "error" => Absent::Error,
            (None, Body::Optional(_) | Body::Own { optional: true, .. }) => Absent::Default,
            _ => Absent::Keep,
        }
    }
}

fn minimum(attributes: &parse::Subsection) -> u32 {
    let version = attributes.version.value().map_or(1, |number| number.value);
    attributes.minimum_version.value().map_or(1.min(version), |number| number.value)
}

/// The `T` of a type that is written `Option<T>`.
fn option_inner(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last()?;
    let syn::PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first()? {
        syn::GenericArgument::Type(inner) if last.ident == "Option" => Some(inner),
        _ => None,
    }
}
