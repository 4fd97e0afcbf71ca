//! Builds the tests of the rewritten copy.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The packages and targets that contain the tests.
const TESTS: [&str; 9] = [
    "test",
    "--locked",
    "--no-run",
    "-pvmstate-types",
    "-pvmstate",
    "-pvmstate-tests",
    "--all-features",
    "--lib",
    "--test=all",
];

/// An error of the compiler.
pub struct Error {
    pub path: PathBuf,
    pub line: usize,
    /// The variable that has no value there, because an assignment before or after it is omitted.
    pub unassigned: Option<String>,
}

/// Builds the tests. Returns the test programs, or the errors.
pub fn build(copy: &Path, target: &Path) -> Result<Vec<PathBuf>, Vec<Error>> {
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
        } else if let Some(error) = line.contains(": error").then(|| error(&line)).flatten() {
            errors.push(error);
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

fn error(line: &str) -> Option<Error> {
    let mut parts = line.split(':');
    let (path, number) = (parts.next()?.into(), parts.next()?.parse().ok()?);
    let is_unassigned = line.contains("[E0381]") || line.contains("[E0382]");
    let unassigned = is_unassigned.then(|| line.split('`').nth(1).map(str::to_owned)).flatten();
    Some(Error { path, line: number, unassigned })
}
