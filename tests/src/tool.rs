//! Runs the command line tool `vmstate`.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use serde_json::Value;

/// The time after which a run is assumed to hang, far above the duration of the slowest one.
const PATIENCE: Duration = Duration::from_secs(300);

/// The exit status and output of a run.
#[derive(Debug)]
pub struct Output {
    /// The exit status.
    pub code: i32,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: String,
}

impl Output {
    /// Returns the standard output of a successful run.
    ///
    /// # Panics
    /// If the exit status is not 0 or standard error is not empty.
    pub fn fine(&self) -> String {
        self.answer(0)
    }

    /// Returns the standard output of a run with the exit status `code`.
    ///
    /// # Panics
    /// If the exit status differs or standard error is not empty.
    pub fn answer(&self, code: i32) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (code, ""));
        String::from_utf8(self.stdout.clone()).unwrap()
    }

    /// Returns the standard error of a failed run.
    ///
    /// # Panics
    /// If the exit status is not 2, standard output is not empty, or the tool panicked.
    pub fn error(self) -> String {
        assert_eq!((self.code, self.stdout.as_slice()), (2, b"".as_slice()), "{}", self.stderr);
        assert!(!self.stderr.is_empty() && !self.stderr.contains("panicked"), "{}", self.stderr);
        self.stderr
    }
}

/// Runs the tool.
///
/// # Panics
/// If it cannot be built or started.
pub fn vmstate(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Output {
    let mut command = Command::new(binary());
    finish(command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

/// Runs `vmstate set` on `stream`, from the file `in` to the file `out` in `folder`.
///
/// # Panics
/// If the tool cannot be built or started.
#[must_use]
pub fn set(folder: &Folder, stream: &[u8], arguments: &[&str]) -> Output {
    let (input, output) = (folder.put("in", stream), folder.path("out"));
    vmstate([&["set", &input, "-o", &output], arguments].concat())
}

/// Runs the tool with `input` on its standard input.
///
/// # Panics
/// If it cannot be built or started, or does not read its input.
pub fn piped(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>, input: &[u8]) -> Output {
    let mut command = Command::new(binary());
    let pipes = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input).unwrap());
        finish(child)
    })
}

/// Runs the tool with its standard output closed, and returns the exit status and standard error.
///
/// # Panics
/// If it cannot be built or started.
#[must_use]
pub fn unread(arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(binary());
    let pipes = command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    drop(child.stdout.take());
    let Output { code, stderr, .. } = finish(child);
    (code, stderr)
}

/// Runs the tool with an address space of at most `bytes`.
///
/// # Panics
/// If it cannot be built or started.
#[must_use]
pub fn within(bytes: u64, arguments: &[&str]) -> Output {
    limited(&format!("-v {}", bytes / 1024), arguments)
}

/// Runs the tool for at most `seconds` of processor time, which does not depend on the load of the machine.
///
/// # Panics
/// If it cannot be built or started.
#[must_use]
pub fn in_time(seconds: u64, arguments: &[&str]) -> Output {
    limited(&format!("-t {seconds}"), arguments)
}

