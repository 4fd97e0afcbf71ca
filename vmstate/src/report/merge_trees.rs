//! Merges the rows of two sides into one tree.

use crate::dynamic::diff::pairs;

use super::section_tree::Node;

/// The state of a row or section in a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Same,
    Changed,
    Added,
    Removed,
}

impl State {
    /// Returns the state of an item in a report about two streams.
    pub(super) fn new<T>(sides: &[Option<T>; 2], differ: bool) -> Self {
        match sides {
            [None, Some(_)] => Self::Added,
            [Some(_), None] => Self::Removed,
            _ if differ => Self::Changed,
            _ => Self::Same,
        }
    }

    /// Returns the number of the state in the page's data.
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::Same => 0,
            Self::Changed => 1,
            Self::Added => 2,
            Self::Removed => 3,
        }
    }
}

/// A row of either side or both.
pub(super) struct Row<'a> {
    pub(super) sides: [Option<&'a Node>; 2],
    pub(super) state: State,
    /// The number of rows that differ: this one, and the rows in it.
    pub(super) changes: u64,
    pub(super) inside: Vec<Self>,
}

/// The payloads of a section on both sides.
#[derive(Clone, Copy)]
pub(super) struct Payloads<'a> {
    /// The offsets of the payloads in their streams.
    pub(super) offsets: [u64; 2],
    pub(super) bytes: [&'a [u8]; 2],
    /// Set if two sides are compared.
    pub(super) are_two: bool,
}

impl Payloads<'_> {
    /// Pairs rows of the same names.
    pub(super) fn merge<'n>(self, old: &'n [Node], new: &'n [Node]) -> Vec<Row<'n>> {
        let pairs = pairs(old, new, |node| &node.name);
        pairs.into_iter().map(|pair| self.row(pair.sides().into())).collect()
    }

    fn row<'n>(self, sides: [Option<&'n Node>; 2]) -> Row<'n> {
        let [old, new] = sides.map(|node| node.map_or(&[][..], |node| node.inside.as_slice()));
        let inside = self.merge(old, new);
        let within: u64 = inside.iter().map(|row| row.changes).sum();
        let state = match sides {
            _ if !self.are_two => State::Same,
            [Some(one), Some(other)] => State::new(&sides, self.differ(one, other, within)),
            _ => State::new(&sides, false),
        };
        let changes = match state {
            State::Same => within,
            State::Changed => within + 1,
            State::Added | State::Removed => 1,
        };
        Row { sides, state, changes, inside }
    }

    /// Returns whether two rows differ, apart from the rows in them.
    fn differ(self, old: &Node, new: &Node, within: u64) -> bool {
        let have_other_bytes = || self.bytes_of(0, old) != self.bytes_of(1, new);
        if old.inside.is_empty() && new.inside.is_empty() {
            return old.kind != new.kind || have_other_bytes();
        }
        // If no inner row differs, the bytes may still differ in rows that the page leaves out.
        old.text != new.text || within == 0 && have_other_bytes()
    }

    /// Returns the bytes of a row on one side.
    fn bytes_of(&self, side: usize, node: &Node) -> Option<&[u8]> {
        let start = usize::try_from(node.offset.checked_sub(*self.offsets.get(side)?)?).ok()?;
        let end = start.checked_add(usize::try_from(node.size).ok()?)?;
        self.bytes.get(side)?.get(start..end)
    }
}
