//! QEMU processes, driven by tests (feature `qemu`).
//!
//! Every failure is a panic with QEMU's output. A missing QEMU is a failure, never a skipped test.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// The timeout of each operation.
const PATIENCE: Duration = Duration::from_secs(30);
/// The interval of polling.
const PAUSE: Duration = Duration::from_millis(20);

/// The versions with which tests run.
pub const VERSIONS: [&str; 3] = ["7.2", "10.0", "11.1"];

/// The versions that can load an Arduino Uno. 11.1 writes beyond the end of the block `sram-as-io`, which is smaller than
/// the block in its streams, and exits when it finds its heap corrupted.
pub const VERSIONS_WITH_UNO: [&str; 2] = ["7.2", "10.0"];

/// The result of loading a stream into QEMU and saving it again.
#[derive(Debug)]
pub enum Outcome {
    /// QEMU loaded the stream and saved this one.
    Saved(Vec<u8>),
    /// QEMU rejected the stream with this message.
    Refused(String),
    /// QEMU crashed after printing this.
    Died(String),
}

/// A running QEMU, killed when dropped.
#[derive(Debug)]
pub struct Qemu {
    process: Process,
    /// The connection to its monitor (QMP).
    monitor: BufReader<UnixStream>,
    folder: TempDir,
}

impl Qemu {
    /// Starts `qemu-system-<arch>` of `version` with `args` and connects to its monitor.
    ///
    /// # Panics
    /// If it is not installed or does not start.
    #[must_use]
    pub fn start(version: &str, arch: &str, args: &[&str]) -> Self {
        Self::try_start(version, arch, args).unwrap_or_else(|what| panic!("{what}"))
    }

    /// Like [`start`](Self::start), but returns an error if QEMU exits, such as over an invalid device.
    ///
    /// # Errors
    /// Returns QEMU's output if it exits or does not answer.
    ///
    /// # Panics
    /// If it is not installed.
    pub fn try_start(version: &str, arch: &str, args: &[&str]) -> Result<Self, String> {
        assert_installed(version, arch);
        let folder = TempDir::new().expect("a temporary folder");
        let log = File::create(folder.path().join("log")).expect("a log file");
        let socket = folder.path().join("monitor");
        let process = Command::new(script("run"))
            .args([version, arch])
            .args(args)
            .args(["-display", "none", "-serial", "null", "-parallel", "none", "-monitor", "none", "-qmp"])
            .arg(format!("unix:{},server=on,wait=off", socket.display()))
            // Its human monitor prints local times.
            .env("TZ", "UTC")
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle of the log file"))
            .stderr(log)
            .spawn()
            .expect("tests/qemu/run starts");
        let mut process = Process(process);
        let monitor = process.connect(&socket, &folder.path().join("log"))?;
        let mut qemu = Self { process, monitor, folder };
        // QEMU opens its monitor before it creates devices.
        match qemu.try_read_message().and_then(|_| qemu.try_execute("qmp_capabilities", json!({}))) {
            Ok(_) => Ok(qemu),
            Err(what) => Err(qemu.with_log(&what)),
        }
    }

    /// Starts a QEMU and loads `stream`. Its run state is then that in the stream, such as `paused`.
    ///
    /// # Panics
    /// If it rejects the stream.
    #[must_use]
    pub fn load(version: &str, arch: &str, args: &[&str], stream: &[u8]) -> Self {
        let mut qemu = Self::offer(version, arch, args, stream);
        qemu.wait_for_migration();
        qemu
    }

    /// Stops the machine and saves it.
    ///
    /// # Panics
    /// If the migration fails or times out.
    pub fn save(&mut self) -> Vec<u8> {
        self.try_save().unwrap_or_else(|what| panic!("{what}"))
    }

    /// Like [`save`](Self::save), but returns an error if the machine cannot be saved, such as because of a device.
    ///
    /// # Errors
    /// Returns QEMU's answer and output if the migration fails or times out.
    ///
    /// # Panics
    /// If the stream cannot be read.
    pub fn try_save(&mut self) -> Result<Vec<u8>, String> {
        let saved = self.try_execute("stop", json!({})).and_then(|_| self.try_migrate_to_file());
        saved.map_err(|what| self.with_log(&what))
    }

