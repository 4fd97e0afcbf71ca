//! Property tests with random states, bytes and descriptions.

use proptest::prelude::*;

use super::super::{
    DecodedBody, DecodedField, DecodedSection, DecodedStruct, DecodedTree, DecodedValue, Scalar, ScalarKind, Scalars,
};
use super::encoded;
use crate::Reader;
use crate::schema::vmdesc::{self, Document};

fn scalar_type() -> impl Strategy<Value = &'static str> {
    const NAMES: [&str; 9] =
        ["bool", "int8", "int16", "int32 le", "int64 equal", "uint16", "uint32", "timer", "CPU_Double_U"];
    prop::sample::select(&NAMES[..])
}

fn leaf() -> impl Strategy<Value = (&'static str, DecodedValue)> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..20);
    let scalar = (scalar_type(), any::<u64>()).prop_map(|(name, bits)| {
        let kind = ScalarKind::from_name(name).unwrap();
        (name, DecodedValue::Scalar(Scalar::new(kind, bits >> (64 - 8 * kind.width()))))
    });
    let scalars = (scalar_type(), prop::collection::vec(any::<u8>(), 8..40)).prop_map(|(name, bytes)| {
        (name, DecodedValue::Scalars(Scalars::from_bytes(ScalarKind::from_name(name).unwrap(), bytes)))
    });
    prop_oneof![
        4 => scalar,
        2 => scalars,
        1 => bytes().prop_map(|bytes| ("buffer", DecodedValue::Bytes(bytes))),
        1 => bytes().prop_map(|bytes| ("pci config", DecodedValue::Bytes(bytes))),
        1 => bytes().prop_map(|bytes| ("GByteArray", DecodedValue::ByteArray(bytes))),
        1 => bytes().prop_map(|bytes| ("capability", DecodedValue::Capability(bytes))),
        1 => prop::collection::vec(any::<u64>(), 0..3).prop_map(|words| ("bitmap", DecodedValue::Bitmap(words))),
    ]
}

fn value(
    inner: impl Strategy<Value = DecodedStruct> + Clone + 'static,
) -> impl Strategy<Value = (&'static str, DecodedValue)> {
    let structs = || prop::collection::vec(inner.clone(), 0..3);
    let direct = prop::collection::vec((any::<u64>(), inner.clone()), 1..3);
    let keyed = prop::collection::vec((inner.clone(), inner.clone()), 0..3);
    prop_oneof![
        inner.clone().prop_map(|inner| ("struct", DecodedValue::Struct(Box::new(inner)))),
        inner.clone().prop_map(|inner| ("vstruct", DecodedValue::Struct(Box::new(inner)))),
        structs().prop_map(|elements| ("qtailq", DecodedValue::List(elements))),
        direct.prop_map(|nodes| ("gtree", DecodedValue::Tree(DecodedTree::Direct(nodes)))),
        keyed.prop_map(|nodes| ("gtree", DecodedValue::Tree(DecodedTree::Keyed(nodes)))),
        (inner, 1..4_usize).prop_map(|(inner, count)| (
            "struct",
            DecodedValue::Array(vec![DecodedValue::Struct(Box::new(inner)); count])
        )),
    ]
}

fn structure(
    values: impl Strategy<Value = (&'static str, DecodedValue)> + Clone,
    subsections: impl Strategy<Value = Vec<DecodedStruct>>,
) -> impl Strategy<Value = DecodedStruct> {
    let name = prop::sample::select(&["a", "b", "env.gpr", "unused[0]"][..]);
    let field = (name, prop::option::of(0..9_u64), values).prop_map(|(name, index, (type_name, value))| {
        let index = index.filter(|_| !matches!(value, DecodedValue::Scalars(_) | DecodedValue::Array(_)));
        DecodedField { name: name.into(), index, type_name: type_name.into(), value, offset: 0, size: 0 }
    });
    (prop::collection::vec(field, 0..4), any::<u32>(), subsections).prop_map(|(fields, version, subsections)| {
        DecodedStruct { vmsd_name: "v/s".into(), version, offset: 0, fields, subsections }
    })
}

fn state() -> impl Strategy<Value = DecodedStruct> {
    let flat = structure(leaf().boxed(), Just(Vec::new())).boxed();
    flat.prop_recursive(3, 40, 3, |inner| {
        let subsections = prop::collection::vec(inner.clone(), 0..2);
        structure(prop_oneof![leaf().boxed(), value(inner).boxed()].boxed(), subsections)
    })
}

fn section(state: DecodedStruct) -> DecodedSection {
    DecodedSection { name: "d".into(), instance_id: 0, offset: 0, body: DecodedBody::Described(state) }
}

fn document(device: vmdesc::SentSection) -> Document {
    Document { configuration: None, page_size: 4096, devices: vec![device], extra: Vec::new() }
}

proptest! {
    #[test]
    fn encoded_state_decodes_by_its_description(state in state()) {
        let section = section(state);
        let (bytes, device) = (encoded(&section), section.describe().unwrap());
        prop_assert_eq!(device.wire_size(), Some(bytes.len() as u64));
        let text = document(device.clone()).to_text();
        prop_assert_eq!(Document::parse(text.as_bytes(), 0).unwrap(), document(device.clone()));

        let read = DecodedSection::decode(&device, &mut Reader::from_slice(&bytes), Some(bytes.len() as u64)).unwrap();
        prop_assert_eq!(encoded(&read), bytes);
        prop_assert_eq!(read.describe(), Some(device));
        prop_assert_eq!(read.leaves().len(), section.leaves().len());
    }

    #[test]
    fn random_bytes_decode_or_fail(
        state in state(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
        longer in 0..3_u64,
    ) {
        let section = section(state);
        let (mut bytes, device) = (encoded(&section), section.describe().unwrap());
        for (at, byte) in changes.iter().filter(|_| !bytes.is_empty()).collect::<Vec<_>>() {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        bytes.truncate(cut.index(2 * bytes.len() + 1));
        for end in [None, Some(bytes.len() as u64), Some(bytes.len() as u64 + longer)] {
            if let Ok(read) = DecodedSection::decode(&device, &mut Reader::from_slice(&bytes), end) {
                let again = encoded(&read);
                prop_assert_eq!(&again, &bytes[..again.len()]);
                prop_assert_eq!(read.describe(), Some(device.clone()));
            }
        }
    }

    #[test]
    fn random_description_parses_or_fails(
        state in state(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0x20..0x7f_u8), 0..3),
    ) {
        let section = section(state);
        let (bytes, device) = (encoded(&section), section.describe().unwrap());
        let mut text = document(device).to_text().into_bytes();
        for (at, byte) in changes {
            let at = at.index(text.len());
            text[at] = byte;
        }
        let Ok(document) = Document::parse(&text, 0) else { return Ok(()) };
        for device in &document.devices {
            for end in [None, Some(bytes.len() as u64)] {
                if let Ok(read) = DecodedSection::decode(device, &mut Reader::from_slice(&bytes), end) {
                    let again = encoded(&read);
                    prop_assert_eq!(&again, &bytes[..again.len()]);
                    prop_assert_eq!(read.describe(), Some(device.clone()));
                }
            }
        }
    }
}
