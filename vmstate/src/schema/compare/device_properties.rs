//! Comparison of the properties of whole devices.

use super::finder::Finder;
use super::rule::Rule;
use crate::schema::shape::{Hooks, Shape};

/// Compares everything but fields, subsections and versions.
pub(super) fn compare(finder: &mut Finder<'_>, written: &Shape, read: &Shape) {
    if written.name != read.name {
        finder.report(Rule::DeviceName, &written.name, &read.name);
    }
    if finder.is_sent() || finder.reads_sent() {
        return;
    }
    if written.conditional != read.conditional {
        finder.report(Rule::SectionCondition, presence(written), presence(read));
    }
    if place(written) != place(read) {
        finder.report(Rule::Place, place(written), place(read));
    }
    if written.hooks != read.hooks {
        finder.report(Rule::Hooks, hooks(written.hooks), hooks(read.hooks));
    }
}

fn presence(shape: &Shape) -> &'static str {
    if shape.conditional { "sent when needed" } else { "always sent" }
}

fn place(shape: &Shape) -> String {
    let early = if shape.early_setup { ", before the live sections" } else { "" };
    format!("priority {:?}{early}", shape.priority)
}

fn hooks(hooks: Hooks) -> String {
    let all = [
        (hooks.pre_save, "pre_save"),
        (hooks.post_save, "post_save"),
        (hooks.pre_load, "pre_load"),
        (hooks.post_load, "post_load"),
    ];
    let names: Vec<_> = all.iter().filter(|(is_there, _)| *is_there).map(|(_, name)| *name).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
