//! The constants of a configuration space as words: a load compares 20 of them instead of 200 bytes.

use std::collections::BTreeMap;

use vmstate::prelude::*;

use super::identity::Identity;

const WORD: usize = size_of::<u64>();

/// The constants of an identity, in a form that is compared at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constants {
    identity: &'static Identity,
    words: Vec<Word>,
}

/// The constant bits of eight bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Word {
    offset: usize,
    value: u64,
    mask: u64,
}

impl Word {
    fn matches(&self, config: &[u8]) -> bool {
        let bytes = config.get(self.offset..).and_then(|rest| rest.first_chunk());
        bytes.is_some_and(|bytes| u64::from_le_bytes(*bytes) & self.mask == self.value)
    }
}

impl Constants {
    /// Combines the constant bits of an identity.
    #[must_use]
    pub fn new(identity: &'static Identity) -> Self {
        let mut words = BTreeMap::<usize, ([u8; WORD], [u8; WORD])>::new();
        for bits in identity.bits() {
            let (value, mask) = words.entry(bits.offset / WORD).or_default();
            value[bits.offset % WORD] |= bits.value;
            mask[bits.offset % WORD] |= bits.mask;
        }
        let word = |(index, (value, mask))| Word {
            offset: index * WORD,
            value: u64::from_le_bytes(value),
            mask: u64::from_le_bytes(mask),
        };
        Self { identity, words: words.into_iter().map(word).collect() }
    }

    /// Checks a configuration space.
    ///
    /// # Errors
    /// See [`Identity::check`].
    pub fn check(&self, config: &[u8]) -> Result<(), LoadError> {
        if self.words.iter().all(|word| word.matches(config)) { Ok(()) } else { self.identity.check(config) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::identities;
    use super::*;

    /// Both forms reject the same bytes with the same error.
    #[test]
    fn words_equal_bytes() {
        for identity in [&identities::E1000, &identities::ROOT_PORT, &identities::VGA, &identities::MCH] {
            let constants = Constants::new(identity);
            let mut config = vec![0; 4096];
            identity.write(&mut config);
            constants.check(&config).unwrap();
            for bit in 0..config.len() * 8 {
                config[bit / 8] ^= 1 << (bit % 8);
                let text = |checked: Result<(), LoadError>| checked.map_err(|error| error.to_string());
                assert_eq!(text(constants.check(&config)), text(identity.check(&config)), "bit {bit}");
                config[bit / 8] ^= 1 << (bit % 8);
            }
            let short = identity.check(&config[..0x20]).map_err(|error| error.to_string());
            assert_eq!(constants.check(&config[..0x20]).map_err(|error| error.to_string()), short);
        }
    }
}