    fn try_migrate_to_file(&mut self) -> Result<Vec<u8>, String> {
        let path = self.folder.path().join("saved");
        self.try_execute("migrate-set-parameters", json!({ "max-bandwidth": 1_u64 << 40 }))?;
        self.try_execute("migrate", json!({ "uri": format!("exec:cat >'{}'", path.display()) }))?;
        self.try_wait_for_migration()?;
        Ok(fs::read(path).expect("QEMU has written the stream"))
    }

    /// Starts a QEMU that has to reject `stream`, and returns its message.
    ///
    /// # Panics
    /// If it accepts the stream or times out.
    #[must_use]
    pub fn refusal(version: &str, arch: &str, args: &[&str], stream: &[u8]) -> String {
        let mut qemu = Self::offer(version, arch, args, stream);
        match qemu.wait_for_verdict() {
            Some(_) => printed(&qemu.log()),
            None => qemu.fail("QEMU has accepted the stream"),
        }
    }

    /// Starts a QEMU, loads `stream`, and saves the machine if the load succeeds. The guest does not run.
    ///
    /// # Panics
    /// If it does not start or times out.
    #[must_use]
    pub fn load_and_save(version: &str, arch: &str, args: &[&str], stream: &[u8]) -> Outcome {
        let mut qemu = Self::offer(version, arch, &[args, &["-S"]].concat(), stream);
        if let Some(ended) = qemu.wait_for_verdict() {
            let words = printed(&qemu.log());
            return if ended.signal().is_some() { Outcome::Died(words) } else { Outcome::Refused(words) };
        }
        match qemu.try_migrate_to_file() {
            Ok(stream) => Outcome::Saved(stream),
            Err(what) => Outcome::Died(format!("{what}\n{}", printed(&qemu.log()))),
        }
    }

    /// Starts a QEMU and begins to load a stream.
    fn offer(version: &str, arch: &str, args: &[&str], stream: &[u8]) -> Self {
        let mut qemu = Self::start(version, arch, &[args, &["-incoming", "defer"]].concat());
        let path = qemu.write_stream(stream);
        qemu.execute("migrate-incoming", json!({ "uri": format!("exec:cat '{}'", path.display()) }));
        qemu
    }

    /// Waits until QEMU has loaded the stream or exited, as it does if it cannot load it.
    fn wait_for_verdict(&mut self) -> Option<ExitStatus> {
        let start = Instant::now();
        loop {
            if let Some(ended) = self.process.0.try_wait().expect("the state of a child") {
                return Some(ended);
            }
            if self.try_status().is_some_and(|status| status != "inmigrate") {
                return None;
            }
            if start.elapsed() > PATIENCE {
                self.fail("QEMU neither accepts nor rejects the stream");
            }
            sleep(PAUSE);
        }
    }

