//! The report of `vmstate port`: the number of types that can derive, and the fields that remain, by cause.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use super::cause::Cause;
use super::plan::Planned;
use super::syntax::Sources;
use crate::terminal::plain;

/// The result of a run.
#[derive(Serialize)]
pub(crate) struct Report {
    /// The number of types of the state.
    types: usize,
    /// The number of types that can derive with the written attributes.
    complete: usize,
    /// The number of fields of the state.
    fields: usize,
    /// The number of fields and types that remain, by cause.
    causes: BTreeMap<&'static str, usize>,
    remaining: Vec<Remaining>,
}

/// A field or type without attributes that the tool knows.
#[derive(Serialize)]
struct Remaining {
    file: String,
    line: usize,
    /// `Type`, or `Type.field`.
    place: String,
    cause: &'static str,
    /// The type of the field.
    subject: String,
    #[serde(skip)]
    advice: &'static str,
}

impl Report {
    pub(crate) fn new(sources: &Sources, planned: &[Planned]) -> Self {
        let remaining: Vec<_> = planned.iter().flat_map(|ty| remaining(sources, ty)).collect();
        let mut causes = BTreeMap::new();
        for one in &remaining {
            *causes.entry(one.cause).or_default() += 1;
        }
        Self {
            types: planned.len(),
            complete: planned.iter().filter(|ty| ty.is_complete()).count(),
            fields: planned.iter().map(|ty| ty.members.len()).sum(),
            causes,
            remaining,
        }
    }

    /// Returns whether all types can derive.
    pub(crate) fn is_complete(&self) -> bool {
        self.remaining.is_empty()
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for Remaining { file, line, place, cause, subject, advice } in &self.remaining {
            let subject = plain(subject);
            let _ = writeln!(text, "{}:{line}: {place}: {cause} `{subject}`: use {advice}", plain(file));
        }
        for (cause, count) in &self.causes {
            let _ = writeln!(text, "{count:>6}  {cause}");
        }
        let percent = (self.complete * 1000).checked_div(self.types).unwrap_or(1000);
        let (whole, tenth) = (percent / 10, percent % 10);
        let Self { types, complete, fields, .. } = self;
        let _ = writeln!(text, "{complete} of {types} types with {fields} fields can derive ({whole}.{tenth} %)");
        text
    }
}

fn remaining(sources: &Sources, ty: &Planned) -> Vec<Remaining> {
    let definition = &sources.types[ty.number];
    let file = &sources.files[definition.scope.file];
    let entry = |at: usize, place: String, cause: &Cause| Remaining {
        file: file.path.display().to_string(),
        line: file.line(at),
        place,
        cause: cause.kind,
        subject: cause.subject.clone(),
        advice: cause.advice(),
    };
    let own = ty.cause.iter().map(|cause| entry(definition.at, definition.name.clone(), cause));
    let members = ty.members.iter().filter_map(|member| {
        let place = format!("{}.{}", definition.name, member.name);
        Some(entry(member.at, place, member.cause.as_ref()?))
    });
    own.chain(members).collect()
}
