//! Two QEMUs that are connected by `vmstate relay`, and directly, in turns.

use tempfile::TempDir;
use vmstate_tests::qemu::VERSIONS;
use vmstate_tests::tool::binary;

use crate::idle::{Row, print_downtimes};
use crate::measure::{Way, compare, size};
use crate::qemu::{Path, UNLIMITED, idle, image, migrate};

const ROUNDS: usize = 5;

/// A link of 10 Gb/s, in bytes per second.
const LINK: u64 = 1_250_000_000;

pub(crate) fn measure() {
    // Building the tool is not measured.
    binary();
    let folder = TempDir::new_in("/dev/shm").expect("a folder");
    let image = image(folder.path(), false);
    for version in VERSIONS {
        for (channels, bandwidth) in [(0, UNLIMITED), (0, LINK), (2, UNLIMITED)] {
            let way = |relay: bool| {
                let (image, path) = (image.clone(), Path { transport: "unix", channels, relay, bandwidth });
                Way::new(name(version, path), move || migrate(version, &image, path))
            };
            compare(size(), ROUNDS, vec![way(false), way(true)]);
        }
    }
    let paths = [false, true].map(|relay| Path { relay, ..Path::direct("unix") });
    let row = |version: &'static str, path: Path| -> Row<'static> {
        (name(version, path), Box::new(move || idle(version, path)))
    };
    print_downtimes(VERSIONS.into_iter().flat_map(|version| paths.map(|path| row(version, path))).collect());
}

fn name(version: &str, path: Path) -> String {
    let way = if path.relay { "through the relay" } else { "directly" };
    let limit = if path.bandwidth == LINK { ", 10 Gb/s" } else { "" };
    match path.channels {
        0 => format!("QEMU {version}{limit}, {way}"),
        channels => format!("QEMU {version}, {channels} data channels{limit}, {way}"),
    }
}
