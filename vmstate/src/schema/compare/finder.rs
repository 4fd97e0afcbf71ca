//! Collection of findings, with the path to the field that is being compared.

use std::fmt::Display;

use super::rule::{Rule, Severity};
use crate::schema::shape::ShapeField;

/// The highest number of findings about one device and direction. Shapes come from untrusted files, and two of them can
/// differ in a million fields.
const MAX_FINDINGS: usize = 1000;

/// The advice about a field of a nested struct. `since` alone does not help, because the stream has no version for it.
const NESTED_ADVICE: &str = "\
    streams do not contain the version of a nested struct: put the field into a subsection with `needed`; or mark it with \
    `since`, raise the versions of the nested struct and of the section, and add `versioned(was(..=OLD => OLD))` with \
    both old versions to the field with the struct; or give the struct `versions = parent`, so that `since` refers to \
    the section's version";

/// The direction of a load: which side writes and which side reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// The new side reads a stream of the old side.
    OldToNew,
    /// The old side reads a stream of the new side.
    NewToOld,
}

/// A difference between two shapes, in one direction.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The rule that the difference breaks.
    pub rule: Rule,
    /// The direction in which it matters.
    pub direction: Direction,
    /// The device, by the name of its section or type.
    pub device: String,
    /// The path of the field: `serial.recv_fifo.count`. Empty if the finding concerns the whole device.
    pub path: String,
    /// The version of the section in the stream, if the finding concerns an older version.
    pub at_version: Option<u32>,
    /// Set if the field belongs to a nested struct with separate versions, which streams do not contain.
    pub own_versions: bool,
    /// The writer's definition.
    pub written: String,
    /// The reader's definition.
    pub read: String,
}

impl Finding {
    /// Returns the severity of the rule.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.rule.severity()
    }

    /// Returns a safe change, or a property to check.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self.rule {
            Rule::Missing | Rule::Extra if self.own_versions => NESTED_ADVICE,
            rule => rule.advice(),
        }
    }

    /// Returns the definition of the old side.
    #[must_use]
    pub fn on_old_side(&self) -> &str {
        match self.direction {
            Direction::OldToNew => &self.written,
            Direction::NewToOld => &self.read,
        }
    }

    /// Returns the definition of the new side.
    #[must_use]
    pub fn on_new_side(&self) -> &str {
        match self.direction {
            Direction::OldToNew => &self.read,
            Direction::NewToOld => &self.written,
        }
    }
}

/// Collects findings about the field at a path.
pub(super) struct Finder<'f> {
    context: Context<'f>,
    findings: &'f mut Vec<Finding>,
    /// The highest number of findings.
    limit: usize,
    path: String,
    /// The state of the structs around the field.
    nesting: Nesting,
}

/// The structs around a field.
#[derive(Clone, Copy)]
pub(super) struct Nesting {
    /// The versions of the struct around it, as written and as read, for structs that inherit them.
    pub(super) inherited: (u32, u32),
    /// Set if the field belongs to a nested struct with separate versions, which streams do not contain.
    pub(super) own_versions: bool,
}

/// The part of a finder that is the same for a whole device.
#[derive(Clone, Copy)]
pub(super) struct Context<'f> {
    pub(super) direction: Direction,
    pub(super) device: &'f str,
    pub(super) at_version: Option<u32>,
    /// Set if the writing side is a description of a stream: all its fields were sent, and its conditions are decided.
    pub(super) is_sent: bool,
    /// Set if the reading side is a description of a stream as well: its missing fields may have been left out.
    pub(super) reads_sent: bool,
    /// Set if the conditions of subsections are unknown.
    pub(super) guesses: bool,
}

impl<'f> Finder<'f> {
    pub(super) fn new(context: Context<'f>, findings: &'f mut Vec<Finding>) -> Self {
        let limit = findings.len().saturating_add(MAX_FINDINGS);
        let nesting = Nesting { inherited: (0, 0), own_versions: false };
        Self { context, findings, limit, path: String::new(), nesting }
    }

    pub(super) fn nesting(&self) -> Nesting {
        self.nesting
    }

    pub(super) fn set_nesting(&mut self, nesting: Nesting) {
        self.nesting = nesting;
    }

    pub(super) fn is_sent(&self) -> bool {
        self.context.is_sent
    }

    pub(super) fn guesses(&self) -> bool {
        self.context.guesses
    }

    pub(super) fn reads_sent(&self) -> bool {
        self.context.reads_sent
    }

    pub(super) fn direction(&self) -> Direction {
        self.context.direction
    }

    /// Returns whether the limit of findings is reached.
    pub(super) fn is_full(&self) -> bool {
        self.findings.len() >= self.limit
    }

    /// Returns a finder for the field `name`.
    pub(super) fn at(&mut self, name: &str) -> Finder<'_> {
        let path = if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) };
        Finder { context: self.context, findings: self.findings, limit: self.limit, path, nesting: self.nesting }
    }

    /// Returns a finder for a field of both sides, with the name of the old side: findings of both directions then have
    /// the same path.
    pub(super) fn at_both(&mut self, written: &ShapeField, read: &ShapeField) -> Finder<'_> {
        self.at(match self.context.direction {
            Direction::OldToNew => &written.name,
            Direction::NewToOld => &read.name,
        })
    }

    /// Returns a finder for the element `index`.
    pub(super) fn element(&mut self, index: usize) -> Finder<'_> {
        let path = format!("{}[{index}]", self.path);
        Finder { context: self.context, findings: self.findings, limit: self.limit, path, nesting: self.nesting }
    }

    /// Returns a finder for the same place.
    pub(super) fn inside(&mut self) -> Finder<'_> {
        let path = self.path.clone();
        Finder { context: self.context, findings: self.findings, limit: self.limit, path, nesting: self.nesting }
    }

    pub(super) fn report(&mut self, rule: Rule, written: impl Display, read: impl Display) {
        if self.is_full() {
            return;
        }
        self.findings.push(Finding {
            rule,
            direction: self.context.direction,
            device: self.context.device.to_owned(),
            path: self.path.clone(),
            at_version: self.context.at_version,
            own_versions: self.nesting.own_versions,
            written: written.to_string(),
            read: read.to_string(),
        });
    }
}
