//! Single changes to a device, with their breaks and directions.
#![allow(dead_code)]

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use vmstate::prelude::*;
use vmstate::schema::compare::{CompareOptions, Direction, Rule, Severity, compare};
use vmstate::schema::shape::Shape;

use Direction::{NewToOld, OldToNew};

/// Returns the findings without notes.
fn found<O: VmState, N: VmState>() -> Vec<(Rule, Direction, String)> {
    let findings = compare(&Shape::from(O::DESCRIPTION), &Shape::from(N::DESCRIPTION), CompareOptions::default());
    findings.into_iter().map(|finding| (finding.rule, finding.direction, finding.path)).collect()
}

/// Saves one side and loads it on the other: where nothing is found that must work, and with a field too many or too few
/// it must not.
fn try_it<W: VmState + Default, R: VmState + Default>(expected: &[(Rule, Direction, String)], direction: Direction) {
    let found: Vec<_> = expected.iter().filter(|(_, other, _)| *other == direction).map(|(rule, ..)| *rule).collect();
    let is_raised = found.contains(&Rule::VersionRaised);
    let version = if is_raised { R::DESCRIPTION.version } else { W::DESCRIPTION.version };
    let mut out = Writer::new();
    W::default().save_at(&mut out, version).unwrap();
    let mut reader = Reader::from_slice(out.pending());
    let loaded = R::default().load(&mut reader, version);
    let fits = loaded.is_ok() && reader.at_end().unwrap();
    let bare = |rule: &Rule| matches!(rule, Rule::Missing | Rule::Extra | Rule::Size | Rule::SubsectionAlways);
    if found.iter().all(|rule| rule.severity() == Severity::Note) {
        assert!(fits, "{direction:?}: {loaded:?}");
    } else if found.iter().any(bare) && !expected.iter().any(|(rule, ..)| *rule == Rule::Order) {
        assert!(!fits, "{direction:?}: {found:?}");
    }
}

