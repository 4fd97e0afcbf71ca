//! Values of fields that must be equal on both sides (`VMSTATE_UINT8_EQUAL` in QEMU), such as properties of a device.

use super::Action;
use super::field::{described, encoded, to_hex};
use super::generate::{Generator, RelayFindingKind};
use crate::dynamic::{DecodedField, DecodedStruct, DecodedValue};

/// A field that must be equal, and the field before it.
struct Constant<'s> {
    within: Vec<String>,
    after: Option<String>,
    field: &'s DecodedField,
}

impl Generator {
    /// Replaces the constants of two structs with the same layout. A guest with another value than `old` is rejected.
    pub(super) fn replace_constants(&mut self, path: &str, old: &DecodedStruct, new: &DecodedStruct) {
        let (mut from, mut to) = (Vec::new(), Vec::new());
        find(old, &[], &mut from);
        find(new, &[], &mut to);
        for (constant, other) in from.iter().zip(&to) {
            let [only, bytes] =
                [constant.field, other.field].map(|field| to_hex(&encoded(std::slice::from_ref(field))));
            if only == bytes {
                continue;
            }
            let name = constant.field.name.to_string();
            let path = [&[path.to_owned()], &constant.within[..], std::slice::from_ref(&name)].concat().join(".");
            self.find(RelayFindingKind::Bounded, &path, format!("must be {only}, and becomes {bytes}"));
            let fields = described(std::slice::from_ref(constant.field));
            self.change(&constant.within, Action::Drop { field: name, only: Some(only) });
            self.change(&constant.within, Action::Insert { fields, bytes, after: constant.after.clone() });
        }
    }
}

fn find<'s>(state: &'s DecodedStruct, within: &[String], found: &mut Vec<Constant<'s>>) {
    let mut after = None;
    for field in &state.fields {
        match &field.value {
            DecodedValue::Struct(inner) => find(inner, &[within, &[field.name.to_string()]].concat(), found),
            DecodedValue::Scalar(_) if field.type_name.ends_with(" equal") => {
                found.push(Constant { within: within.to_vec(), after: after.clone(), field });
            }
            _ => {}
        }
        after = Some(field.name.to_string());
    }
}
