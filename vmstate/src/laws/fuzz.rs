//! The entry point for fuzzers.

use vmstate_types::VmState;

use super::message::name;
use super::saved::{self, save};
use super::{Choices, Laws};

/// The bytes of a seed, and of a change.
const SEED: usize = 8;
const CHANGE: usize = 3;

impl<T: VmState> Laws<T> {
    /// Any input results in an error that leaves the device unchanged, or in a valid state: for fuzzers, which reach
    /// all versions and all states of the generator.
    ///
    /// | bytes | meaning |
    /// |---|---|
    /// | 1 | which version is loaded: 0 is the newest, 1 the one before, and so on |
    /// | 1 | even: the rest is the payload. Odd: the payload is a saved state of the generator, with changes |
    /// | 8 | in the second form: the seed of the generator's [`Choices`] |
    /// | 3 each | a change: at which byte (2 bytes), and which bits (0: the payload ends there) |
    ///
    /// ```
    /// use vmstate::laws::Laws;
    /// use vmstate::prelude::*;
    ///
    /// #[derive(VmState, Default)]
    /// #[vmstate(name = "serial", version = 2)]
    /// struct Serial {
    ///     divider: u16,
    ///     #[vmstate(since = 2)]
    ///     fcr: u8,
    /// }
    ///
    /// let laws = Laws::<Serial>::default();
    /// laws.fuzz(&[0, 0, 0, 12, 1]); // version 2
    /// laws.fuzz(&[1, 0, 0, 12]); // version 1
    /// laws.fuzz(b"\0\x01any seed\0\x02\xff\0\x01\0"); // a changed `fcr`, cut off again
    /// ```
    ///
    /// # Panics
    /// Panics if the law does not hold.
    pub fn fuzz(&self, bytes: &[u8]) {
        let Some(([older, form], rest)) = bytes.split_first_chunk() else { return };
        let versions = T::DESCRIPTION.version - T::DESCRIPTION.minimum_version;
        let version = T::DESCRIPTION.version - u32::from(*older) % versions.saturating_add(1);
        match (form % 2, rest.split_first_chunk::<SEED>()) {
            (0, _) | (_, None) => self.accepts_or_rejects_at(version, rest, None),
            (_, Some((seed, changes))) => self.changed_state(version, u64::from_be_bytes(*seed), changes),
        }
    }

    /// Loads a saved state of the generator, which must succeed, and then the same payload with changes.
    fn changed_state(&self, version: u32, seed: u64, changes: &[u8]) {
        let mut payload = save(&mut (self.make)(&mut Choices::new(seed)), version);
        if let Err(error) = saved::load(&mut self.fresh(), &payload, version, None, None) {
            panic!("{}: the saved state at version {version} does not load (seed {seed})\n{error:#}", name::<T>());
        }
        let (changes, _) = changes.as_chunks::<CHANGE>();
        for [high, low, bits] in changes {
            let place = usize::from(u16::from_be_bytes([*high, *low])) % payload.len().max(1);
            match (bits, payload.get_mut(place)) {
                (0, _) => payload.truncate(place),
                (_, Some(byte)) => *byte ^= bits,
                (_, None) => {}
            }
        }
        self.accepts_or_rejects_at(version, &payload, None);
    }
}
