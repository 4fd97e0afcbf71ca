//! Each example prints the text block of its module docs. Examples that need features have separate tests.

use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs};

#[test]
fn output_matches_module_docs() {
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
        assert_eq!(printed(name), expected, "{name}: left is the output, right the text block of the module docs");
    }
}

/// Returns the text block of the module docs of an example.
fn shown(source: &str) -> String {
    let header =
        source.lines().map_while(|line| line.strip_prefix("//!")).map(|line| line.strip_prefix(' ').unwrap_or(line));
    let block = header.skip_while(|line| *line != "```text").skip(1).take_while(|line| *line != "```");
    block.map(|line| format!("{line}\n")).collect()
}

/// Returns the output of an example, built in the target folder and with the profile of this test.
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
