//! Temporaries: their state before a load.

use vmstate::Temporary;
use vmstate::prelude::*;

use super::{loaded, refused, save};

#[derive(VmState, Debug, PartialEq)]
#[vmstate(name = "spans")]
struct Spans {
    start: u8,
    #[vmstate(tmp = Length)]
    length: u8,
    #[vmstate(tmp = Bounds)]
    end: u8,
    #[vmstate(skip = "fixed when it is built")]
    limit: u8,
}

/// Made of the parent for a load, too, whose limit it checks.
#[derive(VmState)]
#[vmstate(name = "length", post_load = Self::check)]
struct Length {
    length: u8,
    #[vmstate(skip = "the parent's")]
    room: u8,
}

impl Length {
    fn check(&self) -> Result<(), String> {
        if self.length <= self.room { Ok(()) } else { Err(format!("there is room for {}", self.room)) }
    }
}

impl Temporary<Spans> for Length {
    fn from_parent(parent: &Spans) -> Self {
        Self { length: parent.length, room: parent.limit - parent.start }
    }

    fn apply(self, parent: &mut Spans) -> Result<(), LoadError> {
        parent.length = self.length;
        Ok(())
    }
}

/// Begins with nothing: a parent that is half loaded may end before its start.
#[derive(VmState, Default)]
#[vmstate(name = "bounds")]
struct Bounds {
    inside: u8,
}

impl Temporary<Spans> for Bounds {
    fn from_parent(parent: &Spans) -> Self {
        Self { inside: parent.end.checked_sub(parent.start).expect("a span that ends after its start") }
    }

    fn for_load(_: &Spans) -> Self {
        Self::default()
    }

    fn apply(self, parent: &mut Spans) -> Result<(), LoadError> {
        parent.end = parent.start + self.inside;
        Ok(())
    }
}

#[test]
fn temporary_starts_from_loaded_parent_or_default() {
    let spans = |start, length, end| Spans { start, length, end, limit: 20 };
    assert_eq!(save(&mut spans(9, 4, 12)), [9, 4, 3]);
    assert_eq!(loaded(spans(0, 0, 0), &[9, 4, 3]), spans(9, 4, 12));
    let error = refused(spans(0, 0, 0), &[9, 12, 3]);
    assert_eq!((error.path().as_str(), error.found()), ("spans.length", "there is room for 11"));
}
