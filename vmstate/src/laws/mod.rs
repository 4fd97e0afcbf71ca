//! Tests that every device gets for free.
//!
//! [`laws!`](crate::laws!) makes a module of tests for a device. Each law holds for every correct device, and has found
//! errors in real ones:
//!
//! | law | property |
//! |---|---|
//! | [`round_trip`](Laws::round_trip) | a state that is saved, loaded and saved again has the same bytes, also through `&self` |
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
//! Fields that a device computes when it is saved, in `pre_save`, are listed with their paths, as errors print them:
//! `computed = ["level", "queue.head"]`. A path without indices includes all elements of an array.
//!
//! The number of tested states depends on the size of the payload, so that a law takes at most about a second in a
//! debug build. Of devices with more than a few KiB, each state tests other positions and fields.
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

mod budget;
mod choices;
mod fuzz;
mod generator;
mod leaves;
mod message;
mod properties;
mod real_stream;
mod saved;

use vmstate_types::VmState;

pub use choices::Choices;
#[doc(hidden)]
pub use generator::WithDefault;

use message::name;

/// Makes a module of tests, one for each [law](mod@crate::laws) of a device.
///
/// `laws!(name: Device, with = generator)` makes the module `name`; `laws!(Device, with = generator)` makes the module
/// `laws`. The generator is a `Fn(&mut Choices) -> Device`; the default is `Default`.
#[macro_export]
macro_rules! laws {
    ($name:ident: $device:ty $(, computed = [$($field:literal),* $(,)?])? $(,)?) => {
        $crate::laws!(
            $name: $device,
            with = |_| <$device as $crate::laws::WithDefault>::with_default()
            $(, computed = [$($field),*])?
        );
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

/// The laws of one kind of device.
///
/// Each law panics with a description if it does not hold, so laws are for tests.
pub struct Laws<T> {
    make: Box<dyn Fn(&mut Choices) -> T>,
    computed: &'static [&'static str],
    /// The paths of fields that differ from the stream's description, and the reasons.
    differing: Vec<(&'static str, &'static str)>,
}

impl<T> std::fmt::Debug for Laws<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Laws")
    }
}

impl<T: VmState + Default> Default for Laws<T> {
    /// Creates the laws of a device, with `Default` as the generator.
    fn default() -> Self {
        Self::new(|_| T::default())
    }
}

impl<T: VmState> Laws<T> {
    /// Creates the laws of a device with the generator `make`.
    #[must_use]
    pub fn new(make: impl Fn(&mut Choices) -> T + 'static) -> Self {
        Self { make: Box::new(make), computed: &[], differing: Vec::new() }
    }

    /// Declares fields that the device computes when it is saved, so that loaded values do not last.
    ///
    /// A field is given by its path, as errors print it. Without an index, the path includes all elements.
    #[must_use]
    pub fn computed(mut self, fields: &'static [&'static str]) -> Self {
        self.computed = fields;
        self
    }

    /// Accepts that the field at `path` differs from the stream's description in
    /// [`matches_stream`](Self::matches_stream), for example in its name or type. The bytes must still be the same.
    #[must_use]
    pub fn differs(mut self, path: &'static str, reason: &'static str) -> Self {
        assert!(!reason.is_empty(), "{}: the difference of `{path}` needs a reason", name::<T>());
        self.differing.push((path, reason));
        self
    }

    fn is_computed(&self, path: &str) -> bool {
        self.computed.iter().any(|computed| includes::<T>(computed, path))
    }

    fn may_differ(&self, path: &str) -> bool {
        self.differing.iter().any(|(differing, _)| includes::<T>(differing, path))
    }
}

/// Returns whether the path `outer` is `path`, or contains it: `fifo` contains `fifo.data[3]`, and `fifos.count`
/// contains `fifos[1].count`. Both may begin with the device.
fn includes<T: VmState>(outer: &str, path: &str) -> bool {
    let local = |path| str::strip_prefix(path, name::<T>()).and_then(|rest| rest.strip_prefix('.')).unwrap_or(path);
    let (outer, path) = (local(outer), local(path));
    let contains = |path: &str| {
        let rest = path.strip_prefix(outer);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    contains(path) || contains(&without_indices(path))
}

fn without_indices(path: &str) -> String {
    let mut parts = path.split('[');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| match part.split_once(']') {
        Some((index, rest)) if index.bytes().all(|byte| byte.is_ascii_digit()) => text + rest,
        // Names in QEMU contain brackets too: `mac_reg[CTRL]`.
        _ => text + "[" + part,
    })
}
