//! Tests that every device gets for free.
//!
//! [`laws!`](crate::laws!) makes a module of tests for a device. Each law holds for every correct device, and has found
//! errors in real ones:
//!
//! | law | property |
//! |---|---|
//! | [`round_trip`](Laws::round_trip) | a state that is saved, loaded and saved again has the same bytes |
//! | [`loading_twice`](Laws::loading_twice) | loading something twice is loading it once |
//! | [`corruption`](Laws::corruption) | truncated or changed input results in an error or a valid state, and never in a panic; a failed load changes nothing |
//! | [`older_versions`](Laws::older_versions) | every version that is loaded can be saved, and is the same then |
//! | [`every_field_is_saved`](Laws::every_field_is_saved) | every field on the wire is kept: changing it in the input changes the output |
//! | [`subsections`](Laws::subsections) | each subsection is sent in some states and not in others, and a load restores it |
//!
//! ```
//! use vmstate::prelude::*;
//!
//! #[derive(VmState, Default)]
//! #[vmstate(name = "serial", version = 2)]
//! struct Serial {
//!     divider: u16,
//!     #[vmstate(since = 2)]
//!     fcr: u8,
//!     #[vmstate(subsection("serial/timeout"))]
//!     timeout: Option<u64>,
//! }
//!
//! vmstate::laws!(serial_laws: Serial, with = |choices| Serial {
//!     timeout: choices.flip().then(|| choices.next()),
//!     ..Serial::default()
//! });
//! # fn main() {}
//! ```
//!
//! A generator makes a device in any state that a machine can reach: the values that it draws from its [`Choices`] are
//! state. Configuration (skipped fields, `equal` fields) must not depend on them. With [`Choices::none`], which are all
//! 0 and `false`, it makes the device as after a reset: the device into which streams are loaded. The laws reach
//! further states by loading changed bytes. Without `with`, the generator is the device's `Default`.
//!
//! A device that is ported from QEMU has one more, for which there must be a stream:
//! [`matches_stream`](Laws::matches_stream): a payload that QEMU wrote is loaded and saved with the same bytes.
//!
//! Fields that a device computes when it is saved, in `pre_save`, are named: `computed = ["level"]`.
//!
//! # Fuzz your device
//!
//! The laws look at some hundred states. A fuzzer looks at millions, and finds its way to rare ones. [`Laws::fuzz`] is
//! all that it needs: with [cargo-fuzz](https://rust-fuzz.github.io/book/), whose `cargo fuzz init` and `cargo fuzz add
//! serial` make a package for it, this is all of `fuzz/fuzz_targets/serial.rs` after its `#![no_main]`:
//!
//! ```
//! # mod libfuzzer_sys { macro_rules! fuzz_target { ($run:expr) => { { let run: fn(&[u8]) = $run; run(&[0, 0, 0, 12]) } } } pub(crate) use fuzz_target; }
//! # mod board { #[derive(vmstate::VmState, Default)] pub struct Serial { divider: u16 } }
//! use board::Serial;
//! use libfuzzer_sys::fuzz_target;
//! use vmstate::laws::Laws;
//!
//! fuzz_target!(|data: &[u8]| Laws::<Serial>::default().fuzz(data));
//! ```
//!
//! A device that has no `Default`, or whose subsections need a generator's help, takes the generator of its `laws!`:
//! `Laws::new(Serial::make).fuzz(data)`. A section of a real stream is a good seed: two zero bytes and the payload. Add
//! each finding as a separate test, with the fuzzer's bytes:
//!
//! ```
//! # use vmstate::laws::Laws;
//! # #[derive(vmstate::VmState, Default)] struct Serial { divider: u16 }
//! # fn test() {
//! Laws::<Serial>::default().fuzz(b"\0\0\x00\x0c");
//! # }
//! # test();
//! ```

mod choices;
mod fuzz;
mod leaves;
mod real_stream;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use vmstate_types::{LoadError, Reader, VmState, Writer, walk};

pub use choices::Choices;

use crate::dynamic;
use crate::memory::PageSize;
use crate::schema::vmdesc::{Document, SentBody, SentSection};
use crate::schema::{DescriptionWriter, Release};

