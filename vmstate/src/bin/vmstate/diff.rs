//! `vmstate diff`: compares two streams field by field.

use vmstate::dynamic::DecodedSection;
use vmstate::dynamic::diff::{SectionDifference, Snapshot, StateDifference, VersionedSection, compare};

use crate::args::Diff;
use crate::failure::Failure;
use crate::input::{Input, reject_two_stdins};
use crate::outcome::Outcome;
use crate::output;
use crate::select::{Prefixes, Selection, names};

mod render_json;
mod render_text;

/// The name of the section with guest memory.
const RAM: &str = "ram";

pub(crate) fn run(arguments: &Diff, json: bool) -> Result<Outcome, Failure> {
    reject_two_stdins(&arguments.old, &arguments.new)?;
    let old = Input::open(&arguments.old)?.snapshot()?;
    let new = Input::open(&arguments.new)?.snapshot()?;
    let names = [&old, &new].into_iter().flat_map(|side| &side.sections).map(|entry| &*entry.section.name);
    let sections = Selection::new(&arguments.sections, &names);
    let wanted = Wanted { sections, fields: Prefixes::new(&arguments.fields) };
    wanted.check(&old, &new)?;
    let differences: Vec<_> = compare(&old, &new).filter_map(|difference| wanted.keep(difference)).collect();
    if json {
        output::print_json(&render_json::Document::new(&differences))?;
    } else {
        output::print(&render_text::differences(&differences))?;
    }
    Ok(Outcome::of_comparison(differences.is_empty()))
}

/// The sections and fields to compare.
struct Wanted<'a> {
    sections: Selection<'a>,
    fields: Prefixes<'a>,
}

impl<'a> Wanted<'a> {
    /// Returns an error if a named section or field is in neither stream.
    fn check(&self, old: &Snapshot, new: &Snapshot) -> Result<(), Failure> {
        for snapshot in [old, new] {
            let entries = snapshot.sections.iter().map(|entry| &entry.section);
            for section in snapshot.configuration.iter().chain(entries) {
                if self.sections.has(&section.name, section.instance_id) {
                    self.fields.look_into(section);
                }
            }
            for live in &snapshot.live {
                self.sections.has(&live.name, live.instance_id);
            }
            if !snapshot.memory.blocks().is_empty() {
                self.sections.has(RAM, 0);
            }
        }
        self.sections.check()?;
        self.fields.check()
    }

    fn keep<'d>(&self, difference: StateDifference<'d>) -> Option<StateDifference<'d>> {
        match difference {
            StateDifference::Configuration(section) => self.keep_section(section).map(StateDifference::Configuration),
            StateDifference::Section(section) => self.keep_section(section).map(StateDifference::Section),
            other => (self.fields.is_all() && self.has(&other)).then_some(other),
        }
    }

    fn keep_section<'d>(&self, mut section: SectionDifference<'d>) -> Option<SectionDifference<'d>> {
        if !self.sections.has(section.name, section.instance_id) {
            return None;
        }
        if self.fields.is_all() {
            return Some(section);
        }
        let sides = [section.old, section.new].map(|side| side.map(|VersionedSection { section, .. }| section));
        let [Some(old), Some(new)] = sides else {
            let holds = |section: &DecodedSection| self.fields.are_in(section);
            return sides.into_iter().flatten().any(holds).then_some(section);
        };
        let names = [old, new].map(names).concat();
        section.fields = section.fields.into_iter().filter_map(|field| self.fields.keep(&names, field)).collect();
        (!section.fields.is_empty()).then_some(section)
    }

    fn has(&self, difference: &StateDifference<'_>) -> bool {
        match difference {
            StateDifference::Live { old, new } => {
                old.or(*new).is_some_and(|live| self.sections.has(&live.name, live.instance_id))
            }
            _ => self.sections.has(RAM, 0),
        }
    }
}
