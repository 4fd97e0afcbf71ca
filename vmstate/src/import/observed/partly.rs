//! Completes sections that QEMU 7.2 does not describe exactly: arrays of pointers whose first pointer is null.
//!
//! QEMU 7.2 describes such an array by its first element, a marker of one byte, and its length. If only one pointer is
//! not null, the number of bytes that are left gives the size of its target, and the markers before and after it give
//! its index.

use vmstate_types::Reader;

use crate::dynamic::{
    DecodedBody, DecodedField, DecodedSection, DecodedStruct, DecodedValue, ScalarKind, Scalars, UndecodedRest,
};
use crate::schema::vmdesc::{self, ArrayPart, SentSection};

/// The marker of a null pointer (`VMS_NULLPTR_MARKER`).
const NULL: u8 = b'0';

/// The type name that an entry with undescribed bytes gets.
pub(super) const TARGET: &str = "target";

/// Returns the complete state of such a section, or `None` if the layout is not certain.
pub(super) fn complete(section: &DecodedSection, state: &DecodedStruct, rest: &UndecodedRest) -> Option<DecodedStruct> {
    let (pointers, others) = rest.fields.split_first()?;
    let after = vmdesc::SentStruct {
        vmsd_name: state.vmsd_name.clone(),
        version: state.version,
        fields: others.to_vec(),
        subsections: rest.subsections.clone(),
    };
    let length = rest.bytes.len().checked_sub(usize::try_from(after.wire_size()?).ok()?)?;
    let (own, tail) = rest.bytes.split_at_checked(length)?;
    let device = SentSection {
        name: section.name.clone(),
        instance_id: section.instance_id,
        body: vmdesc::SentBody::State(after),
    };
    let end = u64::try_from(tail.len()).ok()?;
    let tail = DecodedSection::decode(&device, &mut Reader::from_slice(tail), Some(end)).ok()?;
    let DecodedBody::Described(tail) = tail.body else { return None };
    let mut whole = state.clone();
    whole.fields.extend(array(pointers, own)?);
    whole.fields.extend(tail.fields);
    whole.subsections.extend(tail.subsections);
    Some(whole)
}

/// Returns the entries of an exact description: null pointers, the target, and null pointers.
fn array(described: &vmdesc::SentField, bytes: &[u8]) -> Option<Vec<DecodedField>> {
    let ArrayPart::Len(count) = described.array else { return None };
    let count = usize::try_from(count).ok().filter(|_| *described.type_name == *"struct" && described.size == 1)?;
    let before = bytes.iter().take_while(|&&byte| byte == NULL).count();
    let after = bytes.iter().rev().take_while(|&&byte| byte == NULL).count();
    let target = bytes.get(before..bytes.len().checked_sub(after)?).filter(|target| !target.is_empty())?;
    // A target that begins or ends with the marker's byte, or a second target, gives another number of markers.
    if before.checked_add(after)?.checked_add(1)? != count {
        return None;
    }
    let entry = |type_name: &str, value: DecodedValue| {
        let (name, type_name, size) = (described.name.clone(), type_name.into(), value.size());
        DecodedField { name, index: None, type_name, value, offset: 0, size }
    };
    let nulls = |count: usize| {
        (count > 0)
            .then(|| entry("struct", DecodedValue::Scalars(Scalars::from_bytes(ScalarKind::Marker, vec![NULL; count]))))
    };
    let data = DecodedField { name: "data".into(), ..entry("buffer", DecodedValue::Bytes(target.to_vec())) };
    let vmsd_name = described.name.clone();
    let inner = DecodedStruct { vmsd_name, version: 1, offset: 0, fields: vec![data], subsections: Vec::new() };
    let target = entry(TARGET, DecodedValue::Struct(Box::new(inner)));
    Some([nulls(before), Some(target), nulls(after)].into_iter().flatten().collect())
}