/// Makes a module of tests, one for each [law](mod@crate::laws) of a device.
///
/// `laws!(name: Device, with = generator)` makes the module `name`; `laws!(Device, with = generator)` makes the module
/// `laws`. The generator is a `Fn(&mut Choices) -> Device`; the default is `Default`.
#[macro_export]
macro_rules! laws {
    ($name:ident: $device:ty) => {
        $crate::laws!($name: $device, with = |_| <$device as ::core::default::Default>::default());
    };
    ($name:ident: $device:ty, with = $make:expr $(, computed = [$($field:literal),* $(,)?])? $(,)?) => {
        #[cfg(test)]
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            fn laws() -> $crate::laws::Laws<$device> {
                $crate::laws::Laws::new($make)$(.computed(&[$($field),*]))?
            }

            #[test]
            fn round_trip() {
                laws().round_trip();
            }

            #[test]
            fn loading_twice() {
                laws().loading_twice();
            }

            #[test]
            fn corruption() {
                laws().corruption();
            }

            #[test]
            fn older_versions() {
                laws().older_versions();
            }

            #[test]
            fn every_field_is_saved() {
                laws().every_field_is_saved();
            }

            #[test]
            fn subsections() {
                laws().subsections();
            }
        }
    };
    ($device:ty $(, $option:ident = $value:expr)* $(,)?) => {
        $crate::laws!(laws: $device $(, $option = $value)*);
    };
    ($($other:tt)*) => {
        ::core::compile_error!(
            "expected a device, as in `laws!(Serial)`; optional are the name of the module, `laws!(serial: Serial)`, \
             and `with = |choices| ...` and `computed = [\"field\"]` after the device"
        );
    };
}

/// The number of states for each law.
const STATES: u64 = 48;
/// The highest number of corrupted positions in the payload of a state.
const PLACES: usize = 256;

/// The laws of one kind of device.
///
/// Each law panics with a description if it does not hold, so laws are for tests.
pub struct Laws<T> {
    make: Box<dyn Fn(&mut Choices) -> T>,
    computed: &'static [&'static str],
}

impl<T> std::fmt::Debug for Laws<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Laws")
    }
}

impl<T: VmState + Default> Default for Laws<T> {
    /// The laws of the devices that `Default` makes.
    fn default() -> Self {
        Self::new(|_| T::default())
    }
}

impl<T: VmState> Laws<T> {
    /// The laws of the devices that `make` makes.
    #[must_use]
    pub fn new(make: impl Fn(&mut Choices) -> T + 'static) -> Self {
        Self { make: Box::new(make), computed: &[] }
    }

