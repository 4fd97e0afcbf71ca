//! Writes a program that loads the stream into the structs and saves it again.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use super::{Emitter, WIDTH};
use crate::import::Use;
use crate::import::observed::{Role, TypeId};
use crate::schema::Release;

/// Returns the function `reload` and a `main` that calls it.
pub(super) fn program(emitter: &Emitter<'_>) -> String {
    let mut by_name: HashMap<&str, Vec<&Use>> = HashMap::new();
    for section in emitter.sections {
        by_name.entry(&section.name).or_default().push(section);
    }
    let mut done = HashSet::new();
    let mut arms = String::new();
    for section in emitter.sections {
        if let Some(id) = section.ty.filter(|id| done.insert((section.name.as_str(), *id))) {
            let namesakes = by_name.get(section.name.as_str()).map_or(&[][..], Vec::as_slice);
            arms.push_str(&arm(emitter, &section.name, &instances(namesakes, id), id));
        }
    }
    let release = match emitter.origin.release {
        Release::Qemu7_2 => "Qemu7_2",
        Release::Qemu10_0 => "Qemu10_0",
        Release::Qemu11_1 => "Qemu11_1",
    };
    // Without structs, nothing is saved at a release.
    let parameter = if arms.contains(", release)") { "release" } else { "_release" };
    let reload = RELOAD.replace("PARAMETER", parameter);
    format!("{reload}{arms}{AFTER_ARMS}{}", MAIN.replace("RELEASE", release))
}

/// Returns a pattern for the instance ids of the `sections` of type `id`.
fn instances(sections: &[&Use], id: TypeId) -> String {
    let (own, others): (Vec<&Use>, Vec<&Use>) = sections.iter().partition(|section| section.ty == Some(id));
    // One pattern for all instances also fits streams of the same machine with more of them.
    if others.is_empty() && own.len() > 1 {
        return "_".to_owned();
    }
    let mut ids = own.iter().map(|section| section.instance_id).collect::<Vec<_>>();
    ids.sort_unstable();
    let runs = ids.chunk_by(|one, next| one.checked_add(1) == Some(*next));
    let patterns = runs.filter_map(|run| match run {
        [first, .., last] => Some(format!("{first}..={last}")),
        [only] => Some(only.to_string()),
        [] => None,
    });
    patterns.collect::<Vec<_>>().join(" | ")
}

fn arm(emitter: &Emitter<'_>, name: &str, instances: &str, id: TypeId) -> String {
    let ty = emitter.type_name(id);
    let call = match emitter.shapes.get(id).role {
        Role::OldStyle => format!("section.reload_old_style(&mut {ty}::default())"),
        _ => format!("section.reload(&mut {ty}::default(), release)"),
    };
    let pattern = format!("        ({name:?}, {instances}) =>");
    let mut arm = String::new();
    let _ = if pattern.len() + call.len() + 2 <= WIDTH {
        writeln!(arm, "{pattern} {call},")
    } else {
        writeln!(arm, "{pattern} {{\n            {call}\n        }}")
    };
    arm
}

const RELOAD: &str = "
// ---- the stream ----

/// Loads a section into its struct, and saves the struct into a new section.
///
/// Sections that have no struct stay as they are.
///
/// # Errors
/// Returns an error if the section cannot be loaded or saved.
pub fn reload(section: &DecodedSection, PARAMETER: Release) -> Result<DecodedSection, LoadError> {
    match (&*section.name, section.instance_id) {
";

const AFTER_ARMS: &str = "        _ => Ok(section.clone()),
    }
}
";

const MAIN: &str = "
/// Loads a stream, saves it again, and reports whether the bytes are the same.
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args()
        .nth(1)
        .ok_or(\"missing argument: the stream to load\")?;
    let stream = std::fs::read(path)?;
    let again = rewrite(&stream, |_, section| {
        *section = reload(section, Release::RELEASE)?;
        Ok(())
    })?;
    match stream.iter().zip(&again).position(|(old, new)| old != new) {
        None if stream.len() == again.len() => println!(\"identical, {} bytes\", stream.len()),
        None => println!(\"different: {} bytes, not {}\", again.len(), stream.len()),
        Some(offset) => println!(\"different from byte {offset:#x} on\"),
    }
    Ok(())
}
";
