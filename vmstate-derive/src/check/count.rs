//! Rules about counter fields.

use syn::Member;

use crate::errors::Errors;
use crate::model::{Device, Field, member_name};
use crate::parse::nearest;

/// `#[vmstate(len = count)] items: Vec<u8>, count: u32`: a load needs the count before the elements.
pub(super) fn check_counts(device: &Device<'_>, errors: &Errors) {
    for sequence in &device.sequences {
        check_among(device, &device.fields[sequence.clone()], &[], errors);
    }
    for subsection in &device.subsections {
        // All fields of the struct precede its subsections.
        check_among(device, subsection.fields(), &device.fields, errors);
    }
}

fn check_among(device: &Device<'_>, fields: &[Field], earlier: &[Field], errors: &Errors) {
    for (index, field) in fields.iter().enumerate() {
        let Some(count) = field.counter() else { continue };
        let before = fields[..index].iter().chain(earlier).filter_map(Field::member);
        // A skipped counter has its value before the load: source and destination are configured alike.
        let skipped = device.skipped.iter().map(|skipped| &skipped.member);
        let known: Vec<&Member> = before.chain(skipped).collect();
        if !known.contains(&&count) {
            let later = fields[index..].iter().any(|field| field.member() == Some(&count));
            errors.at(&count, wrong_count(&count, &known, later));
        }
    }
}

/// The message for a `count` that is not one of the `known` fields.
fn wrong_count(count: &Member, known: &[&Member], later: bool) -> String {
    let name = member_name(count);
    if later {
        return format!("counter field `{name}` must precede the elements, because a load needs it first: move it up");
    }
    if let Member::Unnamed(_) = count {
        return format!(
            "unknown counter field `{name}`: expected a field before this one; a fixed length is an array, `[T; {name}]`"
        );
    }
    let names: Vec<String> = known.iter().map(|member| member_name(member)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let wrong = format!("unknown counter field `{name}`: expected a field before this one, or a skipped field");
    match nearest(&name, &names) {
        Some(meant) => format!("{wrong}; did you mean `{meant}`?"),
        None => wrong,
    }
}
