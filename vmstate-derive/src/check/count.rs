//! Rules about the fields that say how many elements others have.

use syn::Member;

use crate::errors::Errors;
use crate::model::{Device, Field, member_name};
use crate::parse::nearest;

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
        let Some(count) = field.form.counter() else { continue };
        let before = fields[..index].iter().chain(earlier).filter_map(Field::member);
        let skipped = device.skipped.iter().map(|skipped| &skipped.member);
        let known: Vec<&Member> = before.chain(skipped).collect();
        if !known.contains(&&count) {
            let later = fields[index..].iter().any(|field| field.member() == Some(&count));
            errors.at(&count, wrong_count(&count, &known, later));
        }
    }
}

/// What to say of a `count` that is none of the `known` fields.
fn wrong_count(count: &Member, known: &[&Member], later: bool) -> String {
    let name = member_name(count);
    if later {
        return format!("`{name}` comes after what it counts: a load needs it before; move it up");
    }
    if let Member::Unnamed(_) = count {
        return format!(
            "there is no field `{name}` before this one; a number that is fixed is an array's, `[T; {name}]`"
        );
    }
    let names: Vec<String> = known.iter().map(|member| member_name(member)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let wrong = format!("`{name}` is no field that comes before this one, nor one that is skipped");
    match nearest(&name, &names) {
        Some(meant) => format!("{wrong}; did you mean `{meant}`?"),
        None => wrong,
    }
}
