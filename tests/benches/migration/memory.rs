//! The memory of a running guest over one channel.

use std::cell::RefCell;
use std::io::{IoSlice, Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use vmstate::migration::Parameters;

use crate::host::{Guest, PAGE, address, migrate};
use crate::measure::{Way, compare, size, time};

const ROUNDS: usize = 5;
/// The pages that a plain sender passes to one call.
const PAGES: usize = 128;

pub(crate) fn random() {
    let mut source = Guest::new(size());
    source.randomize();
    measure(source, false);
}

pub(crate) fn zero() {
    measure(Guest::new(size()), true);
}

fn measure(source: Guest, is_zero: bool) {
    let folder = TempDir::new_in("/dev/shm").expect("a folder");
    source.run(Box::new(|_| vec![1]));
    let (source, destination) = (RefCell::new(source), RefCell::new(Guest::new(size())));
    let mut ways = Vec::new();
    if !is_zero {
        ways.push(Way::new("plain writev of 128 pages, plain reads", plain));
    }
    for transport in ["unix", "tcp"] {
        let (uri, source, destination) = (address(transport, folder.path()), &source, &destination);
        let run = move || {
            let (source, destination) = (&mut *source.borrow_mut(), &mut *destination.borrow_mut());
            let mut parameters = Parameters::default();
            parameters.max_bandwidth = 0;
            let statistics = migrate(&uri, source, destination, parameters);
            assert!(source.memory_equals(destination), "the memory has arrived");
            // The next round begins again.
            vmstate::migration::Host::stop(destination).expect("a stopped guest");
            vmstate::migration::Host::resume(source).expect("a running guest");
            statistics.total_time.expect("a duration")
        };
        ways.push(Way::new(format!("live migration of a running guest, {transport}"), run));
    }
    #[cfg(feature = "qemu")]
    {
        let image = crate::qemu::image(folder.path(), is_zero);
        for version in vmstate_tests::qemu::VERSIONS {
            for transport in ["unix", "tcp"] {
                let image = image.clone();
                let run = move || crate::qemu::migrate(version, &image, crate::qemu::Path::direct(transport));
                ways.push(Way::new(format!("QEMU {version}, one channel, {transport}"), run));
            }
        }
    }
    compare(size(), ROUNDS, ways);
}

/// Sends as much memory with the headers of pages, and nothing else.
fn plain() -> Duration {
    let page = vec![7; size().min(64 << 20)];
    let (mut out, mut input) = UnixStream::pair().expect("two sockets");
    time(|| {
        thread::scope(|scope| {
            scope.spawn(move || {
                for _ in 0..size() / page.len() {
                    for batch in page.chunks(PAGES * PAGE as usize) {
                        send(&mut out, batch);
                    }
                }
            });
            let mut buffer = vec![0; 1 << 20];
            while input.read(&mut buffer).expect("bytes") > 0 {}
        });
    })
}

fn send(out: &mut UnixStream, batch: &[u8]) {
    let header = 0x28_u64.to_be_bytes();
    let mut slices: Vec<_> =
        batch.chunks(PAGE as usize).flat_map(|page| [IoSlice::new(&header), IoSlice::new(page)]).collect();
    let mut slices = &mut slices[..];
    while !slices.is_empty() {
        let count = out.write_vectored(slices).expect("a write");
        IoSlice::advance_slices(&mut slices, count);
    }
}
