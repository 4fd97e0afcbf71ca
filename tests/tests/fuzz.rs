//! The targets of the fuzzers, with the committed seeds, corpora and regressions, and with mutations of them.

#[path = "bounds/allocator.rs"]
#[allow(dead_code)] // it counts more than is asked here
mod allocator;

use std::fs;
use std::path::{Path, PathBuf};

use allocator::Since;
use vmstate::laws::Choices;
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
    wire framing items relay_rules return_path commands conversation description dynamic rewrite ram machine monitor uno device schema import cli
    working_set qcow2 snapshot_folder
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
    let committed = corpus.into_iter().chain(files(&folder("regressions").join(name)));
    let committed: Vec<_> = committed.map(|path| (fs::read(&path).expect("a committed file"), path)).collect();
    committed.iter().for_each(|(bytes, path)| run(target, bytes, &path.display().to_string()));
    println!("measured: {} inputs, besides flipped bits", seeds.len() + committed.len() + BESIDE);
    flip_all(target, &seeds);
    let beginnings: Vec<_> = seeds.iter().chain(committed.iter().map(|(bytes, _)| bytes)).collect();
    let mut choices = Choices::new(0);
    for number in 0..BESIDE {
        let bytes = beside(beginnings[number % beginnings.len()], &mut choices);
        run(target, &bytes, &format!("mutation {number}, {}", bytes.escape_ascii()));
    }
}

/// The number of mutations, and of flipped bits in seeds.
const BESIDE: usize = 1000;
const FLIPS: usize = 4096;

/// Runs on the shortest seeds with each of their bits flipped.
fn flip_all(target: &Target, seeds: &[Vec<u8>]) {
    let mut shortest: Vec<_> = seeds.iter().collect();
    shortest.sort_by_key(|seed| seed.len());
    let mut flips = 0;
    for seed in shortest {
        flips += 8 * seed.len();
        if flips > FLIPS {
            return;
        }
        for bit in 0..8 * seed.len() {
            let mut bytes = seed.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            run(target, &bytes, &format!("a seed with bit {bit} flipped, {}", bytes.escape_ascii()));
        }
    }
}

/// One step away from `bytes`, as fuzzers go, and always the same ones: some that are lost, doubled or others.
fn beside(bytes: &[u8], choices: &mut Choices) -> Vec<u8> {
    let mut below = |end: usize| usize::try_from(choices.below(end as u64)).expect("less than a length");
    let start = below(bytes.len() + 1);
    let end = bytes.len().min(start + 1 + below(8));
    let (way, bit, fill) = (below(8), below(8), choices.byte());
    let mut beside = bytes.to_vec();
    match way {
        0 => beside.truncate(start),
        1 => drop(beside.drain(start..end)),
        2 => drop(beside.splice(end..end, bytes[start..end].iter().copied())),
        3 => beside[start..end].fill(fill),
        _ => beside[start..].iter_mut().take(1).for_each(|byte| *byte ^= 1 << bit),
    }
    beside
}

/// Returns the sorted files in a folder, and none if it does not exist.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

/// Runs a target like a fuzzer, and prints the input if it fails.
fn run(target: &Target, bytes: &[u8], what: &str) {
    let since = Since::now();
    let run = std::panic::catch_unwind(|| (target.run)(bytes));
    let peak = since.peak();
    run.unwrap_or_else(|_| panic!("{}: {what} breaks it", target.name));
    assert!(peak <= target.bound(bytes.len()), "{}: {what} takes {peak} bytes", target.name);
}