    /// Declares fields that the device computes when it is saved, so that loaded values do not last.
    #[must_use]
    pub fn computed(mut self, fields: &'static [&'static str]) -> Self {
        self.computed = fields;
        self
    }

    /// A state that is saved and loaded into a new device is saved again with the same bytes.
    ///
    /// # Panics
    /// Panics if the law does not hold.
    pub fn round_trip(&self) {
        for seed in 0..STATES {
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
        for seed in 0..STATES {
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
        for seed in 0..STATES {
            let saved = save(&mut self.state(seed), T::DESCRIPTION.version);
            let step = saved.len().div_ceil(PLACES).max(1);
            for place in (0..saved.len()).step_by(step) {
                self.accepts_or_rejects(&saved[..place]);
                for mask in [0x01, 0x80, 0xff] {
                    let mut damaged = saved.clone();
                    damaged[place] ^= mask;
                    self.accepts_or_rejects(&damaged);
                }
            }
        }
    }

    /// Any input results in an error that leaves the device unchanged, or in a state that can be saved and loaded.
    ///
    /// # Panics
    /// Panics if the law does not hold.
    pub fn accepts_or_rejects(&self, bytes: &[u8]) {
        self.takes_or_refuses_at(T::DESCRIPTION.version, bytes);
    }

    fn takes_or_refuses_at(&self, loaded_version: u32, bytes: &[u8]) {
        let version = T::DESCRIPTION.version;
        let mut device = self.fresh();
        let before = save(&mut device, version);
        let mut copy = Writer::new();
        if let Err(error) = walk::checkpoint(&mut device, &mut copy) {
            panic!("{}: the generator made a device that cannot be saved: {error}", name::<T>());
        }
        let loaded = device.load(&mut Reader::from_slice(bytes), loaded_version);
        if loaded.is_err() {
            if let Err(error) = walk::restore(&mut device, copy.pending()) {
                panic!("{}: cannot roll back a failed load: {error}", name::<T>());
            }
            let after = save(&mut device, version);
            assert!(before == after, "{}", self.changed("a failed load", None, &before, &after));
            return;
        }
        let saved = save(&mut device, version);
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
            for seed in 0..STATES {
                let saved = save(&mut self.state(seed), version);
                let mut loaded = self.fresh();
                if let Err(error) = loaded.load(&mut Reader::from_slice(&saved), version) {
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
        for seed in 0..STATES {
            let mut device = self.state(seed);
            let (saved, section) = describe(&mut device);
            for leaf in leaves::leaves(&section).filter(|leaf| !self.computed.contains(&leaf.field())) {
                let changed = leaf.changes(&saved).find_map(|changed| {
                    let mut loaded = self.fresh();
                    loaded.load(&mut Reader::from_slice(&changed), T::DESCRIPTION.version).ok()?;
                    Some(save(&mut loaded, T::DESCRIPTION.version))
                });
                assert!(
                    changed.is_none_or(|changed| changed != saved),
                    "{}: the field `{}` is not kept: after loading another value, the saved bytes are the \
                     same (seed {seed})",
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
        let mut combinations = BTreeSet::new();
        for seed in 0..4 * STATES {
            let (_, section) = describe(&mut self.state(seed));
            let sent = section.state().into_iter().flat_map(|state| &state.subsections);
            combinations.insert(sent.map(|subsection| subsection.vmsd_name.to_string()).collect::<Vec<_>>());
        }
        for subsection in T::DESCRIPTION.subsections {
            let own = subsection.description;
            let sent = |with: &&Vec<String>| with.iter().any(|sent| sent == own.name);
            assert!(
                combinations.iter().any(|with| sent(&with)),
                "{}: no state has the subsection \"{}\"; give `laws!` a generator that makes some (`with = ..`)",
                name::<T>(),
                own.name
            );
            assert!(
                !own.conditional || combinations.iter().any(|with| !sent(&with)),
                "{}: every state has the subsection \"{}\", so that no peer without it can load any",
                name::<T>(),
                own.name
            );
        }
    }

    /// A device as it is after a reset.
    fn fresh(&self) -> T {
        (self.make)(&mut Choices::none())
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
            let mut device = self.fresh();
            if device.load(&mut Reader::from_slice(&changed), T::DESCRIPTION.version).is_ok() {
                return device;
            }
        }
        (self.make)(&mut Choices::new(seed))
    }

    fn load(&self, device: &mut T, saved: &[u8], seed: Option<u64>) {
        let mut reader = Reader::from_slice(saved);
        let loaded = device.load(&mut reader, T::DESCRIPTION.version).and_then(|()| match reader.at_end()? {
            true => Ok(()),
            false => Err(LoadError::malformed("the end of the payload", "trailing bytes").at_offset(reader.offset())),
        });
        if let Err(error) = loaded {
            panic!("{}: the saved state does not load{}\n{error:#}", name::<T>(), seed_suffix(seed));
        }
    }

    /// Describes the first difference of two payloads that should be equal.
    fn changed(&self, what: &str, seed: Option<u64>, before: &[u8], after: &[u8]) -> String {
        let place = before.iter().zip(after).position(|(before, after)| before != after);
        let place = place.unwrap_or(before.len().min(after.len()));
        let (_, section) = describe(&mut seed.map_or_else(|| self.fresh(), |seed| self.state(seed)));
        let field = leaves::leaves(&section).find(|leaf| leaf.bytes.contains(&place)).map(|leaf| leaf.path);
        let mut text = format!("{}: {what} changed the saved bytes{}", name::<T>(), seed_suffix(seed));
        // Writing to a String cannot fail.
        let _ = write!(text, "\n  first difference at byte {place} of {}", before.len());
        if let Some(field) = field {
            let _ = write!(text, ", field `{field}`");
        }
        let _ = write!(text, "\n  before  {}\n  after   {}", hex(before, place), hex(after, place));
        text
    }
}

fn seed_suffix(seed: Option<u64>) -> String {
    seed.map_or_else(String::new, |seed| format!(" (seed {seed})"))
}

/// Some bytes from `place` on.
fn hex(bytes: &[u8], place: usize) -> String {
    let shown: Vec<_> = bytes.iter().skip(place).take(16).map(|byte| format!("{byte:02x}")).collect();
    if shown.is_empty() { "the end".to_owned() } else { shown.join(" ") }
}

fn name<T: VmState>() -> &'static str {
    T::DESCRIPTION.name
}

fn save<T: VmState>(device: &mut T, version: u32) -> Vec<u8> {
    let mut out = Writer::new();
    if let Err(error) = walk::save(device, &mut out, version) {
        panic!("{}: a valid state cannot be saved: {error}", name::<T>());
    }
    out.take()
}

/// Saves a device and decodes the result.
fn describe<T: VmState>(device: &mut T) -> (Vec<u8>, dynamic::DecodedSection) {
    let mut out = Writer::new();
    let mut description = DescriptionWriter::new(Release::default(), PageSize::DEFAULT.bytes(), None);
    if let Err(error) = description.section(name::<T>(), 0, device, &mut out) {
        panic!("{}: a valid state cannot be saved: {error}", name::<T>());
    }
    let bytes = out.take();
    let document = Document::parse(description.finish().as_bytes(), 0);
    let section = document.and_then(|document| {
        let device = document.devices.into_iter().next();
        let device =
            device.unwrap_or(SentSection { name: name::<T>().into(), instance_id: 0, body: SentBody::OldStyle(0) });
        dynamic::DecodedSection::decode(&device, &mut Reader::from_slice(&bytes), Some(bytes.len() as u64))
    });
    match section {
        Ok(section) => (bytes, section),
        Err(error) => panic!("{}: the payload does not match its description\n{error:#}", name::<T>()),
    }
}
