//! What stands at the head of a file and of a struct: where it comes from.

use super::{Emitter, WIDTH};
use crate::import::Origin;
use crate::import::observed::{Role, TypeId};

/// How many sections or parents are named.
const NAMED: usize = 4;

/// A line of a comment, which nothing in `text` ends: names in it are from the input.
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

/// The file's own documentation, and the imports of its `code`.
pub(super) fn text(emitter: &Emitter<'_>, code: &str, with_main: bool) -> String {
    let mut text = String::new();
    for line in introduction(emitter) {
        text.push_str(&comment("//!", &line));
    }
    text.push('\n');
    if emitter.uses_tree {
        text.push_str("use std::collections::BTreeMap;\n\n");
    }
    // rustfmt's order: names in upper case, then modules, then lists of names.
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
    text.push_str("use vmstate::prelude::*;\n");
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
            "Not here, because QEMU does not describe them, or in a way that no struct can follow: {}.",
            lost.join(", ")
        )));
    }
    lines
}

const FROM_A_STREAM: [&str; 13] = [
    "Written by `vmstate import`. Each struct writes what the stream has, byte for byte. What a stream",
    "does not say is to be added by hand, from QEMU's source:",
    "",
    "- the oldest version that is read (`minimum_version`), and since when there are which fields",
    "  (`since`): here, all are always there;",
    "- conditions (`when`, and `needed` of subsections): here, a subsection is sent if it is `Some`;",
    "- what counts the elements of arrays (`len`, `count`): here, they are as long as in the stream;",
    "- which parts of arrays are sent (`range`), and subsections that were not;",
    "- hooks (`post_load` and the others) and priorities;",
    "- what an info type of QEMU's own means: here, its bytes are kept.",
    "",
    "Comments that begin with `Check:` stand where there is something to look at. What a load compares",
    "with the local value (`equal`, `le`) begins with the stream's value in `Default`.",
];

const FROM_A_DUMP: [&str; 9] = [
    "Written by `vmstate import`. A dump has names, versions and the sizes of fields in QEMU's memory. It",
    "has no types, and no counts of arrays unless they are fixed. What is here is therefore a guess that is",
    "to be compared with QEMU's source:",
    "",
    "- integers are taken to be unsigned, and other sizes to be bytes;",
    "- counts (`len`, `count`), conditions (`when`, `needed`), hooks and priorities are missing;",
    "- so are sections that belong to no device class: RAM, timers, most processors.",
    "",
    "A stream says more about what is in it: import one too.",
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
    /// What stands above a struct.
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
                vec![format!("The section `{}`, which QEMU writes without a description of what is in it.", ty.name)]
            }
            (Role::Subsection, _) => vec![format!("The subsection `{}`.", ty.name)],
            (Role::Temporary, _) => vec![format!("The temporary `{}`.", ty.name)],
            (Role::Target, _) => vec![format!(
                "What a pointer points to{}. Check: the stream has its bytes, and says nothing about them.",
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

    /// The sections that are of this type.
    fn places(&self, id: TypeId) -> Option<String> {
        let uses = self.uses.get(&id).map_or(&[][..], Vec::as_slice);
        let noun = match (self.origin.is_dump, uses) {
            (_, []) => return None,
            (false, [_]) => "Section",
            (false, _) => "Sections",
            (true, [_]) => "Device type",
            (true, _) => "Device types",
        };
        let named = uses.iter().take(NAMED).map(|section| match self.origin.is_dump {
            true => format!("`{}`", section.name),
            false => format!("`{}` (instance {}, {} bytes)", section.name, section.instance_id, section.size),
        });
        let named = named.collect::<Vec<_>>().join(", ");
        let more = if uses.len() > NAMED { format!(" and {} more", uses.len() - NAMED) } else { String::new() };
        Some(format!("{noun} {named}{more}."))
    }

    /// The structs that have one of this type.
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
