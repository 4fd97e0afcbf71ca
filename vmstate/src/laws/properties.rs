//! The laws that require no stream.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use vmstate_types::{Reader, VmState, Writer, walk};

use super::message::{self, name};
use super::saved::{self, describe, guarded, save};
use super::{Choices, Laws, budget, leaves};
use crate::dynamic::{DecodedSection, DecodedStruct};

/// The number of loads and saves of a round trip, for the budget.
const ROUND_TRIP: usize = 6;
/// The number of loads and saves of a corrupted payload.
const CORRUPTION: usize = 4;
/// The highest number of states in which a subsection is looked for. Rare ones require more states than other laws.
const SUBSECTION_STATES: u64 = 4 * 48;
/// The masks of a corrupted byte: the lowest bit, the sign, and all bits.
const MASKS: [u8; 3] = [0x01, 0x80, 0xff];

impl<T: VmState> Laws<T> {
    /// A state that is saved and loaded into a new device is saved again with the same bytes.
    ///
    /// # Panics
    /// Panics if the law does not hold.
    pub fn round_trip(&self) {
        for seed in 0..self.states() {
            let saved = save(&mut self.state(seed), T::DESCRIPTION.version);
            let mut loaded = self.fresh();
            self.load(&mut loaded, &saved, Some(seed));
            let again = save(&mut loaded, T::DESCRIPTION.version);
            assert!(saved == again, "{}", self.changed("a round trip", Some(seed), &saved, &again));
        }
    }

    /// Loading the same bytes a second time changes nothing.
    ///
    /// # Panics
    /// Panics if the law does not hold.
    pub fn loading_twice(&self) {
        for seed in 0..self.states() {
            let saved = save(&mut self.state(seed), T::DESCRIPTION.version);
            let mut loaded = self.fresh();
            self.load(&mut loaded, &saved, Some(seed));
            let once = save(&mut loaded, T::DESCRIPTION.version);
            self.load(&mut loaded, &saved, Some(seed));
            let twice = save(&mut loaded, T::DESCRIPTION.version);
            assert!(once == twice, "{}", self.changed("loading a second time", Some(seed), &once, &twice));
        }
    }

    /// A truncated or changed payload results in an error that leaves the device unchanged, or in a valid state.
    ///
    /// # Panics
    /// Panics if the law does not hold.
    pub fn corruption(&self) {
        let states = self.states();
        for seed in 0..states {
            let (saved, section) = describe(&mut self.state(seed));
            let count = budget::places(saved.len(), states, CORRUPTION * (1 + MASKS.len()));
            for place in budget::selection(saved.len(), count, seed) {
                self.accepts_or_rejects(&saved[..place]);
                for mask in MASKS {
                    let mut damaged = saved.clone();
                    damaged[place] ^= mask;
                    self.accepts_or_rejects_at(T::DESCRIPTION.version, &damaged, Some((place, &section)));
                }
            }
        }
    }

    /// Any input results in an error that leaves the device unchanged, or in a state that can be saved and loaded.
    ///
    /// # Panics
    /// Panics if the law does not hold.
    pub fn accepts_or_rejects(&self, bytes: &[u8]) {
        self.accepts_or_rejects_at(T::DESCRIPTION.version, bytes, None);
    }

