//! Running the tool.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::{fs, thread};

use serde_json::Value;

/// What a run gave.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) code: i32,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: String,
}

impl Output {
    /// Standard output of a run that was fine, and had nothing to say on standard error.
    pub(super) fn fine(&self) -> String {
        self.answer(0)
    }

    /// Standard output of a run that ended with `code`, and had nothing to say on standard error.
    pub(super) fn answer(&self, code: i32) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (code, ""));
        String::from_utf8(self.stdout.clone()).unwrap()
    }

    /// Standard error of a run that failed, and had nothing to say on standard output.
    pub(super) fn error(self) -> String {
        assert_eq!((self.code, self.stdout.as_slice()), (2, b"".as_slice()), "{}", self.stderr);
        assert!(!self.stderr.is_empty() && !self.stderr.contains("panicked"), "{}", self.stderr);
        self.stderr
    }
}

/// Runs the tool.
pub(super) fn vmstate(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Output {
    let mut command = Command::new(binary());
    finish(command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

/// Runs the tool with `input` on its standard input.
pub(super) fn piped(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>, input: &[u8]) -> Output {
    let mut command = Command::new(binary());
    let pipes = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input).unwrap());
        finish(child)
    })
}

/// Runs the tool with nobody at the other end of its standard output: exit code and standard error.
pub(super) fn unread(arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(binary());
    let pipes = command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    drop(child.stdout.take());
    let Output { code, stderr, .. } = finish(child);
    (code, stderr)
}

/// Runs the tool with so many bytes of address space, in which everything must find room.
pub(super) fn within(bytes: u64, arguments: &[&str]) -> Output {
    let script = format!("ulimit -v {} && exec \"$0\" \"$@\"", bytes / 1024);
    let mut command = Command::new("sh");
    let command = command.args(["-c", &script]).arg(binary()).args(arguments);
    finish(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

fn finish(child: Child) -> Output {
    let output = child.wait_with_output().unwrap();
    let code = output.status.code().unwrap_or_else(|| panic!("{}", output.status));
    Output { code, stdout: output.stdout, stderr: String::from_utf8(output.stderr).unwrap() }
}

/// The answer of a run that was asked for JSON.
pub(super) fn json_of(output: &Output) -> Value {
    serde_json::from_str(&output.fine()).unwrap()
}

/// The tool. Cargo builds no binaries of other packages for tests, so it is asked to, once for all tests: in the
/// folder and with the profile of the tests themselves.
pub(crate) fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let test = std::env::current_exe().unwrap();
        let target = test.ancestors().nth(3).expect("the test is in target/<profile>/deps");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--package", "vmstate", "--features", "cli", "--bin", "vmstate"]);
        cargo.args(["--message-format", "json", "--target-dir"]).arg(target);
        cargo.args((!cfg!(debug_assertions)).then_some("--release"));
        let output = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).stderr(Stdio::inherit()).output().unwrap();
        assert!(output.status.success(), "cargo could not build the tool");
        let messages = output.stdout.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
        let mut paths = messages.filter_map(|message: Value| Some(message["executable"].as_str()?.into()));
        paths.next().expect("cargo says where the tool is")
    })
}

/// A folder that goes away with its files.
pub(super) struct Folder(tempfile::TempDir);

impl Folder {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    /// Writes a file and says its path.
    pub(super) fn put(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// The names of all files.
    pub(super) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}
