//! Output files: their permissions, links, and temporary files.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use vmstate_tests::streams;
use vmstate_tests::tool::{self, Folder, vmstate};

use super::made;

fn mode(path: &str) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &str, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Runs each command that writes a file, with the stream `input`.
fn commands<'a>(input: &'a str, output: &'a str) -> [Vec<&'a str>; 5] {
    [
        vec!["rewrite", input, output],
        vec!["strip", input, output],
        vec!["set", input, "-o", output],
        vec!["import", input, "-o", output],
        vec!["report", input, "-o", output],
    ]
}

#[test]
fn existing_file_keeps_its_mode() {
    let folder = Folder::new();
    let input = folder.put("in", &streams::named("qemu-7.2-uno").bytes);
    for kept in [0o600, 0o640, 0o755] {
        let output = folder.put("out", b"old");
        for arguments in commands(&input, &output) {
            set_mode(&output, kept);
            vmstate(&arguments).fine();
            assert_eq!(mode(&output), kept, "{arguments:?}");
            assert_ne!(fs::read(&output).unwrap(), b"old");
        }
    }
    assert_eq!(folder.names(), ["in", "out"]);
}

#[test]
fn new_file_has_the_mode_of_any_new_file() {
    let folder = Folder::new();
    let input = folder.put("in", &streams::named("qemu-7.2-uno").bytes);
    vmstate(["strip", &input, &folder.path("out")]).fine();
    assert_eq!(mode(&folder.path("out")), mode(&input));
}

#[test]
fn read_only_file_is_not_replaced() {
    let folder = Folder::new();
    let input = folder.put("in", &streams::named("qemu-7.2-uno").bytes);
    let output = folder.put("out", b"old");
    set_mode(&output, 0o444);
    for arguments in commands(&input, &output) {
        let error = vmstate(&arguments).error();
        assert!(error.contains("the file is read-only"), "{error}");
    }
    assert_eq!(
        (fs::read(&output).unwrap(), folder.names()),
        (b"old".to_vec(), vec!["in".to_owned(), "out".to_owned()])
    );
}

#[test]
fn symbolic_link_remains_and_its_target_is_replaced() {
    let folder = Folder::new();
    let other = Folder::new();
    let stream = streams::named("qemu-7.2-uno").bytes;
    let (input, link, target) = (folder.put("in", &stream), folder.path("link"), other.put("target", b"old"));
    symlink(&target, &link).unwrap();
    vmstate(["rewrite", &input, &link]).fine();
    assert_eq!(fs::read_link(&link).unwrap().to_str(), Some(target.as_str()));
    assert!(fs::read(&target).unwrap() == stream);
    assert_eq!((folder.names(), other.names()), (vec!["in".to_owned(), "link".to_owned()], vec!["target".to_owned()]));

    fs::remove_file(&target).unwrap();
    let error = vmstate(["rewrite", &input, &link]).error();
    assert!(error.contains("cannot follow the symbolic link"), "{error}");
}

#[test]
fn signals_leave_no_temporary_file() {
    for (signal, name) in [(2, "INT"), (15, "TERM")] {
        let folder = Folder::new();
        let input = folder.path("in");
        // Long enough that the tool is still writing when the signal arrives.
        made::huge(&input, 4 << 30);
        let output = folder.put("out", b"old");
        let mut tool = Command::new(tool::binary());
        let mut child = tool.args(["rewrite", &input, &output]).stdout(Stdio::null()).spawn().unwrap();
        let started = Instant::now();
        while folder.names().len() < 3 {
            assert!(started.elapsed() < Duration::from_secs(60), "no temporary file");
            thread::sleep(Duration::from_millis(1));
        }
        assert!(Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().signal(), Some(signal), "{name}");
        assert_eq!((folder.names(), fs::read(&output).unwrap()), (vec!["in".into(), "out".into()], b"old".to_vec()));
    }
}
