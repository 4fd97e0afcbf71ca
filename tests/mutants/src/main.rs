//! Mutation tests: changes the libraries' sources in a copy, one change at a time, and runs the tests.
//!
//!     tests/mutants/run [--list] [--every N] [--only NUMBER] [AREA...]
//!
//! All mutants are in one build: the variable `VMSTATE_MUTANT` selects one at run time. `--every N` tests each Nth mutant.
//! The status is 1 if mutants survive that `equivalent.txt` does not list.

mod build;
mod rewrite;
mod site;
mod tests;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use rewrite::Rewriter;
use site::Site;
use tests::Tests;

/// The areas: the name, and its folder or file without extension.
const AREAS: [(&str, &str); 6] = [
    ("walk", "vmstate-types/src/walk"),
    ("info", "vmstate-types/src/info"),
    ("machine", "vmstate/src/machine"),
    ("ram", "vmstate/src/ram"),
    ("stream", "vmstate/src/stream"),
    ("dynamic", "vmstate/src/dynamic/decode"),
];
/// The crates, whose root gets the module `mutant`.
const ROOTS: [&str; 2] = ["vmstate-types/src/lib.rs", "vmstate/src/lib.rs"];
const SWITCH: &str = include_str!("../switch.rs");

/// A file with its places, which are numbered from `first`.
struct File {
    area: usize,
    path: PathBuf,
    source: String,
    sites: Vec<Site>,
    first: u32,
}

impl File {
    /// Returns a key that survives changes of other lines, for the list of equivalent mutants.
    fn key(&self, index: usize) -> String {
        let site = &self.sites[index];
        format!("{}: {}: {}", self.path.display(), site.function, site.describe(&self.source))
    }

    fn number(&self, index: usize) -> u32 {
        self.first + u32::try_from(index).expect("few sites")
    }
}

struct Options {
    list: bool,
    every: usize,
    only: Option<u32>,
    areas: Vec<String>,
}

fn main() -> ExitCode {
    let options = options();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository");
    let work = root.join("target/mutants");
    let (copy, target) = (work.join("tree"), work.join("build"));
    copy_sources(&root, &copy);
    let files = find_all(&copy, &options.areas);
    if options.list {
        list(&files);
        return ExitCode::SUCCESS;
    }
    let mut dropped = HashSet::new();
    let programs = build(&copy, &target, &files, &mut dropped);
    let mutants = select(&files, &dropped, &options);
    println!("{} mutants, {} more do not compile", mutants.len(), dropped.len());
    let tests = Tests::measure(&programs, &copy.join("tests"), &work.join("reached"));
    let survivors = survivors(&tests, &mutants);
    report(&root, &files, &mutants, survivors)
}

fn options() -> Options {
    let mut options = Options { list: false, every: 1, only: None, areas: Vec::new() };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().and_then(|text| text.parse().ok()).expect("a number after the option");
        match &*argument {
            "--list" => options.list = true,
            "--every" => options.every = number(),
            "--only" => options.only = u32::try_from(number()).ok(),
            area if AREAS.iter().any(|(name, _)| *name == area) => options.areas.push(argument),
            other => panic!("unknown argument `{other}`"),
        }
    }
    options
}

/// Copies the files of the repository, changed ones included, and keeps the times of unchanged copies for Cargo.
fn copy_sources(root: &Path, copy: &Path) {
    let mut git = Command::new("git");
    let listed = git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root);
    let listed = listed.output().expect("git");
    for name in String::from_utf8(listed.stdout).expect("names in UTF-8").split_terminator('\0') {
        let (from, to) = (root.join(name), copy.join(name));
        let Ok(content) = fs::read(&from) else { continue };
        if fs::read(&to).is_ok_and(|old| old == content) {
            continue;
        }
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        fs::write(&to, content).expect("a copy");
    }
}

fn find_all(copy: &Path, areas: &[String]) -> Vec<File> {
    let (mut files, mut first) = (Vec::new(), 0);
    for (area, (name, path)) in AREAS.iter().enumerate() {
        if !areas.is_empty() && !areas.iter().any(|own| own == name) {
            continue;
        }
        for path in rust_files(copy, Path::new(path)) {
            let source = fs::read_to_string(copy.join(&path)).expect("a source file");
            let sites = site::find(&syn::parse_file(&source).expect("Rust"));
            let count = u32::try_from(sites.len()).expect("few sites");
            files.push(File { area, path, source, sites, first });
            first += count;
        }
    }
    files
}

