//! Every rule about the model that is more than the reading of one attribute.
//!
//! Each rule is a function, and shows what it refuses.

mod count;

use std::collections::HashMap;

use syn::LitStr;

use crate::check::count::check_counts;
use crate::errors::Errors;
use crate::model::{Absent, Body, Device, Field, Gate, Subsection, UNUSED, Version};
use crate::parse::{Number, Once, Was};
use crate::remote;

/// Names stand on the wire behind one byte of length.
const MAX_NAME: usize = 255;
/// A load keeps note of the subsections it has seen in a word of this many bits.
const MAX_SUBSECTIONS: usize = 128;
/// QEMU looks at the low byte of a subsection's version only.
const MAX_SUBSECTION_VERSION: u32 = 255;

pub(crate) fn check(device: &Device<'_>, errors: &Errors) {
    check_name(&device.name, errors);
    check_minimum(device.version, &device.attributes.minimum_version, errors);
    check_load_old(device, errors);
    remote::check(device, errors);
    check_fields(&device.fields, device.version, errors);
    for field in &device.fields {
        check_default(field, errors);
    }
    check_counts(device, errors);
    check_subsection_count(device, errors);
    for (index, subsection) in device.subsections.iter().enumerate() {
        check_subsection(device, subsection, errors);
        check_was(device, subsection, errors);
        check_subsection_names(subsection, &device.subsections[..index], errors);
    }
}

/// `name = ""`, or one that no length byte can count.
fn check_name(name: &LitStr, errors: &Errors) {
    let text = name.value();
    if text.is_empty() {
        errors.at(name, "a name cannot be empty");
    } else if text.len() > MAX_NAME {
        errors.at(name, format!("a name has at most {MAX_NAME} bytes on the wire; this one has {}", text.len()));
    } else if !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        errors.at(name, "a name consists of printable ASCII characters");
    }
}

/// `version = 2, minimum_version = 3`
fn check_minimum(version: Version, minimum: &Once<Number>, errors: &Errors) {
    if let Some(minimum) = minimum.value()
        && minimum.value > version.current
    {
        let message = format!("`minimum_version` is above `version`, which is {}: nothing could load", version.current);
        errors.at(&minimum.literal, message);
    }
}

/// `load_old(min = 2, ...)` where version 2 is read by the description.
fn check_load_old(device: &Device<'_>, errors: &Errors) {
    let minimum = device.version.minimum;
    if let Some(oldest) = device.attributes.load_old.value().and_then(|loader| loader.min.value())
        && oldest.value >= minimum
    {
        let message = format!("`load_old` is for versions below `minimum_version`, which is {minimum}");
        errors.at(&oldest.literal, message);
    }
}

/// The fields of the struct, or of one subsection: `a: u8`, and then `#[vmstate(name = "a")] b: u8`.
fn check_fields(fields: &[Field], version: Version, errors: &Errors) {
    let mut gates: HashMap<String, Vec<&Gate>> = HashMap::new();
    // Padding stands whenever its field does, and may repeat as in QEMU, where descriptions number it.
    for field in fields.iter().filter(|field| !field.is_unused()) {
        check_name(&field.name, errors);
        check_gate(&field.gate, version, errors);
        let text = field.name.value();
        let others = gates.entry(text.clone()).or_default();
        if text != UNUSED && others.iter().any(|other| !field.gate.excludes(other)) {
            let message =
                format!("another field is named {text:?} already; QEMU numbers such fields: `name = \"{text}[1]\"`");
            errors.at(&field.name, message);
        }
        others.push(&field.gate);
    }
}

/// `since = 4` in version 3; `since = 2` where no version below 3 is loaded; `since = 3, until = 2`; `when` with either.
fn check_gate(gate: &Gate, version: Version, errors: &Errors) {
    let Version { current, minimum } = version;
    if gate.when.is_some() {
        for number in gate.since.iter().chain(&gate.until) {
            let message = "`when` decides alone and this has no effect beside it: ask for the version in the predicate";
            errors.at(&number.literal, message);
        }
        return;
    }
    if let Some(since) = &gate.since {
        check_since(since, version, errors);
    }
    if let Some(until) = &gate.until {
        if gate.since.as_ref().is_some_and(|since| since.value > until.value) {
            errors.at(&until.literal, "`until` is below `since`: no version has this field");
        } else if until.value < minimum {
            let message = format!("no version that is loaded ({minimum} and later) has this field: remove it");
            errors.at(&until.literal, message);
        } else if until.value >= current {
            let message = format!(
                "every version up to the current one, {current}, has this field: raise `version`, or leave `until` out"
            );
            errors.at(&until.literal, message);
        }
    }
}