    /// Loads `bytes` at a version. `change` is the position of a changed byte in them, with the original section.
    pub(super) fn accepts_or_rejects_at(
        &self,
        loaded_version: u32,
        bytes: &[u8],
        change: Option<(usize, &DecodedSection)>,
    ) {
        let version = T::DESCRIPTION.version;
        let (place, section) = (change.map(|(place, _)| place), change.map(|(_, section)| section));
        let input = || message::input(bytes, place, section);
        let mut device = self.fresh();
        let before = save(&mut device, version);
        let mut copy = Writer::new();
        if let Err(error) =
            guarded::<T, _>("copying its state", &String::new, || walk::checkpoint(&mut device, &mut copy))
        {
            panic!("{}: the generator made a device that cannot be saved: {error}", name::<T>());
        }
        if saved::load(&mut device, bytes, loaded_version, place, section).is_err() {
            let restored =
                guarded::<T, _>("restoring its state", &input, || walk::restore(&mut device, copy.pending()));
            if let Err(error) = restored {
                panic!("{}: cannot roll back a failed load: {error}{}", name::<T>(), input());
            }
            let after = saved::save_after(&mut device, version, &input);
            assert!(before == after, "{}", self.changed("a failed load", None, &before, &after));
            return;
        }
        let saved = saved::save_after(&mut device, version, &input);
        let mut other = self.fresh();
        self.load(&mut other, &saved, None);
        let again = save(&mut other, version);
        assert!(saved == again, "{}", self.changed("a round trip after loading corrupted bytes", None, &saved, &again));
    }

    /// Every version from the minimum on can be saved, loaded, and saved as the same bytes.
    ///
    /// # Panics
    /// Panics if the law does not hold.
    pub fn older_versions(&self) {
        for version in T::DESCRIPTION.minimum_version..=T::DESCRIPTION.version {
            for seed in 0..self.states() {
                let saved = save(&mut self.state(seed), version);
                let mut loaded = self.fresh();
                if let Err(error) = saved::load(&mut loaded, &saved, version, None, None) {
                    panic!(
                        "{}: the saved state at version {version} does not load (seed {seed})\n{error:#}",
                        name::<T>()
                    );
                }
                let again = save(&mut loaded, version);
                let what = format!("a round trip at version {version}");
                assert!(saved == again, "{}", self.changed(&what, Some(seed), &saved, &again));
            }
        }
    }

    /// Every field on the wire is kept: a different value in the loaded bytes results in a different value in the saved
    /// bytes.
    ///
    /// Values that are only compared or ignored are left out, as well as values without an accepted alternative.
    ///
    /// # Panics
    /// Panics if the law does not hold.
    pub fn every_field_is_saved(&self) {
        let states = self.states();
        for seed in 0..states {
            let (saved, section) = describe(&mut self.state(seed));
            let leaves: Vec<_> = leaves::leaves(&section).filter(|leaf| !self.is_computed(&leaf.path)).collect();
            let count = budget::places(saved.len(), states, CORRUPTION);
            for leaf in budget::selection(leaves.len(), count, seed).filter_map(|index| leaves.get(index)) {
                let changed = leaf.changes(&saved).find_map(|changed| {
                    let mut loaded = self.fresh();
                    let place = Some(leaf.bytes.start);
                    saved::load(&mut loaded, &changed, T::DESCRIPTION.version, place, Some(&section)).ok()?;
                    Some(save(&mut loaded, T::DESCRIPTION.version))
                });
                assert!(
                    changed.is_none_or(|changed| changed != saved),
                    "{}: the field `{}` is not kept: after loading another value, the saved bytes are the same (seed \
                     {seed}); if the device computes it, list it in `computed`",
                    name::<T>(),
                    leaf.path
                );
            }
        }
    }

    /// Each subsection is sent in some states and left out in others, and a new device restores it.
    ///
    /// `needed` exists to avoid sending a subsection always: a peer without the subsection would reject every stream.
    ///
    /// # Panics
    /// Panics if the law does not hold, or if the generator makes no state that has a subsection.
    pub fn subsections(&self) {
        let (mut sent, mut left_out) = (BTreeSet::new(), BTreeSet::new());
        let all = T::DESCRIPTION.subsections.iter().map(|subsection| subsection.description);
        let optional = all.clone().filter(|description| description.conditional).count();
        for seed in 0..SUBSECTION_STATES {
            if sent.len() == T::DESCRIPTION.subsections.len() && left_out.len() >= optional {
                return;
            }
            let (_, section) = describe(&mut self.state(seed));
            let received: BTreeSet<_> = section.state().into_iter().flat_map(subsection_names).collect();
            for description in all.clone() {
                let set = if received.contains(description.name) { &mut sent } else { &mut left_out };
                set.insert(description.name);
            }
        }
        for description in all {
            assert!(
                sent.contains(description.name),
                "{}: no state has the subsection \"{}\"; give `laws!` a generator that makes some (`with = ..`)",
                name::<T>(),
                description.name
            );
            assert!(
                !description.conditional || left_out.contains(description.name),
                "{}: every state has the subsection \"{}\", so that no peer without it can load any",
                name::<T>(),
                description.name
            );
        }
    }

