//! The gates of the devices, compared with QEMU's dumps, because no committed stream has old versions.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use vmstate::schema::Schema;
use vmstate::schema::shape::{Shape, ShapeKind};
use vmstate_tests::dumps;

/// All structs of `schema`, by name.
fn structs(schema: &Schema) -> BTreeMap<&str, Vec<&Shape>> {
    let mut all = BTreeMap::new();
    schema.devices.values().for_each(|device| collect(device, &mut all));
    all
}

fn collect<'s>(shape: &'s Shape, all: &mut BTreeMap<&'s str, Vec<&'s Shape>>) {
    all.entry(&shape.name).or_default().push(shape);
    for field in &shape.fields {
        if let ShapeKind::Struct(inner) | ShapeKind::Versioned(inner, _) | ShapeKind::Temporary(inner) = &field.kind {
            inner.shapes().iter().for_each(|inner| collect(inner, all));
        }
    }
    shape.subsections.iter().for_each(|inner| collect(&inner.shape, all));
}

/// The first version of the struct that has a field, by its name. A version that is not read has no fields.
fn gates(shape: &Shape) -> BTreeMap<&str, u32> {
    let oldest = shape.minimum_version.unwrap_or_default();
    shape.fields.iter().rev().map(|field| (&*field.name, field.since.max(oldest))).collect()
}

#[test]
fn fields_have_the_gates_of_qemus_dumps() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/schema");
    let ours = fs::read_dir(folder).unwrap().map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    let ours: Vec<_> = ours.map(|text| Schema::read(&text).unwrap()).collect();
    for dump in ["qemu-7.2-pc-i440fx-7.2", "qemu-10.0-pc-i440fx-7.2"] {
        let theirs = Schema::read(&dumps::named(dump)).unwrap();
        let theirs = structs(&theirs);
        let mut compared = 0;
        for (name, own) in ours.iter().flat_map(structs) {
            let their_gates: Vec<_> = theirs.get(name).into_iter().flatten().map(|shape| gates(shape)).collect();
            for (field, gate) in own.iter().flat_map(|shape| gates(shape)) {
                let qemus: Vec<_> = their_gates.iter().filter_map(|gates| gates.get(field)).collect();
                assert!(
                    qemus.is_empty() || qemus.contains(&&gate),
                    "{dump}: {name}.{field} is present from version {gate} on, in QEMU from {qemus:?}"
                );
                compared += usize::from(!qemus.is_empty());
            }
        }
        assert!(compared > 400, "{dump}: {compared}");
    }
}
