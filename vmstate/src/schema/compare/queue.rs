//! The queue of a side's fields that have not been compared yet.
use std::collections::{HashMap, VecDeque};

use super::side::{Side, inline};
use crate::schema::shape::{Shape, ShapeField};

/// The fields of one side that have not been compared yet.
pub(super) struct Queue<'s> {
    pub(super) items: VecDeque<(String, Item<'s>)>,
    /// The number of remaining fields with each name.
    names: HashMap<String, usize>,
}

impl<'s> Queue<'s> {
    pub(super) fn new(side: Side<'s>) -> Self {
        let mut queue = Self { items: VecDeque::new(), names: HashMap::new() };
        queue.push_front(side);
        queue
    }

    /// Inserts the fields and subsections of a struct in front.
    fn push_front(&mut self, side: Side<'s>) {
        if !side.shape.subsections.is_empty() {
            self.items.push_front((String::new(), Item::Subsections(side.shape)));
        }
        let keys = keys(side.shape);
        for (field, key) in side.shape.fields.iter().zip(keys).rev() {
            if field.can_exist_at(side.version) {
                *self.names.entry(key.clone()).or_default() += 1;
                self.items.push_front((key, Item::Field(field)));
            }
        }
    }

    pub(super) fn front(&self) -> Option<Item<'s>> {
        self.items.front().map(|(_, item)| *item)
    }

    pub(super) fn key(&self) -> String {
        self.items.front().map(|(key, _)| key.clone()).unwrap_or_default()
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.names.contains_key(key)
    }

    /// Returns whether subsections of the same struct follow. The struct is recognized by its name, or by the name of a
    /// subsection if the struct was renamed.
    pub(super) fn has_subsections_of(&self, shape: &Shape) -> bool {
        let has = |own: &Shape, name: &str| own.subsections.iter().any(|one| one.shape.name == name);
        // Subsections follow the fields of their struct, so the search from the end is short.
        self.items.iter().rev().any(|(_, item)| match item {
            Item::Field(_) => false,
            Item::Subsections(own) => {
                own.name == shape.name || shape.subsections.iter().any(|one| has(own, &one.shape.name))
            }
        })
    }

    /// Drops the item in front.
    pub(super) fn pop(&mut self) {
        if let Some((key, Item::Field(_))) = self.items.pop_front() {
            self.forget(&key);
        }
    }

    fn forget(&mut self, key: &str) {
        if let Some(count) = self.names.get_mut(key) {
            *count -= 1;
            if *count == 0 {
                self.names.remove(key);
            }
        }
    }

    /// Removes the field with this name.
    pub(super) fn remove(&mut self, key: &str) -> Option<&'s ShapeField> {
        let index = self.items.iter().position(|(other, item)| other == key && matches!(item, Item::Field(..)))?;
        let (key, item) = self.items.remove(index)?;
        self.forget(&key);
        match item {
            Item::Field(field) => Some(field),
            Item::Subsections(_) => None,
        }
    }

    /// Replaces the struct in front by its fields.
    pub(super) fn unfold(&mut self) {
        if let Some(Item::Field(field)) = self.front()
            && let Some(side) = inline(field)
        {
            self.pop();
            self.push_front(side);
        }
    }

    /// Removes `count` fields, and returns their names.
    pub(super) fn take(&mut self, count: usize) -> Vec<&'s str> {
        let mut names = Vec::new();
        for _ in 0..count {
            if let Some(Item::Field(field)) = self.front() {
                names.push(&*field.name);
            }
            self.pop();
        }
        names
    }
}

/// An item of a struct: a field, or the place of its subsections.
#[derive(Clone, Copy)]
pub(super) enum Item<'s> {
    Field(&'s ShapeField),
    /// The place of the subsections of this struct.
    Subsections(&'s Shape),
}

/// Returns the names of a struct's fields as a stream contains them: repeated names are numbered (`vmfield_name_num` in
/// `migration/vmstate.c`), unless each version has only one of them.
fn keys(shape: &Shape) -> Vec<String> {
    let mut same: HashMap<&str, Vec<&ShapeField>> = HashMap::new();
    // Sent names are numbered already.
    let counted = if shape.is_sent { &[][..] } else { &shape.fields };
    counted.iter().for_each(|field| same.entry(&field.name).or_default().push(field));
    let several = same.into_values().filter(|fields| fields.len() > 1);
    let names: HashMap<_, _> = several.flat_map(|fields| numbered(&fields)).collect();
    let key = |field: &ShapeField| names.get(&std::ptr::from_ref(field)).unwrap_or(&field.name).clone();
    shape.fields.iter().map(key).collect()
}

/// The highest number of fields with one name whose versions are compared with each other, which takes quadratic time.
const MANY: usize = 64;

/// Returns the names of several fields with one name.
fn numbered<'s>(same: &[&'s ShapeField]) -> Vec<(*const ShapeField, String)> {
    let number = |(place, field): (usize, &&'s ShapeField)| {
        let others = |other: &&&ShapeField| !field.excludes(other);
        let (before, after) = same.split_at(place);
        let (before, alone) = if same.len() > MANY {
            // This many are an array that is declared element by element, and all are present in every version.
            (place, false)
        } else {
            let before = before.iter().filter(others).count();
            (before, before + after.iter().filter(others).count() == 1)
        };
        let name = if alone { field.name.clone() } else { format!("{}[{before}]", field.name) };
        (std::ptr::from_ref(*field), name)
    };
    same.iter().enumerate().map(number).collect()
}