    /// Returns the output of QEMU so far.
    #[must_use]
    pub fn output(&self) -> String {
        printed(&self.log())
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn write_stream(&self, stream: &[u8]) -> PathBuf {
        let path = self.folder.path().join("stream");
        fs::write(&path, stream).expect("the stream is written");
        path
    }

    /// Executes a QMP command and returns its result.
    ///
    /// # Panics
    /// If QEMU reports an error, times out or has exited.
    pub fn execute(&mut self, command: &str, arguments: Value) -> Value {
        self.try_execute(command, arguments).unwrap_or_else(|what| self.fail(&what))
    }

    /// Executes a command that has to fail, and returns the description of its error.
    ///
    /// # Panics
    /// If the command succeeds, or QEMU times out.
    pub fn error_of(&mut self, command: &str, arguments: &Value) -> String {
        match self.try_execute(command, arguments.clone()) {
            Ok(value) => panic!("{command} {arguments} succeeds with {value}"),
            Err(message) => {
                let answer = message.split_once(": ").map_or("", |(_, answer)| answer);
                let answer: Value = serde_json::from_str(answer).unwrap_or_else(|_| self.fail(&message));
                answer["error"]["desc"].as_str().expect("a description").to_owned()
            }
        }
    }

    #[allow(clippy::needless_pass_by_value)] // json!({ .. }) in the call reads best
    fn try_execute(&mut self, command: &str, arguments: Value) -> Result<Value, String> {
        let request = json!({ "execute": command, "arguments": arguments });
        writeln!(self.monitor.get_mut(), "{request}").map_err(|error| format!("{command}: {error}"))?;
        self.reply(command)
    }

    /// Returns the connection to the monitor.
    #[must_use]
    pub fn connection(&self) -> &UnixStream {
        self.monitor.get_ref()
    }

    /// Waits for the reply of a command.
    ///
    /// # Errors
    /// Returns the reply that is an error, after the command's name.
    pub fn reply(&mut self, command: &str) -> Result<Value, String> {
        loop {
            let mut answer = self.try_read_message()?;
            if answer.get("error").is_some() {
                return Err(format!("{command}: {answer}"));
            }
            if let Some(value) = answer.get_mut("return") {
                return Ok(value.take());
            }
            // Anything else is an event.
        }
    }

    /// Executes a command of the human monitor, such as `info registers`, and returns its output.
    ///
    /// # Panics
    /// Like [`execute`](Self::execute).
    pub fn monitor(&mut self, command_line: &str) -> String {
        let text = self.execute("human-monitor-command", json!({ "command-line": command_line }));
        text.as_str().expect("text").replace('\r', "")
    }

    /// Returns the run state, such as `paused`.
    ///
    /// # Panics
    /// Like [`execute`](Self::execute).
    pub fn status(&mut self) -> String {
        let status = self.execute("query-status", json!({}));
        status["status"].as_str().expect("a run state").to_owned()
    }

    /// Returns the run state, or `None` if QEMU has exited.
    pub fn try_status(&mut self) -> Option<String> {
        let status = self.try_execute("query-status", json!({})).ok()?;
        status["status"].as_str().map(str::to_owned)
    }

    /// Waits until a migration, in or out, is complete.
    ///
    /// # Panics
    /// If it fails or times out.
    pub fn wait_for_migration(&mut self) {
        self.try_wait_for_migration().unwrap_or_else(|what| self.fail(&what));
    }

    fn try_wait_for_migration(&mut self) -> Result<(), String> {
        let start = Instant::now();
        loop {
            let migration = self.try_execute("query-migrate", json!({}))?;
            match migration["status"].as_str() {
                Some("completed") => break,
                Some("failed" | "cancelled") => return Err(format!("the migration failed: {migration}")),
                _ if start.elapsed() > PATIENCE => return Err(format!("the migration takes too long: {migration}")),
                _ => sleep(PAUSE),
            }
        }
        // The destination is done with the stream a little before it takes on the run state.
        while self.try_status().is_some_and(|status| status == "inmigrate") {
            if start.elapsed() > PATIENCE {
                return Err("still in state `inmigrate` after the migration".to_owned());
            }
            sleep(PAUSE);
        }
        Ok(())
    }

    fn try_read_message(&mut self) -> Result<Value, String> {
        let mut line = String::new();
        match self.monitor.read_line(&mut line) {
            Ok(0) => Err("QEMU has closed its monitor".to_owned()),
            Ok(_) => serde_json::from_str(&line).map_err(|error| format!("no JSON from the monitor: {error}")),
            Err(error) => Err(format!("no answer from the monitor: {error}")),
        }
    }

    fn fail(&self, what: &str) -> ! {
        panic!("{}", self.with_log(what));
    }

    fn with_log(&self, what: &str) -> String {
        format!("{what}\nQEMU printed: {}", printed(&self.log()))
    }
}

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
struct Process(Child);

impl Process {
    fn connect(&mut self, socket: &Path, log: &Path) -> Result<BufReader<UnixStream>, String> {
        let start = Instant::now();
        loop {
            if let Ok(stream) = UnixStream::connect(socket) {
                stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
                return Ok(BufReader::new(stream));
            }
            if self.0.try_wait().expect("the state of a child").is_some() {
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
        // It may have exited already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn assert_installed(version: &str, arch: &str) {
    let output = Command::new(script("run")).args(["--which", version, arch]).output().expect("tests/qemu/run starts");
    assert!(
        output.status.success(),
        "this test needs QEMU {version}; run tests/qemu/install\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("qemu").join(name)
}

fn printed(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    if text.trim().is_empty() { "nothing".to_owned() } else { text }
}
