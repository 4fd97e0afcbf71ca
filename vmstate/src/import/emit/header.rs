//! The introduction of a file and of a struct, with their origin.

use super::{Emitter, WIDTH};
use crate::import::Origin;
use crate::import::observed::{Role, TypeId};

/// The highest number of sections or parents that a comment names.
const NAMED: usize = 4;

/// Writes `text` as one line of a comment. Names in it come from the input, so it escapes line breaks.
pub(super) fn comment(marker: &str, text: &str) -> String {
    let mut line = format!("{marker} ");
    for char in text.chars() {
        match char {
            '"' | '\'' | '\\' => line.push(char),
            _ => line.extend(char.escape_debug()),
        }
    }
    line.truncate(line.trim_end().len());
    line.push('\n');
    line
}

/// Writes the file's documentation and the imports that its `code` needs.
pub(super) fn text(emitter: &Emitter<'_>, code: &str, with_main: bool) -> String {
    let mut text = String::new();
    for line in introduction(emitter) {
        text.push_str(&comment("//!", &line));
    }
    text.push('\n');
    if emitter.uses_tree {
        text.push_str("use std::collections::BTreeMap;\n\n");
    }
    // rustfmt sorts names in upper case before modules, and modules before lists of names.
    let traits = missing_traits(code);
    if let [one] = traits[..] {
        text.push_str(&format!("use vmstate::{one};\n"));
    }
    if with_main {
        text.push_str("use vmstate::dynamic::{DecodedSection, rewrite};\n");
    }
    if code.contains("Each<") {
        text.push_str("use vmstate::info::array::Each;\n");
    }
    if !code.trim().is_empty() {
        text.push_str("use vmstate::prelude::*;\n");
    }
    if with_main {
        text.push_str("use vmstate::schema::Release;\n");
    }
    if traits.len() > 1 {
        text.push_str(&format!("use vmstate::{{{}}};\n", traits.join(", ")));
    }
    text
}

/// Returns the traits that `code` implements and the prelude lacks.
fn missing_traits(code: &str) -> Vec<&'static str> {
    ["Info", "Temporary"].into_iter().filter(|name| code.contains(&format!(" {name}<"))).collect()
}

fn introduction(emitter: &Emitter<'_>) -> Vec<String> {
    let Origin { file, machine, is_dump, .. } = emitter.origin;
    let kind = if *is_dump { "QEMU's dump" } else { "a stream" };
    let machine = machine.as_ref().map_or_else(String::new, |machine| format!(" of the machine `{machine}`"));
    let mut lines = vec![format!("The devices in `{file}`, {kind}{machine}."), String::new()];
    let lost = emitter.sections.iter().filter(|section| section.ty.is_none());
    let lost = lost.map(|section| format!("`{}`", section.name)).collect::<Vec<_>>();
    if *is_dump {
        lines.extend(FROM_A_DUMP.map(str::to_owned));
    } else {
        lines.extend(FROM_A_STREAM.map(str::to_owned));
    }
    if !lost.is_empty() {
        lines.push(String::new());
        lines.extend(wrap(&format!(
            "Missing, because QEMU does not describe them, or a struct cannot follow the description: {}.",
            lost.join(", ")
        )));
    }
    lines
}

const FROM_A_STREAM: [&str; 14] = [
    "Written by `vmstate import`. Each struct writes the bytes of the stream. A stream does not contain",
    "everything that QEMU's source does; add the rest by hand:",
    "",
    "- the oldest supported version (`minimum_version`), and the version that added each field (`since`):",
    "  here, every field is present in all versions;",
    "- conditions (`when`, and `needed` of subsections): here, a subsection is sent if it is `Some`;",
    "- counters of arrays (`len`, `count`): here, an array is as long as in the stream, unless the stream",
    "  contains several of different lengths, with their counters;",
    "- the parts of arrays that are sent (`range`), and subsections that are absent from the stream;",
    "- hooks (`post_load` and others) and priorities;",
    "- the meaning of QEMU's custom info types: here, their bytes are kept.",
    "",
    "Comments that begin with `Check:` mark assumptions to verify. A field that a load compares with the",
    "local value (`equal`, `le`) has the stream's value in `Default`.",
];

const FROM_A_DUMP: [&str; 9] = [
    "Written by `vmstate import`. A dump contains names, versions and the sizes of fields in QEMU's memory,",
    "but no types, and counts of arrays only if they are fixed. The structs are therefore a guess; compare",
    "them with QEMU's source:",
    "",
    "- integers are assumed to be unsigned, and fields of other sizes to be bytes;",
    "- counters (`len`, `count`), conditions (`when`, `needed`), hooks and priorities are missing;",
    "- sections without a device class are missing: RAM, timers, most processors.",
    "",
    "A stream contains more about its own devices: import one as well.",
];

/// Breaks text into lines.
fn wrap(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.len() + word.len() + 5 <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

impl Emitter<'_> {
    /// Returns the comments of a struct: its origin, and the sections of this type.
    pub(super) fn heading(&self, id: TypeId) -> String {
        let ty = self.shapes.get(id);
        let uses = self.uses.get(&id).map_or(&[][..], Vec::as_slice);
        let mut text = String::new();
        if !uses.is_empty() {
            text.push_str(&comment("//", &format!("---- {} ----", ty.name)));
            text.push('\n');
        }
        let mut lines = match (ty.role, uses) {
            (Role::OldStyle, _) => {
                vec![format!("The section `{}`, whose fields QEMU does not describe.", ty.name)]
            }
            (Role::Subsection, _) => vec![format!("The subsection `{}`.", ty.name)],
            (Role::Temporary, _) => vec![format!("The temporary `{}`.", ty.name)],
            (Role::Target, _) => vec![format!(
                "The target of a pointer{}. Check: the stream contains its bytes, but not their meaning.",
                self.parents(id)
            )],
            (_, []) => vec![format!("The struct `{}`{}.", ty.name, self.parents(id))],
            _ => vec![format!("The device `{}`.", ty.name)],
        };
        if let Some(places) = self.places(id) {
            lines.push(String::new());
            lines.push(places);
        }
        for line in lines.iter().flat_map(|line| wrap(line)) {
            text.push_str(&comment("///", &line));
        }
        text
    }

    /// Names the sections of this type.
    fn places(&self, id: TypeId) -> Option<String> {
        let uses = self.uses.get(&id).map_or(&[][..], Vec::as_slice);
        let noun = match (self.origin.is_dump, uses) {
            (_, []) => return None,
            (false, [_]) => "Section",
            (false, _) => "Sections",
            (true, [_]) => "Device type",
            (true, _) => "Device types",
        };
        let named = uses.iter().take(NAMED).map(|section| {
            if self.origin.is_dump {
                format!("`{}`", section.name)
            } else {
                format!("`{}` (instance {}, {} bytes)", section.name, section.instance_id, section.size)
            }
        });
        let named = named.collect::<Vec<_>>().join(", ");
        let more = if uses.len() > NAMED { format!(" and {} more", uses.len() - NAMED) } else { String::new() };
        Some(format!("{noun} {named}{more}."))
    }

    /// Names the structs with a field of this type.
    fn parents(&self, id: TypeId) -> String {
        let parents = self.parents.get(&id).into_iter().flatten();
        let mut parents = parents.map(|parent| format!("[`{}`]", self.type_name(*parent))).collect::<Vec<_>>();
        parents.sort();
        parents.dedup();
        let more = if parents.len() > NAMED { ", ..." } else { "" };
        parents.truncate(NAMED);
        format!(" in {}{more}", parents.join(", "))
    }
}
