//! QEMU processes, driven by tests (feature `qemu`).
//!
//! Every failure is a panic with QEMU's output. A missing QEMU is a failure, never a skipped test.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::monitor::event_name;

mod process;

pub use process::dump_vmstate;
use process::{Process, assert_installed, printed, script};

/// The timeout of each operation.
const PATIENCE: Duration = Duration::from_secs(120);
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
    /// QEMU neither loaded nor rejected the stream in time.
    Stuck,
}

/// QEMU has not answered in time.
#[derive(Debug)]
struct TimedOut;

/// A running QEMU, killed when dropped.
#[derive(Debug)]
pub struct Qemu {
    process: Process,
    /// The connection to its monitor (QMP).
    monitor: BufReader<UnixStream>,
    /// The events that have arrived with replies.
    events: Vec<Value>,
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
        let mut process = Process::new(process);
        let monitor = process.connect(&socket, &folder.path().join("log"))?;
        let mut qemu = Self { process, monitor, events: Vec::new(), folder };
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
    /// If it does not start.
    #[must_use]
    pub fn load_and_save(version: &str, arch: &str, args: &[&str], stream: &[u8]) -> Outcome {
        let mut qemu = Self::offer(version, arch, &[args, &["-S"]].concat(), stream);
        let Ok(ended) = qemu.verdict_in_time() else { return Outcome::Stuck };
        if let Some(ended) = ended {
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
        self.verdict_in_time().unwrap_or_else(|TimedOut| self.fail("QEMU neither accepts nor rejects the stream"))
    }

    /// As [`wait_for_verdict`](Self::wait_for_verdict), with an error if that takes too long.
    fn verdict_in_time(&mut self) -> Result<Option<ExitStatus>, TimedOut> {
        let start = Instant::now();
        loop {
            if let Some(ended) = self.process.try_wait() {
                return Ok(Some(ended));
            }
            if self.try_status().is_some_and(|status| status != "inmigrate") {
                return Ok(None);
            }
            if start.elapsed() > PATIENCE {
                return Err(TimedOut);
            }
            sleep(PAUSE);
        }
    }

    /// Waits until QEMU has exited.
    ///
    /// # Panics
    /// If it does not.
    pub fn wait_for_end(&mut self) {
        let start = Instant::now();
        while self.process.try_wait().is_none() {
            if start.elapsed() > PATIENCE {
                self.fail("QEMU does not exit");
            }
            sleep(PAUSE);
        }
    }

    /// Kills QEMU at once.
    pub fn kill(&mut self) {
        self.process.kill();
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
        match self.attempt(command, arguments) {
            Ok(value) => panic!("{command} {arguments} succeeds with {value}"),
            Err(description) => description,
        }
    }

    /// Executes a command that may fail.
    ///
    /// # Errors
    /// Returns the description of the error, or the reason if QEMU does not answer.
    pub fn attempt(&mut self, command: &str, arguments: &Value) -> Result<Value, String> {
        self.try_execute(command, arguments.clone()).map_err(|message| {
            let answer = message.split_once(": ").and_then(|(_, answer)| serde_json::from_str::<Value>(answer).ok());
            answer.and_then(|answer| Some(answer["error"]["desc"].as_str()?.to_owned())).unwrap_or(message)
        })
    }

    #[allow(clippy::needless_pass_by_value)] // json!({ .. }) in the call reads best
    fn try_execute(&mut self, command: &str, arguments: Value) -> Result<Value, String> {
        // One write: QEMU may end after `quit` before the end of the line.
        let request = format!("{}\n", json!({ "execute": command, "arguments": arguments }));
        self.monitor.get_mut().write_all(request.as_bytes()).map_err(|error| format!("{command}: {error}"))?;
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
            self.events.push(answer);
        }
    }

    /// Returns the events that have arrived with replies: states of migrations, `passN` for passes, and the names of others.
    #[must_use]
    pub fn events(&self) -> Vec<String> {
        self.events.iter().map(event_name).collect()
    }

    /// Returns the time of the last event of this name that has arrived with a reply, since the epoch.
    #[must_use]
    pub fn time_of(&self, event: &str) -> Option<Duration> {
        let found = self.events.iter().rfind(|found| found["event"] == event)?;
        let part = |unit: &str| found["timestamp"][unit].as_u64();
        Some(Duration::from_secs(part("seconds")?) + Duration::from_micros(part("microseconds")?))
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

    /// Waits until the migration is complete.
    ///
    /// # Errors
    /// Returns the reason if it fails.
    pub fn try_wait_for_migration(&mut self) -> Result<(), String> {
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

    /// Panics with the output of QEMU.
    ///
    /// # Panics
    /// Always.
    pub fn fail(&self, what: &str) -> ! {
        panic!("{}", self.with_log(what));
    }

    fn with_log(&self, what: &str) -> String {
        format!("{what}\nQEMU printed: {}", printed(&self.log()))
    }
}
