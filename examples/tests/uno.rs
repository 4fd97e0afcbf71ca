//! Checks the output of the example `uno` that the guide shows.

use std::process::Command;

#[test]
fn guide_shows_the_output_of_uno() {
    let output = Command::new(env!("CARGO_BIN_EXE_uno")).output().expect("the example runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).expect("text");
    let page = include_str!("../../vmstate/src/guide/qemu.md");
    assert!(page.contains(&printed), "not in the guide:\n{printed}");
}

#[test]
fn invalid_stream_is_an_error() {
    let example =
        |arguments: &[&str]| Command::new(env!("CARGO_BIN_EXE_uno")).args(arguments).output().expect("it runs");
    let output = example(&[concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("uno: cannot load the header\n"));
    let help = String::from_utf8(example(&["--help"]).stdout).unwrap();
    assert!(help.contains("Usage: uno [STREAM] [OUTPUT]") && help.contains("uno vm.state changed.state"), "{help}");
}
