//! Runs every command in the pages, except for commands that other tests or CI run.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use vmstate_tests::{dumps, streams, tool};

use super::pages;

/// Commands that run elsewhere, by their beginning, and where they run.
const ELSEWHERE: &[(&str, &str)] = &[
    ("cargo bench", "manually, to measure; CI builds the benches"),
    ("STRUCTS=1 FIELDS=64 tests/compile-time/measure", "manually, to measure; CI builds and runs the programs"),
    ("tests/bench", "manually, to measure; CI builds the benches"),
    ("tests/marking", "manually, to measure"),
    ("tests/run", "CI itself"),
    (".ci/run", "CI itself"),
    ("cargo doc -p vmstate --all-features", "the step `documentation` of .ci/run builds it"),
    ("cargo t", "the tests that it runs are part of CI"),
    ("cargo run -p vmstate-examples --example quickstart", "examples/tests/examples.rs, like all examples"),
    ("cargo run -p vmstate-examples --example rewind", "examples/tests/examples.rs, like all examples"),
    ("cargo run --release -p vmstate-examples --bin virt -- demo", ".ci/run"),
    ("cargo run --release -p vmstate-examples --bin virt -- run", "the tests `board::live` of the binary `qemu`"),
    ("cargo run --release -p vmstate-examples --bin uno", ".ci/run"),
    ("vmstate snapshot", "the tests `cli::snapshot`, which make the stores"),
    ("vmstate info snapshots/", "the tests `cli::snapshot`"),
    ("vmstate diff 'disk.qcow2#boot'", "the tests `cli::snapshot`"),
    ("vmstate record", "the tests `cli::conversation`, and `cli::record` of the binary `qemu`"),
    ("vmstate show", "the tests `cli::conversation`"),
    ("vmstate receive", "the tests `cli::transfer`, and `transfer` of the binary `qemu`"),
    ("vmstate send", "the tests `cli::transfer`, and `transfer` of the binary `qemu`"),
    ("vmstate check old.state new.state --relay-rules", "the tests `relay` of the binary `qemu`"),
    ("vmstate relay", "the tests `cli::relay`, and `relay` of the binary `qemu`"),
    ("vmstate port", "the tests `cli::port`, and tests/ports/run with crates of other authors"),
    ("qemu-system-riscv64", "the tests `machine::mapped` and `machine::snapshots` of the binary `qemu`"),
];

#[test]
fn every_command_in_the_pages_runs() {
    let folder = folder();
    let mut failed = String::new();
    for (page, text) in pages() {
        for command in commands(&text).filter(|command| !is_run_elsewhere(command)) {
            let output = run(folder.path(), command);
            // These commands exit with status 1 if they find differences.
            let compares = ["diff", "check"].iter().any(|word| command.contains(&format!("vmstate {word}")));
            if !(output.status.success() || compares && output.status.code() == Some(1)) {
                let stderr = String::from_utf8_lossy(&output.stderr);
                writeln!(failed, "{page}: `{command}`: {}: {stderr}", output.status).unwrap();
            }
        }
    }
    assert!(failed.is_empty(), "{failed}");
}

fn is_run_elsewhere(command: &str) -> bool {
    ELSEWHERE.iter().any(|(beginning, _)| command.starts_with(beginning))
}

/// Returns the lines of all blocks of shell commands in `page`.
fn commands(page: &str) -> impl Iterator<Item = &str> {
    let blocks = page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default());
    blocks.flat_map(str::lines).map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Runs a shell command in `folder`, where `vmstate` and `cargo vmstate` are the tool of this build.
fn run(folder: &Path, line: &str) -> Output {
    let path = format!("{}:{}", folder.join("bin").display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("bash");
    shell.args(["-c", line]).current_dir(folder).env("PATH", path).stdin(Stdio::null());
    shell.output().unwrap()
}

/// Creates a folder with the files that the pages mention, and with `vmstate` and `cargo vmstate` in `bin`.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    put("vm.state", &streams::named("qemu-7.2-pc").bytes);
    put("later.state", &streams::named("qemu-10.0-pc").bytes);
    put("board.state", &streams::named("qemu-10.0-lm3s811evb").bytes);
    put("board-7.2.state", &streams::named("qemu-7.2-lm3s811evb").bytes);
    put("old.json", dumps::named("qemu-7.2-pc-i440fx-7.2").as_bytes());
    put("new.json", dumps::named("qemu-10.0-pc-i440fx-7.2").as_bytes());
    fs::create_dir(folder.path().join("bin")).unwrap();
    let script = |name: &str, text: &str| {
        let path = folder.path().join("bin").join(name);
        fs::write(&path, format!("#!/bin/bash\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    };
    let tool = tool::binary().display();
    script("vmstate", &format!("exec '{tool}' \"$@\""));
    let elsewhere = "echo 'run this command in a test, and add it to ELSEWHERE' >&2; exit 99";
    script("cargo", &format!("[[ $1 == vmstate ]] || {{ {elsewhere}; }}\nshift\nexec '{tool}' \"$@\""));
    folder
}