fn check_since(since: &Number, version: Version, errors: &Errors) {
    let Version { current, minimum } = version;
    if since.value > current {
        let message = format!("the version is {current}, which has no such field: raise `version` to {}", since.value);
        errors.at(&since.literal, message);
    } else if since.value < minimum {
        let message =
            format!("no version below {minimum} is loaded, and all others have this field: leave `since` out");
        errors.at(&since.literal, message);
    }
}

/// `default` on a field that is in every stream.
fn check_default(field: &Field, errors: &Errors) {
    if field.default.is_some() && field.gate.is_open() {
        let message = "`default` is what a field becomes that is not in the stream, but this one always is: \
                       say when it is not (`since`, `until`, `when`)";
        errors.at(&field.name, message);
    }
}

fn check_subsection_count(device: &Device<'_>, errors: &Errors) {
    if let Some(subsection) = device.subsections.get(MAX_SUBSECTIONS) {
        errors.at(&subsection.attributes.key, format!("a struct has at most {MAX_SUBSECTIONS} subsections"));
    }
}

/// `subsection("fifo")` in a struct named `serial`; a group without fields; `absent = maybe`.
fn check_subsection(device: &Device<'_>, subsection: &Subsection, errors: &Errors) {
    let attributes = &subsection.attributes;
    if let Some(name) = subsection.name() {
        let parent = device.name.value();
        check_name(name, errors);
        // QEMU's names go on with a slash, all but a few (`or-irq-extras`); only the beginning decides.
        if name.value().strip_prefix(&parent).is_none_or(str::is_empty) {
            errors.at(name, format!("a subsection's name begins with its parent's and goes on: \"{parent}/...\""));
        }
    }
    if let Some(absent) = attributes.absent.value()
        && !["keep", "default", "error"].iter().any(|word| absent == word)
    {
        errors.at(absent, "`absent` takes `keep`, `default` or `error`");
    }
    match &subsection.body {
        Body::Own { .. } => check_own(subsection, errors),
        Body::Group(fields) if fields.is_empty() => {
            let name = attributes.text().unwrap_or_default();
            errors.at(&attributes.name, format!("no field is in this group: write `in = {name:?}` on its fields"));
        }
        _ => check_described(subsection, errors),
    }
}

/// `was(..=3 => 1)` where the struct's version is 3, or after one that reaches further.
fn check_was(device: &Device<'_>, subsection: &Subsection, errors: &Errors) {
    let mut reached = None;
    for Was { until, version } in subsection.attributes.was.value().into_iter().flatten() {
        if until.value >= device.version.current {
            let message =
                format!("the struct's version is {}: `was` is about the versions before it", device.version.current);
            errors.at(&until.literal, message);
        }
        if reached.is_some_and(|reached| until.value <= reached) {
            errors.at(&until.literal, "this is never reached: write the versions in their order");
        }
        let described_here = !matches!(subsection.body, Body::Own { .. });
        if described_here && version.value > subsection.version().current {
            let message = format!("the subsection's own version is {}", subsection.version().current);
            errors.at(&version.literal, message);
        }
        reached = Some(until.value);
    }
}

/// `subsection(version = 2)`, where the type has the version.
fn check_own(subsection: &Subsection, errors: &Errors) {
    let attributes = &subsection.attributes;
    let hooks = attributes.hooks.all().map(|(key, _)| key);
    for key in [attributes.version.key(), attributes.minimum_version.key()].into_iter().flatten().chain(hooks) {
        errors.at(key, format!("`{key}` belongs on the type of this field, which describes the whole subsection"));
    }
}

/// The rules of a struct, for a subsection that is described here.
fn check_described(subsection: &Subsection, errors: &Errors) {
    let attributes = &subsection.attributes;
    check_minimum(subsection.version(), &attributes.minimum_version, errors);
    if let Some(version) = attributes.version.value().filter(|version| version.value > MAX_SUBSECTION_VERSION) {
        let message =
            format!("a subsection's version is at most {MAX_SUBSECTION_VERSION}: QEMU reads its low byte only");
        errors.at(&version.literal, message);
    }
    check_fields(subsection.fields(), subsection.version(), errors);
    if subsection.policy() != Absent::Default {
        for field in subsection.fields() {
            check_default(field, errors);
        }
    }
}

/// The same name twice, or one that QEMU takes for a subsection of an earlier one because it begins with its name.
fn check_subsection_names(subsection: &Subsection, earlier: &[Subsection], errors: &Errors) {
    let Some(name) = subsection.name() else { return };
    let text = name.value();
    for other in earlier.iter().filter_map(|other| other.attributes.text()) {
        if text == other {
            errors.at(name, format!("another subsection is named {text:?} already"));
        } else if text.starts_with(&other) {
            let message =
                format!("QEMU takes this for a subsection of {other:?}, whose name it begins with: put it before that");
            errors.at(name, message);
        }
    }
}
