//! Each example prints what its first lines say. Those that need features say how they are started, and have tests of their own.

use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs};

#[test]
fn each_prints_what_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    names.sort();
    assert!(!names.is_empty());
    for path in names {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let source = fs::read_to_string(&path).unwrap();
        if source.contains("//! cargo run -p vmstate-examples --features") {
            continue;
        }
        let expected = shown(&source);
        assert_eq!(printed(name), expected, "{name}: the first is what it prints, the second what its first lines say");
    }
}

/// What the block of text in the first lines of an example says.
fn shown(source: &str) -> String {
    let header =
        source.lines().map_while(|line| line.strip_prefix("//!")).map(|line| line.strip_prefix(' ').unwrap_or(line));
    let block = header.skip_while(|line| *line != "```text").skip(1).take_while(|line| *line != "```");
    block.map(|line| format!("{line}\n")).collect()
}

/// What an example prints. It is built first, in the folder and with the profile of this test.
fn printed(example: &str) -> String {
    let test = env::current_exe().unwrap();
    let target = test.ancestors().nth(3).expect("the test is in target/<profile>/deps");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--package", "vmstate-examples", "--example", example, "--target-dir"]).arg(target);
    cargo.args((!cfg!(debug_assertions)).then_some("--release"));
    let output = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{example}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
