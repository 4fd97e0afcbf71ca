//! Builds the tests of the rewritten copy.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The packages and targets that contain the tests.
const TESTS: [&str; 9] = [
    "test",
    "--offline",
    "--no-run",
    "-pvmstate-types",
    "-pvmstate",
    "-pvmstate-tests",
    "--all-features",
    "--lib",
    "--test=all",
];

/// Builds the tests. Returns the test programs, or the positions of errors as file and line.
pub fn build(copy: &Path, target: &Path) -> Result<Vec<PathBuf>, Vec<(PathBuf, usize)>> {
    let mut cargo = Command::new("cargo");
    cargo.args(TESTS).arg("--message-format=short").current_dir(copy);
    // Lints are denied, and would reject mutants. Debug information would double the size of the build.
    cargo.env("RUSTFLAGS", "--cap-lints=allow").env("CARGO_PROFILE_DEV_DEBUG", "0").env("CARGO_INCREMENTAL", "0");
    cargo.env("CARGO_TARGET_DIR", target).env("CARGO_TERM_COLOR", "never");
    let mut cargo = cargo.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("cargo");
    let (mut programs, mut errors, mut other) = (Vec::new(), Vec::new(), String::new());
    for line in BufReader::new(cargo.stderr.take().expect("a pipe")).lines().map_while(Result::ok) {
        if let Some((_, program)) = line.split_once(" (").filter(|_| line.trim_start().starts_with("Executable")) {
            programs
                .push(target.parent().map_or_else(PathBuf::new, Path::to_path_buf).join(program.trim_end_matches(')')));
        } else if let Some(position) = line.contains(": error").then(|| position(&line)).flatten() {
            errors.push(position);
        } else if line.starts_with("error") {
            other.push_str(&line);
        }
    }
    match cargo.wait().expect("cargo").success() {
        true => Ok(programs),
        false if errors.is_empty() => panic!("cargo cannot build the tests: {other}"),
        false => Err(errors),
    }
}

fn position(line: &str) -> Option<(PathBuf, usize)> {
    let mut parts = line.split(':');
    Some((parts.next()?.into(), parts.next()?.parse().ok()?))
}
