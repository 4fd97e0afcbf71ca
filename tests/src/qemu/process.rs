//! The process of a QEMU, and the scripts that start it.

use std::fs;
use std::io::BufReader;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::thread::sleep;
use std::time::Instant;

use tempfile::TempDir;

use super::{PATIENCE, PAUSE};

/// Returns the output of `qemu-system-<arch> -M <machine> -dump-vmstate` of `version`.
///
/// # Panics
/// If it is not installed or fails.
#[must_use]
pub fn dump_vmstate(version: &str, arch: &str, machine: &str) -> String {
    assert_installed(version, arch);
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("dump");
    let mut command = Command::new(script("run"));
    command.args([version, arch, "-M", machine, "-dump-vmstate"]).arg(&path);
    let output = command.output().expect("tests/qemu/run starts");
    assert!(output.status.success(), "{machine}: {}", String::from_utf8_lossy(&output.stderr));
    fs::read_to_string(&path).expect("a dump")
}

/// A process, killed when dropped.
#[derive(Debug)]
pub(super) struct Process(Child);

impl Process {
    pub(super) fn new(child: Child) -> Self {
        Self(child)
    }

    /// Returns the exit status, once the process has ended.
    pub(super) fn try_wait(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().expect("the state of a child")
    }

    /// Kills the process, which may have exited already.
    pub(super) fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    pub(super) fn connect(&mut self, socket: &Path, log: &Path) -> Result<BufReader<UnixStream>, String> {
        let start = Instant::now();
        loop {
            if let Ok(stream) = UnixStream::connect(socket) {
                stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
                return Ok(BufReader::new(stream));
            }
            if self.try_wait().is_some() {
                return Err(format!("QEMU has ended at once.\nQEMU printed: {}", printed(log)));
            }
            if start.elapsed() > PATIENCE {
                return Err(format!("QEMU does not open its monitor.\nQEMU printed: {}", printed(log)));
            }
            sleep(PAUSE);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(super) fn assert_installed(version: &str, arch: &str) {
    let output = Command::new(script("run")).args(["--which", version, arch]).output().expect("tests/qemu/run starts");
    assert!(
        output.status.success(),
        "this test needs QEMU {version}; run tests/qemu/install\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

pub(super) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("qemu").join(name)
}

pub(super) fn printed(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    if text.trim().is_empty() { "nothing".to_owned() } else { text }
}
