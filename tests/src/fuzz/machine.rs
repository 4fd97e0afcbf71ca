//! A machine whose devices use every attribute.

use std::fmt::Debug;
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use vmstate::dynamic::rewrite;
use vmstate::laws::Choices;
use vmstate::machine::{LoadOptions, LocalMachine, SaveOptions};
use vmstate::prelude::*;
use vmstate::schema::Release;
use vmstate::stream::Configuration;

use super::Target;

// Devices with every attribute, as a test checks, and strategies for their states.
#[path = "../../tests/all/derive/round_trip/containers.rs"]
mod containers;
#[path = "../../tests/all/derive/round_trip/counted.rs"]
mod counted;
#[path = "../../tests/all/derive/round_trip/mixed.rs"]
mod mixed;
#[path = "../../tests/all/derive/round_trip/old.rs"]
mod old;
#[path = "../../tests/all/derive/round_trip/places.rs"]
mod places;
#[path = "../../tests/all/derive/round_trip/sections.rs"]
mod sections;
#[path = "../../tests/all/derive/round_trip/values.rs"]
mod values;

/// The target.
pub const TARGET: Target = Target { name: "machine", run, seeds, fixed: 8 << 20, per_byte: 1024 };

/// A change of a stream: where (2 bytes), and which bits; none for its end.
const CHANGE: usize = 3;

/// The number of bytes for choices: each strategy that depends on another consumes half of the rest.
const ENOUGH: usize = 1 << 13;

/// A device with a peer.
trait Peer: VmState + Clone + Debug + Default + PartialEq {
    /// Returns the device that loads this one's state. Both have the same values of fields that must match.
    fn peer(&self) -> Self {
        Self::default()
    }
}

/// The bytes are the number of changes, the changes and the choices for the states; or a stream.
fn run(bytes: &[u8]) {
    if bytes.starts_with(b"QEVM") {
        Board::default().accepts_or_rejects(bytes);
        return;
    }
    let Some((count, rest)) = bytes.split_first() else { return };
    let (changes, choices) = rest.split_at(rest.len().min(usize::from(count % 16) * CHANGE));
    let mut machine = Board::any(choices);
    let mut stream = machine.save();
    let mut peer = machine.peer();
    peer.load(&stream).unwrap_or_else(|error| panic!("the saved stream does not load: {error}"));
    assert_eq!(peer, machine);
    assert!(peer.save() == stream, "saved, loaded and saved again it is another stream");
    // Arrays of pointers are described by their first element, so that not every stream can be read by its description.
    if let Ok(again) = rewrite(&stream, |_, _| Ok(())) {
        assert!(again == stream, "rewritten it is another stream");
    }
    for change in changes.chunks_exact(CHANGE) {
        let place = usize::from(u16::from_be_bytes([change[0], change[1]])) % stream.len().max(1);
        match (change[2], stream.get_mut(place)) {
            (0, _) => stream.truncate(place),
            (bits, Some(byte)) => *byte ^= bits,
            (_, None) => {}
        }
    }
    peer.accepts_or_rejects(&stream);
}

macro_rules! machine {
    ($($field:ident: $device:ty = $states:expr;)*) => {
        #[derive(Debug, Clone, Default, PartialEq)]
        struct Board {
            $($field: $device,)*
        }

        impl Board {
            /// A machine in a state that is made of `choices`.
            fn any(choices: &[u8]) -> Self {
                Self { $($field: state(&$states, choices, stringify!($field).len()),)* }
            }

            /// The machine that is to load this one's state.
            fn peer(&self) -> Self {
                Self { $($field: self.$field.peer(),)* }
            }

            /// A local machine: some of the devices share their parts as `Rc`.
            fn machine(&mut self) -> LocalMachine<'_> {
                let mut registry = LocalMachine::new_local();
                registry.set_configuration(Configuration::new("all"));
                $(registry.register(stringify!($field), &mut self.$field).expect("a name for each");)*
                registry
            }
        }
    };
}

machine! {
    mixed: mixed::Mixed = mixed::states();
    old: old::Ages = old::states();
    counted: counted::Counted = counted::states();
    containers: containers::Containers = containers::states();
    places: places::Places = places::states();
    values: values::Values = values::states();
    sections: sections::Device = sections::states();
}

/// A state that is made of `choices` from the one at `first` on.
fn state<T: Debug>(states: &impl Strategy<Value = T>, choices: &[u8], first: usize) -> T {
    let rng = TestRng::from_seed(RngAlgorithm::PassThrough, &endless(choices, first));
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    states.new_tree(&mut runner).expect("a state").current()
}

/// Returns more choices than any device needs. With nothing left but zeros, proptest's generators would not terminate.
fn endless(choices: &[u8], first: usize) -> Vec<u8> {
    static NOISE: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let mut choices = Choices::new(0);
        (0..ENOUGH).map(|_| choices.byte()).collect()
    });
    let choices = choices.iter().copied().chain([0]).collect::<Vec<_>>();
    choices.iter().cycle().skip(first).zip(&*NOISE).map(|(choice, noise)| choice ^ noise).collect()
}

impl Board {
    fn save(&mut self) -> Vec<u8> {
        let options = SaveOptions::new().description(Some(Release::Qemu10_0));
        let mut out = Writer::new();
        self.machine().save_into(&mut out, options).expect("a state that was made or loaded can be saved");
        out.take()
    }

    fn load(&mut self, stream: &[u8]) -> Result<(), LoadError> {
        self.machine().load_with(&mut Reader::from_slice(stream), LoadOptions::new()).map(drop)
    }

    /// Any stream fails with an offset and rolls back, or loads a state that can be saved and loaded.
    fn accepts_or_rejects(mut self, stream: &[u8]) {
        let (before, common) = (self.save(), self.peer());
        match self.load(stream) {
            Ok(()) => {
                assert_eq!(self.peer(), common, "a field that must match has changed");
                let saved = self.save();
                let mut peer = self.peer();
                peer.load(&saved)
                    .unwrap_or_else(|error| panic!("the loaded state was saved and does not load: {error}"));
                assert!(peer.save() == saved, "loaded, saved and loaded it is another state");
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                assert!(error.offset().is_none_or(|offset| offset <= stream.len() as u64), "{error}");
                assert!(self.save() == before, "changed by a load that failed: {error}");
            }
        }
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let choices = |seed: u64| {
        let mut choices = Choices::new(seed);
        std::iter::repeat_with(move || choices.byte()).take(1500).collect::<Vec<_>>()
    };
    let states = (0..24).map(|seed| [&[0][..], &choices(seed)].concat());
    let changed = (24..32).map(|seed| [&[2][..], &choices(seed)].concat());
    let streams = (0..4).map(|seed| Board::any(&choices(seed)).save()).filter(|stream| stream.len() < 1 << 14);
    states.chain(changed).chain(streams).collect()
}
