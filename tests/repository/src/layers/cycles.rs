//! Circles of imports between sibling modules.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::resolve::Import;

/// Sibling modules of which each imports, directly or through others, from each other one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cycle {
    /// The modules, sorted.
    pub modules: Vec<String>,
    /// The imports between them, one for each pair.
    pub imports: Vec<Import>,
}

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.modules.join(" <-> "))?;
        self.imports.iter().try_for_each(|import| write!(f, "\n    {import}"))
    }
}

/// Returns the circles of imports between siblings: modules with the same parent, each together with its descendants.
///
/// A module and its own children may import each other, because a child is a part of its parent.
#[must_use]
pub fn cycles(imports: &BTreeSet<Import>) -> Vec<Cycle> {
    let mut graph = Graph::new();
    for import in imports {
        let (from, to) = siblings(import);
        if let (Some(from), Some(to)) = (from, to) {
            graph.entry(from).or_default().entry(to).or_insert(import);
        }
    }
    let mut seen = BTreeSet::new();
    let mut cycles = Vec::new();
    for module in graph.keys() {
        if seen.contains(module) {
            continue;
        }
        let component = component(&graph, module);
        seen.extend(component.iter().copied());
        if component.len() > 1 {
            cycles.push(cycle(&graph, &component));
        }
    }
    cycles
}

/// For each module, the siblings from which it imports, with one import for each.
type Graph<'i> = BTreeMap<&'i str, BTreeMap<&'i str, &'i Import>>;

/// Returns the ancestors of an import's modules that are siblings: `a::b::x` and `a::c` give `a::b` and `a::c`.
fn siblings(import: &Import) -> (Option<&str>, Option<&str>) {
    let common = common_ancestor(&import.from, &import.to);
    (child(&import.from, common), child(&import.to, common))
}

/// Returns the length of the common ancestor's path.
fn common_ancestor(one: &str, other: &str) -> usize {
    let mut length = 0;
    for (name, same) in one.split("::").zip(other.split("::")) {
        if name != same {
            break;
        }
        length += name.len() + "::".len();
    }
    length
}

/// Returns the prefix of `module` with one name after an ancestor of this length.
fn child(module: &str, ancestor: usize) -> Option<&str> {
    let rest = module.get(ancestor..)?;
    let end = rest.find("::").unwrap_or(rest.len());
    module.get(..ancestor + end)
}

/// Returns the modules that `module` reaches and that reach it, itself included.
fn component<'i>(graph: &Graph<'i>, module: &'i str) -> BTreeSet<&'i str> {
    let mut component: BTreeSet<_> =
        reached(graph, module).into_iter().filter(|other| reached(graph, other).contains(module)).collect();
    component.insert(module);
    component
}

fn reached<'i>(graph: &Graph<'i>, module: &str) -> BTreeSet<&'i str> {
    let mut reached = BTreeSet::new();
    let mut next = vec![module];
    while let Some(module) = next.pop() {
        for &to in graph.get(module).into_iter().flat_map(BTreeMap::keys) {
            if reached.insert(to) {
                next.push(to);
            }
        }
    }
    reached
}

fn cycle(graph: &Graph<'_>, component: &BTreeSet<&str>) -> Cycle {
    let edges = component.iter().filter_map(|module| graph.get(module)).flatten();
    let imports = edges.filter(|(to, _)| component.contains(*to)).map(|(_, import)| (*import).clone()).collect();
    Cycle { modules: component.iter().map(|&module| module.to_owned()).collect(), imports }
}
