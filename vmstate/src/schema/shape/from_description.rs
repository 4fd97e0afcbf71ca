//! The shape of a device of this program, from its constant description.

use vmstate_types::{Description, description};

use super::{Shape, ShapeCount, ShapeCountSource, ShapeElements, ShapeField, ShapeKind, ShapeSubsection};

impl From<&Description> for Shape {
    fn from(device: &Description) -> Self {
        Self {
            name: device.name.to_owned(),
            version: device.version,
            minimum_version: Some(device.minimum_version),
            oldest_version: device.oldest_version,
            priority: device.priority,
            unmigratable: device.unmigratable,
            early_setup: device.early_setup,
            inherits: device.inherits,
            conditional: device.conditional,
            hooks: device.hooks,
            fields: device.fields.iter().flat_map(shape_fields).collect(),
            subsections: device.subsections.iter().map(ShapeSubsection::from).collect(),
            is_sent: false,
        }
    }
}

impl From<&description::Subsection> for ShapeSubsection {
    fn from(subsection: &description::Subsection) -> Self {
        Self { shape: subsection.description.into(), absent: subsection.absent }
    }
}

/// Returns the fields on the wire: more than one for an inline struct.
fn shape_fields(field: &description::Field) -> Vec<ShapeField> {
    match field.form.kind {
        description::Kind::Inline(inner) => {
            let members = inner.fields.iter().flat_map(shape_fields);
            members.map(|member| member.inside(field)).collect()
        }
        _ => vec![field.into()],
    }
}

impl ShapeField {
    /// Returns the field of an inline struct as a field of the struct that contains `outer`.
    fn inside(mut self, outer: &description::Field) -> Self {
        let path = |name: &str| format!("{}.{name}", outer.name);
        self.name = path(&self.name);
        self.since = self.since.max(outer.since);
        self.until = self.until.into_iter().chain(outer.until).min();
        self.conditional |= outer.conditional;
        if let ShapeCount::Counted(source) = &mut self.count {
            source.field = path(&source.field);
        }
        if let Some(source) = &mut self.length {
            source.field = path(&source.field);
        }
        self
    }
}

impl From<&description::Field> for ShapeField {
    fn from(field: &description::Field) -> Self {
        let form = &field.form;
        Self {
            since: field.since,
            until: field.until,
            conditional: field.conditional,
            count: form.count.into(),
            size: form.size.map(wide),
            length: form.length.map(ShapeCountSource::from),
            pointers: form.pointers,
            ..Self::new(field.name, form.kind.into())
        }
    }
}

impl From<description::Kind> for ShapeKind {
    fn from(kind: description::Kind) -> Self {
        match kind {
            description::Kind::Info(name) => Self::Info(name.to_owned()),
            description::Kind::Struct(inner) => Self::Struct(inner.into()),
            description::Kind::Versioned(inner, version) => Self::Versioned(inner.into(), version),
            description::Kind::Temporary(inner) => Self::Temporary(inner.into()),
            description::Kind::List(name, inner) => Self::List(name.to_owned(), inner.into()),
            description::Kind::Tree { key, value } => {
                Self::Tree { keys: key.map(ShapeElements::from), values: value.into() }
            }
            _ => Self::Unknown,
        }
    }
}

impl From<&Description> for ShapeElements {
    fn from(inner: &Description) -> Self {
        Self::Alike(Box::new(inner.into()))
    }
}

impl From<description::Count> for ShapeCount {
    fn from(count: description::Count) -> Self {
        match count {
            description::Count::One => Self::One,
            description::Count::Fixed(count) => Self::Fixed(wide(count)),
            description::Count::Counted(by) => Self::Counted(by.into()),
            _ => Self::Unknown,
        }
    }
}

impl From<description::CountSource> for ShapeCountSource {
    fn from(source: description::CountSource) -> Self {
        Self { field: source.field.to_owned(), multiply: wide(source.multiply), max: source.max.map(wide) }
    }
}

fn wide(number: usize) -> u64 {
    number as u64
}
