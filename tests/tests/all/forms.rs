//! Properties of every form of `vmstate_tests::forms`.
//!
//! Each test is a property, and runs for all forms. The test binary `bounds` measures the memory of loads.

mod book;
mod misuse;
mod tools;

use std::fmt::Debug;

use vmstate::laws::Choices;
use vmstate::prelude::*;
use vmstate::walk;
use vmstate_tests::forms::{Form, Property, check};

use crate::derive::{load, save};

/// Returns the payload at an older version.
fn save_at<T: VmState>(device: &mut T, version: u32) -> Vec<u8> {
    let mut out = Writer::new();
    walk::save(device, &mut out, version).unwrap();
    out.take()
}

/// Returns the example and generated states.
fn states<T>(form: &Form<T>) -> impl Iterator<Item = T> {
    std::iter::once((form.example)()).chain((0..8).map(|seed| (form.make)(&mut Choices::new(seed))))
}

struct Bytes;

impl Property for Bytes {
    fn check<T: VmState + Debug + Send + 'static>(&self, form: &Form<T>) {
        let mut device = (form.example)();
        // Compares the save through a shared reference, too.
        assert_eq!(T::EXCLUSIVE, None);
        assert_eq!(save(&mut device), form.bytes);
        for mut other in std::iter::once(form.fresh()).chain(states(form)) {
            // The variant of an enum with `variant(fixed)` is the same in all states, as are values with `equal`.
            load(&mut other, &form.bytes, T::DESCRIPTION.version).unwrap();
            assert_eq!(save(&mut other), form.bytes, "{other:?}");
        }
        let mut slice = vec![0; form.bytes.len()];
        assert_eq!(device.save_to_slice(&mut slice).unwrap(), form.bytes.len());
        assert_eq!(slice, form.bytes);
        assert_eq!(device.saved_size().unwrap(), form.bytes.len());
        assert!(T::DESCRIPTION.max_size().is_none_or(|max| max >= form.bytes.len()));
    }
}

#[test]
fn examples_have_hand_written_bytes() {
    check(&Bytes);
}

struct Truncation;

impl Property for Truncation {
    fn check<T: VmState + Debug + Send + 'static>(&self, form: &Form<T>) {
        for version in T::DESCRIPTION.minimum_version..=T::DESCRIPTION.version {
            for mut device in states(form) {
                let bytes = save_at(&mut device, version);
                load(&mut form.fresh(), &bytes, version).unwrap();
                for end in 0..bytes.len() {
                    let error = load(&mut form.fresh(), &bytes[..end], version).expect_err("a truncated payload");
                    assert!(error.is_truncated(), "at {end}: {error}");
                    assert!(error.offset().is_some_and(|offset| offset <= end as u64), "at {end}: {error}");
                    assert!(error.path().starts_with("form."), "at {end}: {error}");
                }
            }
        }
    }
}

#[test]
fn every_truncation_is_an_error() {
    check(&Truncation);
}

/// One of the laws.
macro_rules! laws {
    ($($name:ident: $law:ident;)*) => {$(
        #[test]
        fn $name() {
            struct Law;

            impl Property for Law {
                fn check<T: VmState + Debug + Send + 'static>(&self, form: &Form<T>) {
                    form.laws().$law();
                }
            }

            check(&Law);
        }
    )*};
}

laws! {
    states_survive_a_round_trip: round_trip;
    second_load_changes_nothing: loading_twice;
    corruption_is_an_error_or_a_state: corruption;
    older_versions_survive_a_round_trip: older_versions;
    every_value_is_saved: every_field_is_saved;
}

struct AnyBytes;

impl Property for AnyBytes {
    fn check<T: VmState + Debug + Send + 'static>(&self, form: &Form<T>) {
        let laws = form.laws();
        for seed in 0..300 {
            let mut choices = Choices::new(seed);
            // Small numbers are frequent, so that tags and counts are often possible.
            let byte = |choices: &mut Choices| if choices.flip() { choices.byte() & 3 } else { choices.byte() };
            let mut bytes: Vec<_> = (0..choices.below(40)).map(|_| byte(&mut choices)).collect();
            laws.accepts_or_rejects(&bytes);
            // The first two bytes select the version and the kind of input.
            bytes.splice(0..0, [choices.byte(), 0]);
            laws.fuzz(&bytes);
        }
    }
}

#[test]
fn any_bytes_are_an_error_or_a_state() {
    check(&AnyBytes);
}

struct Counts;

impl Property for Counts {
    fn check<T: VmState + Debug + Send + 'static>(&self, form: &Form<T>) {
        let grows = T::DESCRIPTION.max_size().is_none_or(|max| max > 1 << 16);
        assert_eq!(grows, !form.counts.is_empty(), "max_size: {:?}", T::DESCRIPTION.max_size());
        for before in &form.counts {
            assert!(form.bytes.len() > before.len(), "{before:?}");
        }
    }
}

#[test]
fn forms_that_grow_have_counts() {
    check(&Counts);
}
