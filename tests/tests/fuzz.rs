//! The targets of the fuzzers, on what is committed: seeds, corpora, and what once broke something.

#[path = "bounds/allocator.rs"]
#[allow(dead_code)] // it counts more than is asked here
mod allocator;

use std::fs;
use std::path::{Path, PathBuf};

use allocator::Since;
use vmstate_tests::fuzz::{TARGETS, Target};

macro_rules! targets {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                replay(stringify!($name));
            }
        )*

        #[test]
        fn every_target_has_its_test_and_its_fuzzer() {
            let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
            for name in names {
                assert!(folder("fuzz_targets").join(format!("{name}.rs")).is_file(), "{name} has no fuzzer");
            }
        }
    };
}

targets! {
    wire framing commands description dynamic rewrite ram machine uno device schema import cli
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(name)
}

/// Runs a target on all there is for it.
fn replay(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target");
    let seeds = (target.seeds)();
    assert!(!seeds.is_empty());
    seeds.iter().enumerate().for_each(|(index, seed)| run(target, seed, &format!("seed {index}")));
    let corpus = files(&folder("corpus").join(name));
    assert!(!corpus.is_empty(), "{name} has no corpus");
    for path in corpus.into_iter().chain(files(&folder("regressions").join(name))) {
        run(target, &fs::read(&path).expect("a committed file"), &path.display().to_string());
    }
}

/// The files in a folder, in the order of their names; none if it is not there.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

/// As a fuzzer runs it; what it says when it fails is preceded by what it ran on.
fn run(target: &Target, bytes: &[u8], what: &str) {
    let since = Since::now();
    let run = std::panic::catch_unwind(|| (target.run)(bytes));
    let peak = since.peak();
    run.unwrap_or_else(|_| panic!("{}: {what} breaks it", target.name));
    assert!(peak <= target.bound(bytes.len()), "{}: {what} takes {peak} bytes", target.name);
}