/// Runs the tool with a limit of the shell's `ulimit`.
fn limited(limit: &str, arguments: &[&str]) -> Output {
    let script = format!("ulimit {limit} && exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    let command = command.args(["-c", &script]).arg(binary()).args(arguments);
    finish(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

/// A run of the tool that waits for another process. Dropping it kills it.
#[derive(Debug)]
pub struct Started(Option<Child>);

impl Started {
    /// Starts the tool.
    ///
    /// # Panics
    /// If it cannot be built or started.
    #[must_use]
    pub fn new(arguments: &[&str]) -> Self {
        let mut command = Command::new(binary());
        let command = command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(Some(command.spawn().unwrap()))
    }

    /// Waits until the tool has created a file, or listens at a socket.
    ///
    /// # Panics
    /// If it has not after a minute.
    pub fn await_file(&self, path: &str) {
        let start = Instant::now();
        while !is_ready(path) {
            assert!(start.elapsed() < Duration::from_secs(60), "{path} does not appear");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Returns the most memory that the running tool has used so far, in bytes.
    ///
    /// # Panics
    /// If it has ended.
    #[must_use]
    pub fn peak_memory(&self) -> u64 {
        let child = self.0.as_ref().expect("a run that has not ended");
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the peak of its memory");
        let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().unwrap();
        kilobytes * 1024
    }

    /// Waits until the tool has ended.
    ///
    /// # Panics
    /// If it is ended by a signal.
    #[must_use]
    pub fn finish(mut self) -> Output {
        finish(self.0.take().expect("a run that has not ended"))
    }
}

/// Returns whether the file exists and, if it is a socket, accepts connections.
fn is_ready(path: &str) -> bool {
    match fs::metadata(path) {
        Ok(file) if file.file_type().is_socket() => {
            let sockets = fs::read_to_string("/proc/net/unix").unwrap();
            // The fourth column has the flag of listeners.
            let listens = |line: &str| line.ends_with(path) && line.split_whitespace().nth(3) == Some("00010000");
            sockets.lines().any(listens)
        }
        found => found.is_ok(),
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Waits until the tool has ended. A tool that hangs is killed.
fn finish(mut child: Child) -> Output {
    let pipes = (child.stdout.take(), child.stderr.take());
    let ((status, has_ended), stdout, stderr) = thread::scope(|scope| {
        let stdout = scope.spawn(|| read_to_end(pipes.0));
        let stderr = scope.spawn(|| read_to_end(pipes.1));
        (wait(&mut child), stdout.join().unwrap(), stderr.join().unwrap())
    });
    let stderr = String::from_utf8(stderr).unwrap();
    assert!(has_ended, "the tool has not ended in {} seconds: {stderr}", PATIENCE.as_secs());
    let code = status.code().unwrap_or_else(|| panic!("{status}"));
    Output { code, stdout, stderr }
}

fn read_to_end(pipe: Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        pipe.read_to_end(&mut bytes).unwrap();
    }
    bytes
}

/// Waits for the end of a process, and kills it if it does not end. Returns whether it has ended by itself.
fn wait(child: &mut Child) -> (ExitStatus, bool) {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().unwrap() {
            return (status, true);
        }
        thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    (child.wait().unwrap(), false)
}

/// Parses the JSON output of a successful run.
///
/// # Panics
/// If the run failed or printed anything but JSON.
#[must_use]
pub fn json_of(output: &Output) -> Value {
    serde_json::from_str(&output.fine()).unwrap()
}

/// Returns the path of the tool, built in the target folder and with the profile of the tests.
///
/// Cargo builds no binaries of other packages for tests, so the first call runs `cargo build`.
///
/// # Panics
/// If it cannot be built.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        build(&["--package", "vmstate", "--features", "cli-bucket,port,tls,zlib,zstd", "--bin", "vmstate"])
    })
}

/// Builds a program with these arguments of `cargo build`, in the profile of the tests, and returns its path.
pub(crate) fn build(selection: &[&str]) -> PathBuf {
    let test = env::current_exe().unwrap();
    let target = test.ancestors().nth(3).expect("the test is in target/<profile>/deps");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--message-format", "json", "--target-dir"]).arg(target).args(selection);
    cargo.args((!cfg!(debug_assertions)).then_some("--release"));
    // The package of the test: `ring` would be built again with them, and again without, with all that depends on it.
    for (name, _) in env::vars_os().filter(|(name, _)| is_of_package(name)) {
        cargo.env_remove(name);
    }
    let output = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "cargo could not build {selection:?}");
    let messages = output.stdout.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
    let mut paths = messages.filter_map(|message: Value| Some(message["executable"].as_str()?.into()));
    paths.next().expect("cargo prints the path of the program")
}

/// Returns whether Cargo sets a variable to a fact about the package whose test runs.
fn is_of_package(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| name.starts_with(prefix)))
}

/// A temporary folder, removed when dropped.
#[derive(Debug)]
pub struct Folder(tempfile::TempDir);

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}

impl Folder {
    /// Creates an empty folder.
    ///
    /// # Panics
    /// If it cannot be created.
    #[must_use]
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Returns the path of `name` in this folder.
    ///
    /// # Panics
    /// If the path is not UTF-8.
    #[must_use]
    pub fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    /// Writes a file and returns its path.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn put(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Returns the sorted names of all files.
    ///
    /// # Panics
    /// If the folder cannot be read.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// Adds all objects in a JSON value to `into`.
pub fn objects<'v>(value: &'v Value, into: &mut Vec<&'v Value>) {
    match value {
        Value::Object(map) => {
            into.push(value);
            map.values().for_each(|value| objects(value, into));
        }
        Value::Array(values) => values.iter().for_each(|value| objects(value, into)),
        _ => {}
    }
}

/// Returns the number at `key`.
///
/// # Panics
/// If it is missing or not an unsigned integer.
#[must_use]
pub fn number(value: &Value, key: &str) -> usize {
    value[key].as_u64().and_then(|number| number.try_into().ok()).unwrap_or_else(|| panic!("{key} of {value}"))
}
