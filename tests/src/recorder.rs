//! Runs `vmstate record` between two sockets.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::tool::{Folder, binary};

/// The longest time until the recorder listens or ends.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running recorder between the sockets `source` and `destination` of a folder, killed when dropped.
#[derive(Debug)]
pub struct Recorder {
    process: Child,
    folder: Folder,
}

impl Recorder {
    /// Starts a recorder, and waits until it listens.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start() -> Self {
        let folder = Folder::new();
        let [source, destination] = ["source", "destination"].map(|name| format!("unix:{}", folder.path(name)));
        let mut command = Command::new(binary());
        command.args(["record", "--json", &source, &destination, "-o", &folder.path("conversation")]);
        let process = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let start = Instant::now();
        // The file is created after the listener.
        while !Path::new(&folder.path("conversation")).exists() {
            assert!(start.elapsed() < PATIENCE, "the recorder does not listen");
            sleep(Duration::from_millis(5));
        }
        Self { process, folder }
    }

    /// Returns the path of the socket for the `source`, of the `destination`, or of the `conversation`.
    #[must_use]
    pub fn path(&self, name: &str) -> String {
        self.folder.path(name)
    }

    /// Returns the exit status and the explanation, once the migration has ended.
    ///
    /// # Panics
    /// If the recorder prints anything else.
    #[must_use]
    pub fn finish(&mut self) -> (i32, Value) {
        use std::io::Read;
        let (mut text, mut errors) = (String::new(), String::new());
        self.process.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        self.process.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        let code = self.process.wait().unwrap().code().expect("an exit status");
        assert_eq!(errors, "", "{code}");
        (code, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")))
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// If the recorder has ended.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, signal).expect("a running recorder");
    }

    /// Waits for the end of the process.
    ///
    /// # Panics
    /// If the state of the process is unknown.
    pub fn wait(&mut self) {
        self.process.wait().unwrap();
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
