//! The downtime of an idle guest.

use std::time::Duration;

use tempfile::TempDir;
use vmstate::migration::Parameters;

use crate::host::{Guest, address, migrate};

const SIZE: usize = 64 << 20;
const ROUNDS: usize = 9;

pub(crate) fn measure() {
    let folder = TempDir::new().expect("a folder");
    let mut rows: Vec<Row<'_>> = Vec::new();
    for transport in ["unix", "tcp"] {
        let uri = address(transport, folder.path());
        let run = move || {
            let (mut source, mut destination) = (Guest::new(SIZE), Guest::new(SIZE));
            source.run(Box::new(|_| vec![0]));
            migrate(&uri, &mut source, &mut destination, Parameters::default()).downtime.expect("a downtime")
        };
        rows.push((format!("two hosts, {transport}"), Box::new(run)));
    }
    #[cfg(feature = "qemu")]
    for version in vmstate_tests::qemu::VERSIONS {
        rows.push((
            format!("QEMU {version}, unix"),
            Box::new(move || crate::qemu::idle(version, crate::qemu::Path::direct("unix"))),
        ));
    }
    print_downtimes(rows);
}

/// A migration, by its name, that returns its downtime.
pub(crate) type Row<'r> = (String, Box<dyn FnMut() -> Duration + 'r>);

/// Measures migrations in turns, and prints their downtimes.
pub(crate) fn print_downtimes(mut rows: Vec<Row<'_>>) {
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); rows.len()];
    for _ in 0..ROUNDS {
        for ((_, run), times) in rows.iter_mut().zip(&mut times) {
            times.push(run());
        }
    }
    println!("  {:44} {:>10} {:>10} {:>10}", "downtime in ms", "best", "median", "worst");
    for ((name, _), mut times) in rows.into_iter().zip(times) {
        times.sort_unstable();
        let [best, median, worst] = [0, times.len() / 2, times.len() - 1].map(|place| times[place].as_secs_f64() * 1e3);
        println!("  {name:44} {best:10.2} {median:10.2} {worst:10.2}");
    }
}
