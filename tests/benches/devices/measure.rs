//! Times all codecs of a device in turns, so that other load on the machine affects all of them.

use std::cell::RefCell;
use std::fmt::Debug;
use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::Codec;

/// A codec and its device.
pub(crate) trait Contender {
    /// The codec's name.
    fn name(&self) -> &'static str;

    /// Returns the size of the encoded device.
    fn size(&self) -> usize;

    /// Saves so many times.
    fn save(&mut self, times: u64) -> Duration;

    /// Loads so many times.
    fn load(&mut self, times: u64) -> Duration;
}

struct Entry<'d, C, D> {
    codec: C,
    device: &'d RefCell<D>,
    saved: Vec<u8>,
}

/// Returns the codec `C` after checking that it round-trips the device.
pub(crate) fn contender<'d, C, D>(device: &'d RefCell<D>) -> Box<dyn Contender + 'd>
where
    C: Codec<D> + Default + 'd,
    D: Clone + Default + PartialEq + Debug,
{
    let mut codec = C::default();
    let (mut original, mut other) = (device.borrow().clone(), D::default());
    codec.save(&mut original);
    let saved = codec.bytes().to_vec();
    C::load(&mut other, codec.bytes());
    assert_eq!(other, original, "{}", C::NAME);
    Box::new(Entry { codec, device, saved })
}

impl<C: Codec<D>, D> Contender for Entry<'_, C, D> {
    fn name(&self) -> &'static str {
        C::NAME
    }

    fn size(&self) -> usize {
        self.saved.len()
    }

    fn save(&mut self, times: u64) -> Duration {
        let mut device = self.device.borrow_mut();
        // A call that the compiler does not see through, as from a list of devices of all kinds.
        let save: fn(&mut C, &mut D) = black_box(C::save);
        let start = Instant::now();
        for _ in 0..times {
            save(&mut self.codec, black_box(&mut *device));
            black_box(self.codec.bytes());
        }
        start.elapsed()
    }

    fn load(&mut self, times: u64) -> Duration {
        let mut device = self.device.borrow_mut();
        let load: fn(&mut D, &[u8]) = black_box(C::load);
        let start = Instant::now();
        for _ in 0..times {
            load(black_box(&mut *device), black_box(self.codec.bytes()));
        }
        start.elapsed()
    }
}

/// The length of a turn.
const TURN: Duration = Duration::from_micros(250);

/// The timed operation of a codec.
type Operation = fn(&mut dyn Contender, u64) -> Duration;

/// The median over `rounds` of the nanoseconds that each contender takes.
pub(crate) fn medians(contenders: &mut [Box<dyn Contender + '_>], operation: Operation, rounds: usize) -> Vec<f64> {
    let times: Vec<u64> = contenders.iter_mut().map(|contender| fitting(&mut **contender, operation)).collect();
    let mut samples = vec![Vec::with_capacity(rounds); contenders.len()];
    for _ in 0..rounds {
        for ((contender, &times), samples) in contenders.iter_mut().zip(&times).zip(&mut samples) {
            let taken = operation(&mut **contender, times);
            samples.push(taken.as_secs_f64() * 1e9 / times as f64);
        }
    }
    samples.into_iter().map(median).collect()
}

/// Returns the number of operations in a turn. Running them warms the caches.
fn fitting(contender: &mut dyn Contender, operation: Operation) -> u64 {
    let mut times = 1;
    while operation(contender, times) < TURN {
        times *= 2;
    }
    times
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}
