//! Resolves a path to a section and a struct in it.

use super::super::{DecodedField, DecodedSection, DecodedStruct, DecodedTree, DecodedValue};

/// The part of a path after the section's name.
pub(super) struct SectionPath<'p> {
    pub(super) rest: &'p str,
}

impl<'p> SectionPath<'p> {
    /// Returns the part of `path` after the section `name`, or `None` if the path is in another section.
    ///
    /// Names contain dots and colons, so the end of a section's name can only be found if the section is known.
    pub(super) fn parse(path: &'p str, name: &str, instance_id: u32) -> Option<Self> {
        let after = path.strip_prefix(name)?;
        let with_instance = after.strip_prefix(':').and_then(|rest| rest.strip_prefix(&instance_id.to_string()));
        let rest = with_instance.filter(|rest| is_end(rest)).unwrap_or(after);
        is_end(rest).then(|| Self { rest: rest.strip_prefix('.').unwrap_or(rest) })
    }
}

fn is_end(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('.')
}

/// A struct in a section, and its path.
pub(super) struct Visited<'v> {
    /// The path from the section; empty for the section's struct.
    pub(super) path: &'v str,
    /// Set if the struct is in an array that is described by its first element.
    pub(super) compressed: bool,
    pub(super) state: &'v mut DecodedStruct,
}

impl DecodedSection {
    /// Calls `visit` with all structs of the section, outer structs before inner ones.
    pub(super) fn visit(&mut self, visit: &mut impl FnMut(Visited<'_>)) {
        use super::super::DecodedBody;
        if let DecodedBody::Described(state) | DecodedBody::Partly(state, _) = &mut self.body {
            walk(state, &mut String::new(), false, visit);
        }
    }
}

fn walk(state: &mut DecodedStruct, path: &mut String, compressed: bool, visit: &mut impl FnMut(Visited<'_>)) {
    visit(Visited { path, compressed, state });
    let indices = state.entries().map(|(first, _)| first).collect::<Vec<_>>();
    for (field, first) in state.fields.iter_mut().zip(indices) {
        walk_field(field, first, path, compressed, visit);
    }
    for subsection in &mut state.subsections {
        let name = subsection.vmsd_name.clone();
        step(path, &name, |path| walk(subsection, path, compressed, visit));
    }
}

fn walk_field(
    field: &mut DecodedField,
    first: Option<u64>,
    path: &mut String,
    compressed: bool,
    visit: &mut impl FnMut(Visited<'_>),
) {
    let name = field.name.clone();
    step(path, &name, |path| match (&mut field.value, first) {
        (DecodedValue::Array(values), first) => {
            for (index, value) in (first.unwrap_or(0)..).zip(values) {
                step(path, &format!("[{index}]"), |path| walk_value(value, path, true, visit));
            }
        }
        (value, Some(index)) => step(path, &format!("[{index}]"), |path| walk_value(value, path, compressed, visit)),
        (value, None) => walk_value(value, path, compressed, visit),
    });
}

fn walk_value(value: &mut DecodedValue, path: &mut String, compressed: bool, visit: &mut impl FnMut(Visited<'_>)) {
    match value {
        DecodedValue::Struct(inner) => walk(inner, path, compressed, visit),
        DecodedValue::List(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                step(path, &format!("[{index}]"), |path| walk(item, path, compressed, visit));
            }
        }
        DecodedValue::Tree(tree) => walk_tree(tree, path, compressed, visit),
        _ => {}
    }
}

fn walk_tree(tree: &mut DecodedTree, path: &mut String, compressed: bool, visit: &mut impl FnMut(Visited<'_>)) {
    let nodes: Vec<(Option<&mut DecodedStruct>, &mut DecodedStruct)> = match tree {
        DecodedTree::Direct(nodes) => nodes.iter_mut().map(|(_, value)| (None, value)).collect(),
        DecodedTree::Keyed(nodes) => nodes.iter_mut().map(|(key, value)| (Some(key), value)).collect(),
    };
    for (index, (key, value)) in nodes.into_iter().enumerate() {
        if let Some(key) = key {
            step(path, &format!("[{index}].key"), |path| walk(key, path, compressed, visit));
        }
        step(path, &format!("[{index}].value"), |path| walk(value, path, compressed, visit));
    }
}

/// Extends the path while `inside` runs.
fn step(path: &mut String, step: &str, inside: impl FnOnce(&mut String)) {
    let length = path.len();
    if length > 0 && !step.starts_with('[') {
        path.push('.');
    }
    path.push_str(step);
    inside(path);
    path.truncate(length);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_begins_with_section_name() {
        let rest = |path, name, id| SectionPath::parse(path, name, id).map(|path| path.rest.to_owned());
        assert_eq!(rest("cpu.env.r[24]", "cpu", 0).as_deref(), Some("env.r[24]"));
        assert_eq!(rest("cpu:1.env", "cpu", 1).as_deref(), Some("env"));
        assert_eq!(rest("cpu:1", "cpu", 1).as_deref(), Some(""));
        assert_eq!(rest("cpu:1.env", "cpu", 0), None);
        assert_eq!(rest("cpu:10.env", "cpu", 1), None);
        assert_eq!(rest("cpu_common.halted", "cpu", 0), None);
        assert_eq!(rest("0000:00:03.0/e1000.ctrl", "0000:00:03.0/e1000", 0).as_deref(), Some("ctrl"));
        assert_eq!(rest("0000:00:03.0/e1000:0.ctrl", "0000:00:03.0/e1000", 0).as_deref(), Some("ctrl"));
    }
}
