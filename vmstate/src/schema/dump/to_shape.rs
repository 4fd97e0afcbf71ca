//! From dumps to shapes and back.

use vmstate_types::description::Absent;

use super::{DeviceType, Dump, DumpDescription, DumpField};
use crate::schema::shape::{self, Shape, ShapeCount, ShapeElements, ShapeKind, ShapeSubsection};
use crate::schema::{Origin, Release, Schema};

impl Dump {
    /// Creates the dump that QEMU would write for these devices.
    ///
    /// Sizes are those on the wire, where QEMU has those in memory, and 0 where they depend on the value.
    /// A field with a last version has a predicate in QEMU.
    #[must_use]
    pub fn from_schema(schema: &Schema, release: Release) -> Self {
        let device = |(name, shape): (&String, &Shape)| {
            let description = description(shape, release);
            let (version_id, minimum_version_id) = (description.version_id, description.minimum_version_id);
            DeviceType { name: name.clone(), version_id, minimum_version_id, description: Some(description) }
        };
        let machine = schema.machine.clone().unwrap_or_default();
        Self { machine, devices: schema.devices.iter().map(device).collect() }
    }
}

fn description(shape: &Shape, release: Release) -> DumpDescription {
    let some = |is_there: bool| is_there.then_some(());
    let version = i64::from(shape.version);
    DumpDescription {
        name: shape.name.clone(),
        version_id: version,
        minimum_version_id: shape.minimum_version.map_or(version, i64::from),
        fields: some(!shape.unmigratable && !shape.fields.is_empty())
            .map(|()| shape.fields.iter().map(|one| field(one, release)).collect()),
        subsections: some(!shape.subsections.is_empty())
            .map(|()| shape.subsections.iter().map(|one| description(&one.shape, release)).collect()),
    }
}

fn field(field: &shape::ShapeField, release: Release) -> DumpField {
    let num = match field.count {
        ShapeCount::Fixed(count) if release >= Release::Qemu10_0 => Some(count),
        _ => None,
    };
    DumpField {
        field: field.name.clone(),
        version_id: i64::from(field.since),
        field_exists: field.conditional || field.until.is_some(),
        num,
        size: field.size.or(field.host_size).unwrap_or(0),
        description: field
            .kind
            .inner()
            .and_then(|inner| inner.shapes().first())
            .map(|inner| description(inner, release)),
    }
}

impl From<&Dump> for Schema {
    fn from(dump: &Dump) -> Self {
        // Dumps up to QEMU 7.2 contain no lengths of arrays; every QEMU has arrays.
        let counts = dump.to_shapes(false).any(|(_, shape)| has_counts(&shape));
        let devices = dump.to_shapes(counts).collect();
        Self { machine: Some(dump.machine.clone()), origin: Origin::Dump, devices }
    }
}

impl Dump {
    /// Returns the device types with their shapes. If the dump contains lengths of arrays, a field without one is one
    /// element.
    fn to_shapes(&self, counts: bool) -> impl Iterator<Item = (String, Shape)> {
        self.devices.iter().filter_map(move |device| {
            let shape = to_shape(device.description.as_ref()?, counts);
            Some((device.name.clone(), shape))
        })
    }
}

fn has_counts(shape: &Shape) -> bool {
    let inner =
        |field: &shape::ShapeField| field.kind.inner().is_some_and(|inner| inner.shapes().iter().any(has_counts));
    shape.fields.iter().any(|field| matches!(field.count, ShapeCount::Fixed(_)) || inner(field))
}

fn to_shape(description: &DumpDescription, counts: bool) -> Shape {
    let fields = description.fields.iter().flatten().map(|field| to_field(field, counts));
    let subsections = description.subsections.iter().flatten().map(|one| to_subsection(one, counts));
    Shape {
        version: version(description.version_id),
        minimum_version: Some(version(description.minimum_version_id)),
        // QEMU marks devices without state as unmigratable. Dumps lack the mark.
        unmigratable: description.fields.is_none() && description.subsections.is_none(),
        fields: fields.collect(),
        subsections: subsections.collect(),
        ..Shape::new(&description.name)
    }
}

/// Converts a subsection. Nearly all of QEMU's subsections have a predicate, which dumps lack.
fn to_subsection(description: &DumpDescription, counts: bool) -> ShapeSubsection {
    ShapeSubsection { shape: Shape { conditional: true, ..to_shape(description, counts) }, absent: Absent::Keep }
}

fn to_field(field: &DumpField, counts: bool) -> shape::ShapeField {
    let kind = match &field.description {
        Some(inner) => ShapeKind::Struct(ShapeElements::Alike(Box::new(to_shape(inner, counts)))),
        None => ShapeKind::Unknown,
    };
    let count = match field.num {
        Some(count) => ShapeCount::Fixed(count),
        None if counts => ShapeCount::One,
        None => ShapeCount::Unknown,
    };
    shape::ShapeField {
        since: version(field.version_id),
        conditional: field.field_exists,
        count,
        // Infos of a device's own have no size in memory.
        host_size: (field.size > 0).then_some(field.size),
        ..shape::ShapeField::new(&field.field, kind)
    }
}

/// QEMU's versions are `int`s; no description has a negative one.
fn version(id: i64) -> u32 {
    u32::try_from(id.max(0)).unwrap_or(u32::MAX)
}
