//! Rules about the fields that say how many elements others have.

use syn::Member;

use crate::errors::Errors;
use crate::model::{Codec, Device, Field, bits_field, member_name};

/// `#[vmstate(len = count)] items: Vec<u8>, count: u32`: a load needs the count before the elements.
pub(super) fn check_counts(device: &Device<'_>, errors: &Errors) {
    check_among(device, &device.fields, &[], errors);
    for subsection in &device.subsections {
        // The fields of the struct itself are all there before its subsections.
        check_among(device, subsection.fields(), &device.fields, errors);
    }
}

fn check_among(device: &Device<'_>, fields: &[Field], earlier: &[Field], errors: &Errors) {
    for (index, field) in fields.iter().enumerate() {
        let Some(count) = count_of(field) else { continue };
        let known = fields[..index].iter().chain(earlier).filter_map(Field::member);
        let skipped = device.skipped.iter().map(|skipped| &skipped.member);
        if known.chain(skipped).any(|member| *member == count) {
            continue;
        }
        let later = fields[index..].iter().any(|field| field.member() == Some(&count));
        let name = member_name(&count);
        errors.at(
            &count,
            match later {
                true => format!("`{name}` comes after what it counts: a load needs it before; move it up"),
                false => format!("`{name}` is no field that comes before this one, nor one that is skipped"),
            },
        );
    }
}

/// The field that says how many elements `field` has.
fn count_of(field: &Field) -> Option<Member> {
    match &field.codec {
        Codec::Counted(counted) | Codec::Pointers { count: Some(counted), .. } => Some(counted.count.member.clone()),
        Codec::CountedUnused { count, .. } => Some(count.member.clone()),
        Codec::Bitmap { bits, .. } => bits_field(bits).cloned().map(Member::Named),
        _ => None,
    }
}