    /// Returns a device as it is after a reset.
    pub(super) fn fresh(&self) -> T {
        (self.make)(&mut Choices::none())
    }

    /// Returns the number of states for a law. A reset device can be much smaller than others, so some are measured.
    fn states(&self) -> u64 {
        let length = |seed| save(&mut (self.make)(&mut Choices::new(seed)), T::DESCRIPTION.version).len();
        budget::states((0..4).map(length).max().unwrap_or(0), ROUND_TRIP)
    }

    /// Returns a device in some state: a state of the generator, or the result of loading changed bytes.
    fn state(&self, seed: u64) -> T {
        let mut choices = Choices::new(seed);
        let bytes = save(&mut (self.make)(&mut choices), T::DESCRIPTION.version);
        for _ in 0..4 {
            let mut changed = bytes.clone();
            for _ in 0..=choices.below(8) {
                let place = choices.below(bytes.len() as u64);
                if let Some(byte) = usize::try_from(place).ok().and_then(|place| changed.get_mut(place)) {
                    *byte = choices.byte();
                }
            }
            if let Some(device) = self.loaded_from(&bytes, &changed) {
                return device;
            }
        }
        (self.make)(&mut Choices::new(seed))
    }

    /// Returns a device that has loaded `changed`, or `None` if it rejects the bytes.
    fn loaded_from(&self, bytes: &[u8], changed: &[u8]) -> Option<T> {
        let mut device = self.fresh();
        let load = || device.load(&mut Reader::from_slice(changed), T::DESCRIPTION.version);
        match catch_unwind(AssertUnwindSafe(load)) {
            Ok(loaded) => loaded.ok().map(|()| device),
            Err(_) => {
                self.load_changes_one_by_one(bytes, changed);
                None
            }
        }
    }

    /// Repeats a load that panicked with each change alone, so that the message names the field that caused the panic.
    fn load_changes_one_by_one(&self, bytes: &[u8], changed: &[u8]) {
        let version = T::DESCRIPTION.version;
        let mut device = self.fresh();
        let section = device.load(&mut Reader::from_slice(bytes), version).ok().map(|()| describe(&mut device).1);
        for (place, (old, new)) in bytes.iter().zip(changed).enumerate().filter(|(_, (old, new))| old != new) {
            let mut one = bytes.to_vec();
            one[place] ^= old ^ new;
            // A rejected change cannot be the cause.
            let _ = saved::load(&mut self.fresh(), &one, version, Some(place), section.as_ref());
        }
        let _ = saved::load(&mut self.fresh(), changed, version, None, None);
    }

    fn load(&self, device: &mut T, bytes: &[u8], seed: Option<u64>) {
        if let Err(error) = saved::load_all(device, bytes, T::DESCRIPTION.version) {
            panic!("{}: the saved state does not load{}\n{error:#}", name::<T>(), message::seed(seed));
        }
    }

    /// Describes the first difference of two payloads that should be equal.
    pub(super) fn changed(&self, what: &str, seed: Option<u64>, before: &[u8], after: &[u8]) -> String {
        let (_, section) = describe(&mut seed.map_or_else(|| self.fresh(), |seed| self.state(seed)));
        let difference = message::difference(&section, before, after);
        format!("{}: {what} changed the saved bytes{}{difference}", name::<T>(), message::seed(seed))
    }
}

fn subsection_names(state: &DecodedStruct) -> impl Iterator<Item = String> {
    state.subsections.iter().map(|subsection| subsection.vmsd_name.to_string())
}