/// Returns the source files in a folder, or the file with that name, relative to `copy`.
fn rust_files(copy: &Path, path: &Path) -> Vec<PathBuf> {
    let single = path.with_extension("rs");
    let mut files: Vec<_> = copy.join(&single).is_file().then_some(single).into_iter().collect();
    let Ok(entries) = fs::read_dir(copy.join(path)) else { return files };
    for entry in entries.map(|entry| entry.expect("an entry")) {
        let path = path.join(entry.file_name());
        if entry.path().is_dir() {
            files.extend(rust_files(copy, &path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    let tests = ["tests", "tests.rs", "testing.rs"];
    files.retain(|path| !path.components().any(|part| tests.iter().any(|name| part.as_os_str() == *name)));
    files.sort();
    files.dedup();
    files
}

fn list(files: &[File]) {
    for file in files {
        for (index, site) in file.sites.iter().enumerate() {
            println!("{} {} {}", file.number(index), site.line, file.key(index));
        }
    }
}

/// Rewrites and builds. Mutants on the lines of errors are dropped, until the rest compiles.
fn build(copy: &Path, target: &Path, files: &[File], dropped: &mut HashSet<u32>) -> Vec<PathBuf> {
    for root in ROOTS {
        let text = fs::read_to_string(copy.join(root)).expect("a crate") + SWITCH;
        fs::write(copy.join(root), text).expect("a copy");
    }
    loop {
        let texts: HashMap<&Path, String> = files.iter().map(|file| (&*file.path, rewritten(file, dropped))).collect();
        for (path, text) in &texts {
            if fs::read_to_string(copy.join(path)).is_ok_and(|old| old == *text) {
                continue;
            }
            fs::write(copy.join(path), text).expect("a copy");
        }
        match build::build(copy, target) {
            Ok(programs) => return programs,
            Err(errors) => {
                let before = dropped.len();
                for error in errors {
                    dropped.extend(texts.get(&*error.path).into_iter().flat_map(|text| culprits(text, &error)));
                }
                assert!(dropped.len() > before, "errors that no mutant causes: see `cargo test` in {}", copy.display());
                println!("{} mutants do not compile", dropped.len());
            }
        }
    }
}

fn rewritten(file: &File, dropped: &HashSet<u32>) -> String {
    Rewriter::new(&file.source, &file.sites, file.first, dropped).file()
}

/// Returns the mutants that may cause an error: the closest omission of an assignment to the variable, or the mutants on
/// the line, or on the closest line before it that has any.
fn culprits(text: &str, error: &build::Error) -> Vec<u32> {
    if let Some(number) = error.unassigned.as_ref().and_then(|name| assignment(text, error.line, name)) {
        return vec![number];
    }
    let lines: Vec<_> = text.lines().take(error.line).collect();
    lines.iter().rev().map(|line| numbers(line)).find(|numbers| !numbers.is_empty()).unwrap_or_default()
}

/// Returns the omission of an assignment to a variable that is closest to a line.
fn assignment(text: &str, line: usize, name: &str) -> Option<u32> {
    let assigns = |text: &&str| {
        let Some((_, assignment)) = text.split_once("if !crate::mutant::is(") else { return false };
        let left = assignment.split_once(" { ").and_then(|(_, statement)| statement.split_once(" = "));
        left.is_some_and(|(left, _)| left.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name))
    };
    let all = (1..).zip(text.lines()).filter(|(_, text)| assigns(text));
    let (_, closest) = all.min_by_key(|(number, _)| line.abs_diff(*number))?;
    numbers(closest).first().copied()
}

/// Returns the mutants on a line.
fn numbers(line: &str) -> Vec<u32> {
    let parts = line.split("mutant::is(").skip(1);
    parts.filter_map(|part| part.split(')').next()?.parse().ok()).collect()
}

/// The mutants to test: the file, and the index of the place.
fn select<'f>(files: &'f [File], dropped: &HashSet<u32>, options: &Options) -> Vec<(&'f File, usize)> {
    let all = files.iter().flat_map(|file| (0..file.sites.len()).map(move |index| (file, index)));
    let compiled = all.filter(|(file, index)| !dropped.contains(&file.number(*index)));
    let chosen = compiled.filter(|(file, index)| options.only.is_none_or(|only| only == file.number(*index)));
    chosen.step_by(options.every).collect()
}

/// Runs the tests for each mutant on all processors, and returns the survivors.
fn survivors<'f>(tests: &Tests, mutants: &[(&'f File, usize)]) -> Vec<(&'f File, usize)> {
    let outcomes = tests::in_parallel(mutants, |(file, index)| {
        let number = file.number(*index);
        let killed = tests.kill(number);
        if !killed {
            println!("survived: {number} {} {}", file.sites[*index].line, file.key(*index));
        }
        killed
    });
    mutants.iter().zip(outcomes).filter(|(_, killed)| !killed).map(|(mutant, _)| *mutant).collect()
}

/// Prints a table of the areas. Survivors in the list of equivalent mutants count as killed.
fn report(root: &Path, files: &[File], mutants: &[(&File, usize)], survivors: Vec<(&File, usize)>) -> ExitCode {
    let known = fs::read_to_string(root.join("tests/mutants/equivalent.txt")).unwrap_or_default();
    let known: HashSet<&str> = known.lines().filter(|line| !line.starts_with('#')).collect();
    let unknown: Vec<_> = survivors.iter().filter(|(file, index)| !known.contains(&*file.key(*index))).collect();
    println!("\n{:<10}{:>8}{:>8}{:>12}{:>10}", "area", "mutants", "killed", "equivalent", "survived");
    for (area, (name, _)) in AREAS.iter().enumerate().filter(|(area, _)| files.iter().any(|file| file.area == *area)) {
        let of = |(file, _): &&(&File, usize)| file.area == area;
        let all = mutants.iter().filter(of).count();
        let survived = survivors.iter().filter(of).count();
        let new = unknown.iter().filter(|(file, _)| file.area == area).count();
        println!("{name:<10}{all:>8}{:>8}{:>12}{new:>10}", all - survived, survived - new);
    }
    let killed = mutants.len() - unknown.len();
    println!(
        "{killed} of {} mutants are killed or equivalent ({:.1} %)",
        mutants.len(),
        100.0 * killed as f64 / mutants.len().max(1) as f64
    );
    if unknown.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
