//! Processes of the example board, controlled by tests only through their monitors and serial ports.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::monitor::event_name;

/// The timeout of each operation.
const PATIENCE: Duration = Duration::from_secs(60);
/// The timeout of the guest's verdict. It computes all steps again, which takes minutes on a busy host if the guest has run
/// for long.
const VERDICT: Duration = Duration::from_secs(300);
/// The interval of polling.
const PAUSE: Duration = Duration::from_millis(5);

/// A process `virt run --qmp`, killed when dropped.
#[derive(Debug)]
pub struct BoardProcess {
    child: Child,
    monitor: BufReader<UnixStream>,
    printed: Receiver<Vec<u8>>,
    /// The output of the guest that no call has returned.
    text: String,
    /// The events so far: states of migrations, `passN` for passes, and the names of others.
    pub events: Vec<String>,
    /// The number of events up to the last awaited one.
    seen: usize,
    folder: TempDir,
}

/// Returns the path of the program `virt`.
///
/// # Panics
/// If it cannot be built.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| crate::tool::build(&["--workspace", "--all-features", "--bin", "virt"]))
}

impl BoardProcess {
    /// Starts a board that runs the self-verifying guest.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn running(arguments: &[&str]) -> Self {
        let mut board = Self::start(arguments);
        board.line_with("hasher");
        board
    }

    /// Starts a board that waits for a guest, and returns the address of its socket.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn awaiting(arguments: &[&str]) -> (Self, String) {
        let mut board = Self::start(&[arguments, &["--incoming", "defer"]].concat());
        let uri = format!("unix:{}", board.path("guest").display());
        board.execute("migrate-incoming", json!({ "uri": uri }));
        (board, uri)
    }

    /// Starts a board with these arguments.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(arguments: &[&str]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let socket = folder.path().join("monitor");
        let log = File::create(folder.path().join("log")).expect("a log file");
        let mut command = Command::new(binary());
        command.args(["run", "--qmp", &format!("unix:{}", socket.display())]).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().expect("the board starts");
        let printed = read_all(child.stdout.take().expect("a pipe"));
        let monitor = connect(&socket, &mut child);
        let (text, events) = (String::new(), Vec::new());
        let mut board = Self { child, monitor, printed, text, events, seen: 0, folder };
        board.message();
        board.execute("qmp_capabilities", json!({}));
        // Machines that run tests can be slow.
        board.execute("migrate-set-parameters", json!({ "x-answer-timeout": 60_000 }));
        board
    }

    /// Returns a path in a folder that is removed with the process.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns the connection to the monitor.
    #[must_use]
    pub fn monitor(&self) -> &UnixStream {
        self.monitor.get_ref()
    }

    /// Returns the id of the process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Executes a command.
    ///
    /// # Panics
    /// If it fails.
    #[allow(clippy::needless_pass_by_value)] // json!({ .. }) in the call reads best
    pub fn execute(&mut self, command: &str, arguments: Value) -> Value {
        self.try_execute(command, &arguments).unwrap_or_else(|error| self.fail(&format!("{command}: {error}")))
    }

    /// Executes a command.
    ///
    /// # Errors
    /// Returns the description of the error.
    ///
    /// # Panics
    /// If the board has ended or does not answer.
    pub fn try_execute(&mut self, command: &str, arguments: &Value) -> Result<Value, String> {
        let request = json!({ "execute": command, "arguments": arguments });
        writeln!(self.monitor.get_mut(), "{request}").unwrap_or_else(|error| self.fail(&error.to_string()));
        self.reply()
    }

    /// Waits for the reply of a command.
    ///
    /// # Errors
    /// Returns the description of the error.
    ///
    /// # Panics
    /// If the board has ended or does not answer.
    pub fn reply(&mut self) -> Result<Value, String> {
        loop {
            let mut message = self.message();
            if let Some(value) = message.get_mut("return") {
                return Ok(value.take());
            }
            match message["error"]["desc"].as_str() {
                Some(description) => return Err(description.to_owned()),
                None => self.record(&message),
            }
        }
    }

    fn record(&mut self, message: &Value) {
        self.events.push(event_name(message));
    }

    fn message(&mut self) -> Value {
        let mut line = String::new();
        match self.monitor.read_line(&mut line) {
            Ok(1..) => serde_json::from_str(&line).unwrap_or_else(|error| self.fail(&error.to_string())),
            Ok(_) => self.fail("the board has closed its monitor"),
            Err(error) => self.fail(&error.to_string()),
        }
    }

    /// Waits for one of `events`, and returns it. Events before it are skipped.
    ///
    /// # Panics
    /// If a migration ends in another way.
    pub fn wait_for(&mut self, events: &[&str]) -> String {
        loop {
            let new = &self.events[self.seen..];
            if let Some(at) = new.iter().position(|event| events.contains(&event.as_str())) {
                self.seen += at + 1;
                return self.events[self.seen - 1].clone();
            }
            if new.iter().any(|event| ["completed", "failed", "cancelled"].contains(&event.as_str())) {
                let statistics = self.execute("query-migrate", json!({}));
                self.fail(&format!("no event of {events:?} in {:?}: {statistics}", self.events));
            }
            let message = self.message();
            self.record(&message);
        }
    }

    /// Returns the run state, such as `paused`.
    ///
    /// # Panics
    /// If the board has ended.
    pub fn status(&mut self) -> String {
        self.execute("query-status", json!({}))["status"].as_str().expect("a run state").to_owned()
    }

    /// Returns the state of the migration.
    ///
    /// # Panics
    /// If the board has ended.
    pub fn migration(&mut self) -> String {
        self.execute("query-migrate", json!({}))["status"].as_str().unwrap_or("none").to_owned()
    }

    /// Returns the state of the migration, or `None` if the process has ended.
    pub fn surviving_migration(&mut self) -> Option<String> {
        let reply = self.attempt("query-migrate")?;
        Some(reply["status"].as_str().unwrap_or("none").to_owned())
    }

    /// Executes a command that the state may not allow anymore, or that the process may not survive. Returns the reply, or `None`
    /// after an error.
    pub fn attempt(&mut self, command: &str) -> Option<Value> {
        self.attempt_with(command, &json!({}))
    }

    /// Executes a command with arguments, as [`attempt`](Self::attempt).
    pub fn attempt_with(&mut self, command: &str, arguments: &Value) -> Option<Value> {
        writeln!(self.monitor.get_mut(), "{}", json!({ "execute": command, "arguments": arguments })).ok()?;
        loop {
            let mut line = String::new();
            self.monitor.read_line(&mut line).ok().filter(|length| *length > 0)?;
            let mut message: Value = serde_json::from_str(&line).ok()?;
            match (message.get_mut("return").map(Value::take), message.get("error")) {
                (Some(reply), _) => return Some(reply),
                (None, Some(_)) => return None,
                (None, None) => self.record(&message),
            }
        }
    }

    /// Switches a capability on.
    ///
    /// # Panics
    /// If it is rejected.
    pub fn enable(&mut self, capability: &str) {
        let change = json!({ "capability": capability, "state": true });
        self.execute("migrate-set-capabilities", json!({ "capabilities": [change] }));
    }

    /// Types keys at the serial port.
    ///
    /// # Panics
    /// If the board has ended.
    pub fn type_in(&mut self, keys: &[u8]) {
        let sent = self.child.stdin.as_mut().expect("a pipe").write_all(keys);
        sent.unwrap_or_else(|error| self.fail(&error.to_string()));
    }

    /// Waits for a line of the guest that contains `text`.
    ///
    /// # Panics
    /// If none comes.
    pub fn line_with(&mut self, text: &str) -> String {
        self.line_within(text, PATIENCE).unwrap_or_else(|| self.fail(&format!("no line with `{text}`: {}", self.text)))
    }

    fn line_within(&mut self, text: &str, patience: Duration) -> Option<String> {
        let deadline = Instant::now() + patience;
        loop {
            while let Some((line, rest)) = self.text.split_once('\n') {
                let (line, rest) = (line.to_owned(), rest.to_owned());
                self.text = rest;
                if line.contains(text) {
                    return Some(line);
                }
            }
            let bytes = self.printed.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok()?;
            self.text += &String::from_utf8_lossy(&bytes);
        }
    }

    /// Has the guest verify itself.
    ///
    /// # Panics
    /// If the guest finds an error, or does not run here.
    #[track_caller]
    pub fn assert_right(&mut self) {
        self.type_in(b"v");
        let verdict = self.line_within("keys", VERDICT).unwrap_or_else(|| self.fail("no verdict of the guest"));
        assert!(verdict.starts_with("right: "), "{verdict}");
    }

    /// Checks that no guest runs here: it does not answer.
    ///
    /// # Panics
    /// If it answers.
    #[track_caller]
    pub fn assert_silent(&mut self) {
        self.type_in(b"v");
        let answer = self.line_within("keys", Duration::from_millis(300));
        assert_eq!(answer, None, "the guest runs here, too");
    }

    /// Returns whether the guest prints something within a moment, after everything that it has printed before.
    pub fn prints(&mut self) -> bool {
        while self.printed.try_recv().is_ok() {}
        // Output may be on its way from a guest that was stopped a moment ago.
        thread::sleep(Duration::from_millis(100));
        while self.printed.try_recv().is_ok() {}
        self.printed.recv_timeout(Duration::from_millis(500)).is_ok()
    }

    /// Ends the connection to the monitor, so that another client can connect, and returns its address.
    ///
    /// # Panics
    /// If the connection has ended already.
    pub fn release_monitor(&mut self) -> PathBuf {
        self.monitor().shutdown(Shutdown::Both).expect("a connection");
        self.path("monitor")
    }

    /// Waits for the end of the process.
    ///
    /// # Panics
    /// If it does not end.
    pub fn ended(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("the state of a child") {
                return status;
            }
            if start.elapsed() > PATIENCE {
                self.fail("the process does not end");
            }
            thread::sleep(PAUSE);
        }
    }

    /// Kills the process at once (SIGKILL).
    ///
    /// # Panics
    /// If the system fails.
    pub fn kill(&mut self) {
        self.child.kill().expect("a child");
        self.child.wait().expect("a child");
    }

    /// Returns the error output of the process.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    fn fail(&self, what: &str) -> ! {
        panic!("{what}\nthe board printed: {}", self.log());
    }
}

impl Drop for BoardProcess {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn connect(socket: &Path, child: &mut Child) -> BufReader<UnixStream> {
    let start = Instant::now();
    loop {
        if let Ok(stream) = UnixStream::connect(socket) {
            stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
            return BufReader::new(stream);
        }
        let ended = child.try_wait().expect("the state of a child");
        assert!(ended.is_none(), "the board has ended at once");
        assert!(start.elapsed() < PATIENCE, "the board does not open its monitor");
        thread::sleep(PAUSE);
    }
}

/// Reads the guest's output on a thread, so that the guest never waits.
fn read_all(mut output: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, printed) = mpsc::channel();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = output.read(&mut buffer) {
            if sender.send(buffer[..length].to_vec()).is_err() {
                return;
            }
        }
    });
    printed
}