/// A test of one change: both structs, and the findings.
macro_rules! change {
    ($(#[$doc:meta])* $name:ident: { $($items:tt)* } => [$(($rule:ident, $direction:ident, $path:literal)),* $(,)?]) => {
        $(#[$doc])*
        #[test]
        fn $name() {
            $($items)*
            let expected: Vec<(Rule, Direction, String)> = vec![$((Rule::$rule, $direction, $path.to_owned())),*];
            assert_eq!(found::<Old, New>(), expected);
            try_it::<Old, New>(&expected, OldToNew);
            try_it::<New, Old>(&expected, NewToOld);
        }
    };
}

change!(nothing: {
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { a: u8, b: u16 }
    type New = Old;
} => []);

change!(a_field_is_removed: {
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { a: u8, b: u16, c: u32 }
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct New { a: u8, c: u32 }
} => [(Extra, OldToNew, "b"), (Missing, NewToOld, "b")]);

change!(a_field_is_added: {
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { a: u8, c: u32 }
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct New { a: u8, b: u16, c: u32 }
} => [(Missing, OldToNew, "b"), (Extra, NewToOld, "b")]);

change!(a_field_is_added_with_a_newer_version_and_no_gate: {
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { a: u8 }
    #[derive(VmState, Default)] #[vmstate(name = "d", version = 2)] struct New { a: u8, b: u16 }
} => [(Missing, OldToNew, "b"), (VersionRaised, NewToOld, ""), (Extra, NewToOld, "b")]);

change!(a_field_is_added_from_a_newer_version_on: {
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { a: u8, c: u32 }
    #[derive(VmState, Default)] #[vmstate(name = "d", version = 2)] struct New { a: u8, #[vmstate(since = 2)] b: u16, c: u32 }
} => [(VersionRaised, NewToOld, "")]);

change!(a_field_is_removed_from_a_newer_version_on: {
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { a: u8, b: u16, c: u32 }
    #[derive(VmState, Default)] #[vmstate(name = "d", version = 2)]
    struct New { a: u8, #[vmstate(removed("b": u16, until = 1))] c: u32 }
} => [(VersionRaised, NewToOld, "")]);

change!(a_field_becomes_padding: {
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { a: u8, b: u16, c: u32 }
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct New { a: u8, #[vmstate(unused(before = 2))] c: u32 }
} => [(Unused, OldToNew, "b"), (Unused, NewToOld, "b")]);

change!(padding_becomes_two_fields: {
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { a: u8, #[vmstate(unused(before = 4))] c: u32 }
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct New { a: u8, x: u16, y: u16, c: u32 }
} => [(Unused, OldToNew, "x"), (Unused, NewToOld, "x")]);

change!(padding_is_too_narrow: {
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { a: u8, b: u32, c: u32 }
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct New { a: u8, #[vmstate(unused(before = 2))] c: u32 }
} => [(Extra, OldToNew, "b"), (Missing, OldToNew, "unused"), (Extra, NewToOld, "unused"), (Missing, NewToOld, "b")]);

change!(a_type_is_wider: {
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { a: u16, b: u8 }
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct New { a: u32, b: u8 }
} => [(Type, OldToNew, "a"), (Type, NewToOld, "a")]);

change!(a_type_has_a_sign: {
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { a: u16, b: u8 }
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct New { a: i16, b: u8 }
} => [(Sign, OldToNew, "a"), (Sign, NewToOld, "a")]);

change!(a_number_becomes_a_flag: {
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { a: u8 }
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct New { a: bool }
} => [(Type, OldToNew, "a"), (Type, NewToOld, "a")]);

change!(a_number_becomes_a_float: {
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { a: u64 }
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct New { a: f64 }
} => [(Type, OldToNew, "a"), (Type, NewToOld, "a")]);

change!(a_number_becomes_a_deadline: {
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { a: u64 }
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct New { #[vmstate(timer)] a: Option<u64> }
} => [(Meaning, OldToNew, "a"), (Meaning, NewToOld, "a")]);

change!(a_number_becomes_its_bytes: {
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { a: u32 }
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct New { a: [u8; 4] }
} => [(Meaning, OldToNew, "a"), (Meaning, NewToOld, "a")]);

change!(/// Data after the fields is not read as a field.
    the_last_field_before_subsections_is_removed: {
    #[derive(VmState, Default)] #[vmstate(name = "d")]
    struct Old { a: u8, b: u16, #[vmstate(subsection("d/c", needed = |old| old.c != 0))] c: u8 }
    #[derive(VmState, Default)] #[vmstate(name = "d")]
    struct New { a: u8, #[vmstate(subsection("d/c", needed = |new| new.c != 0))] c: u8 }
} => [(Extra, OldToNew, "b"), (Missing, NewToOld, "b")]);

change!(subsections_of_a_nested_struct_are_compared_where_they_are: {
    #[derive(VmState, Default)] #[vmstate(name = "inner")]
    struct OldInner { a: u8, #[vmstate(subsection("inner/b", needed = |inner| inner.b != 0))] b: u8 }
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { inner: OldInner, #[vmstate(name = "t")] c: bool }
    #[derive(VmState, Default)] #[vmstate(name = "inner")]
    struct NewInner { a: u8, #[vmstate(subsection("inner/b", needed = |inner| inner.b != 0))] b: u16 }
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct New { inner: NewInner, #[vmstate(name = "t")] c: bool }
} => [(Type, OldToNew, "inner.inner/b.b"), (Type, NewToOld, "inner.inner/b.b")]);

change!(bytes_become_a_buffer: {
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { a: [u8; 4] }
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct New { #[vmstate(buffer)] a: [u8; 4] }
} => []);

change!(a_buffer_is_longer: {
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { #[vmstate(buffer)] a: [u8; 4] }
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct New { #[vmstate(buffer)] a: [u8; 5] }
} => [(Size, OldToNew, "a"), (Size, NewToOld, "a")]);

change!(a_value_must_now_match: {
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { a: u16 }
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct New { #[vmstate(equal)] a: u16 }
} => [(Check, OldToNew, "a")]);

change!(fields_change_places: {
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { a: u8, b: u16, c: u16 }
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct New { a: u8, c: u16, b: u16 }
} => [(Order, OldToNew, "b"), (Order, NewToOld, "c")]);

change!(an_array_is_longer: {
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { a: [u16; 4], b: u8 }
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct New { a: [u16; 5], b: u8 }
} => [(Count, OldToNew, "a"), (Count, NewToOld, "a")]);

change!(an_array_is_counted: {
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { n: u8, a: [u16; 4] }
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct New { n: u8, #[vmstate(len = n)] a: [u16; 4] }
} => [(CountSource, OldToNew, "a"), (CountSource, NewToOld, "a")]);

change!(an_array_has_a_lower_limit: {
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { n: u8, #[vmstate(len = n, max = 16)] a: Vec<u16> }
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct New { n: u8, #[vmstate(len = n, max = 8)] a: Vec<u16> }
} => [(Limit, OldToNew, "a")]);

change!(an_array_is_multiplied: {
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { n: u8, #[vmstate(len = n)] a: [u16; 8] }
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct New { n: u8, #[vmstate(len = n * 2)] a: [u16; 8] }
} => [(Count, OldToNew, "a"), (Count, NewToOld, "a")]);

change!(a_field_has_another_name: {
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { a: u8, b: u16 }
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct New { a: u8, #[vmstate(name = "c")] b: u16 }
} => [(Renamed, OldToNew, "b"), (Renamed, NewToOld, "b")]);

change!(fields_are_put_into_a_struct: {
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { a: u8, b: u16, c: u32, d: u8 }
    #[derive(VmState, Default)] #[vmstate(name = "inner")] struct Inner { b: u16, c: u32 }
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct New { a: u8, state: Inner, d: u8 }
} => []);

change!(fields_are_put_into_an_array: {
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { a: u8, x: u16, y: u16, d: u8 }
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct New { a: u8, xy: [u16; 2], d: u8 }
} => [(Regrouped, OldToNew, "x"), (Regrouped, NewToOld, "xy")]);

change!(a_field_has_a_condition: {
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { a: u8, b: u16 }
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct New { a: u8, #[vmstate(when = Self::has_b)] b: u16 }
    impl New { fn has_b(&self, _: u32) -> bool { true } }
} => [(Condition, OldToNew, "b"), (Condition, NewToOld, "b")]);

change!(a_field_is_added_under_a_condition: {
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { a: u8, c: u32 }
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct New { a: u8, #[vmstate(when = Self::has_b)] b: u16, c: u32 }
    impl New { fn has_b(&self, _: u32) -> bool { true } }
} => [(ConditionalMissing, OldToNew, "b"), (ConditionalExtra, NewToOld, "b")]);

change!(/// Nested structs have no version on the wire: a gate does not help there.
    a_nested_struct_has_a_newer_version: {
    #[derive(VmState, Default)] #[vmstate(name = "inner")] struct OldInner { b: u16 }
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { inner: OldInner, c: u32 }
    #[derive(VmState, Default)] #[vmstate(name = "inner", version = 2)] struct NewInner { b: u16, #[vmstate(since = 2)] x: u8 }
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct New { inner: NewInner, c: u32 }
} => [
    (NestedVersion, OldToNew, "inner"), (Missing, OldToNew, "inner.x"),
    (NestedVersion, NewToOld, "inner"), (Extra, NewToOld, "inner.x"),
]);

change!(elements_of_an_array_are_compared: {
    #[derive(VmState, Default)] #[vmstate(name = "inner")] struct OldInner { b: u16 }
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { inner: [OldInner; 2], c: u32 }
    #[derive(VmState, Default)] #[vmstate(name = "inner")] struct NewInner { b: u32 }
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct New { inner: [NewInner; 2], c: u32 }
} => [(Type, OldToNew, "inner.b"), (Type, NewToOld, "inner.b")]);

change!(a_value_becomes_a_list: {
    #[derive(VmState, Default)] #[vmstate(name = "inner")] struct Inner { b: u16 }
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { inner: [Inner; 2] }
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct New { #[vmstate(list(max = 2))] inner: VecDeque<Inner> }
} => [(Nesting, OldToNew, "inner"), (Nesting, NewToOld, "inner")]);

change!(what_is_in_a_tree_changes: {
    #[derive(VmState, Default)] #[vmstate(name = "value")] struct OldValue { b: u16 }
    #[derive(VmState, Default)] #[vmstate(name = "d")]
    struct Old { #[vmstate(tree(direct, max = 4))] tree: BTreeMap<u64, OldValue> }
    #[derive(VmState, Default)] #[vmstate(name = "value")] struct NewValue { b: u64 }
    #[derive(VmState, Default)] #[vmstate(name = "d")]
    struct New { #[vmstate(tree(direct, max = 4))] tree: BTreeMap<u64, NewValue> }
} => [(Type, OldToNew, "tree.b"), (Type, NewToOld, "tree.b")]);

change!(pointers_get_markers: {
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { #[vmstate(pointer)] a: [Option<Box<u16>>; 2] }
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct New { #[vmstate(pointer(alloc))] a: [Option<Box<u16>>; 2] }
} => [(Pointers, OldToNew, "a"), (Pointers, NewToOld, "a")]);

change!(a_subsection_is_added: {
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { a: u8 }
    #[derive(VmState, Default)] #[vmstate(name = "d")]
    struct New { a: u8, #[vmstate(subsection("d/b", needed = |new| new.b != 0))] b: u16 }
} => [(SubsectionAdded, NewToOld, "d/b")]);

change!(a_subsection_is_added_that_is_always_sent: {
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { a: u8 }
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct New { a: u8, #[vmstate(subsection("d/b", always))] b: u16 }
} => [(SubsectionAlways, NewToOld, "d/b")]);

change!(a_subsection_is_renamed: {
    #[derive(VmState, Default)] #[vmstate(name = "d")]
    struct Old { a: u8, #[vmstate(subsection("d/b", needed = |old| old.b != 0))] b: u16 }
    #[derive(VmState, Default)] #[vmstate(name = "d")]
    struct New { a: u8, #[vmstate(subsection("d/c", needed = |new| new.b != 0))] b: u16 }
} => [(SubsectionRemoved, OldToNew, "d/b"), (SubsectionAdded, NewToOld, "d/c")]);

change!(a_subsection_must_be_there: {
    #[derive(VmState, Default)] #[vmstate(name = "d")]
    struct Old { a: u8, #[vmstate(subsection("d/b", needed = |old| old.b != 0))] b: u16 }
    #[derive(VmState, Default)] #[vmstate(name = "d")]
    struct New { a: u8, #[vmstate(subsection("d/b", needed = |new| new.b != 0, absent = error))] b: u16 }
} => [(SubsectionRequired, OldToNew, "d/b")]);

change!(a_field_of_a_subsection_changes: {
    #[derive(VmState, Default)] #[vmstate(name = "d")]
    struct Old { a: u8, #[vmstate(subsection("d/b", needed = |old| old.b != 0))] b: u16 }
    #[derive(VmState, Default)] #[vmstate(name = "d")]
    struct New { a: u8, #[vmstate(subsection("d/b", needed = |new| new.b != 0))] b: u32 }
} => [(Type, OldToNew, "d/b.b"), (Type, NewToOld, "d/b.b")]);

change!(/// Subsections have their versions on the wire; a release writes only its own.
    a_subsection_has_a_newer_version: {
    #[derive(VmState, Default)] #[vmstate(name = "d")]
    struct Old { a: u8, #[vmstate(subsection("d/b", needed = |old| old.b != 0))] b: u16 }
    #[derive(VmState, Default)] #[vmstate(name = "d")]
    struct New { a: u8, #[vmstate(subsection("d/b", version = 2, needed = |new| new.b != 0))] b: u16 }
} => [(VersionTooNew, NewToOld, "d/b")]);

change!(the_minimum_is_raised: {
    #[derive(VmState, Default)] #[vmstate(name = "d", version = 3)] struct Old { a: u8 }
    #[derive(VmState, Default)] #[vmstate(name = "d", version = 3, minimum_version = 2)] struct New { a: u8 }
} => [(MinimumRaised, OldToNew, "")]);

change!(the_minimum_is_raised_above_the_old_version: {
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { a: u8 }
    #[derive(VmState, Default)] #[vmstate(name = "d", version = 2, minimum_version = 2)] struct New { a: u8 }
} => [(VersionTooOld, OldToNew, ""), (VersionTooNew, NewToOld, "")]);

#[test]
fn fields_of_older_versions_are_compared() {
    #[derive(VmState, Default)]
    #[vmstate(name = "d", version = 2)]
    struct Old {
        a: u8,
        #[vmstate(since = 2)]
        b: u16,
    }
    #[derive(VmState, Default)]
    #[vmstate(name = "d", version = 2)]
    struct New {
        a: u8,
        b: u16,
    }
    assert_eq!(found::<Old, New>(), [(Rule::Missing, OldToNew, "b".to_owned())]);
    try_it::<Old, New>(&[], OldToNew);
    let mut out = Writer::new();
    Old::default().save_at(&mut out, 1).unwrap();
    assert!(New::default().load(&mut Reader::from_slice(out.pending()), 1).is_err());
}

change!(a_device_has_another_name: {
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { a: u8 }
    #[derive(VmState, Default)] #[vmstate(name = "e")] struct New { a: u8 }
} => [(DeviceName, OldToNew, ""), (DeviceName, NewToOld, "")]);

change!(a_section_has_a_condition: {
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { a: u8 }
    #[derive(VmState, Default)] #[vmstate(name = "d", needed = |new| new.a != 0)] struct New { a: u8 }
} => [(SectionCondition, OldToNew, ""), (SectionCondition, NewToOld, "")]);

change!(a_section_has_another_place: {
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { a: u8 }
    #[derive(VmState, Default)] #[vmstate(name = "d", priority = PciBus)] struct New { a: u8 }
} => [(Place, OldToNew, ""), (Place, NewToOld, "")]);

change!(a_device_can_no_longer_be_saved: {
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { a: u8 }
    #[derive(VmState, Default)] #[vmstate(name = "d", unmigratable)] struct New { a: u8 }
} => [(Unmigratable, OldToNew, "")]);

change!(a_hook_is_added: {
    #[derive(VmState, Default)] #[vmstate(name = "d")] struct Old { a: u8 }
    #[derive(VmState, Default)] #[vmstate(name = "d", post_load = Self::check)] struct New { a: u8 }
    impl New { fn check(&mut self) {} }
} => [(Hooks, OldToNew, ""), (Hooks, NewToOld, "")]);

/// The rules that are about more than two shapes, or about dumps and streams, have their tests elsewhere.
#[test]
fn every_rule_has_a_test() {
    let elsewhere = [Rule::Device, Rule::Machine, Rule::SubsectionGone, Rule::SentCount].map(Rule::name);
    let here = include_str!("changes.rs");
    let untested: BTreeSet<_> = Rule::all()
        .filter(|rule| !here.contains(&format!("({rule:?}, ")))
        .map(Rule::name)
        .filter(|name| !elsewhere.contains(name))
        .collect();
    assert!(untested.is_empty(), "{untested:?}");
}
