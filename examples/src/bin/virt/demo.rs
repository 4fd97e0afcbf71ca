//! `virt demo`: migrates a running guest from process to process. Each process is controlled through its monitor.

use std::env;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Outcome;
use crate::client::{Client, text};

/// The time that the guest runs in a process before it is migrated.
const STAY: Duration = Duration::from_millis(100);

/// Migrates the guest `hops` times. Prints the events of the first migration, the cost of each, and the guest's own
/// verdict.
pub(crate) fn run(hops: u32) -> Outcome {
    let folder = tempfile::tempdir()?;
    let mut source = Process::start(folder.path(), 0)?;
    println!("Process {} runs a RISC-V guest, which hashes all its registers and memory, driven by 1000", source.id());
    println!("timer interrupts per second. It moves from process to process while it runs. After each move,");
    println!("it verifies the hash from the beginning.\n");
    let mut failures = 0;
    for hop in 1..=hops {
        thread::sleep(STAY);
        let mut destination = Process::start(folder.path(), hop)?;
        let uri = json!({ "uri": format!("unix:{}", folder.path().join(format!("guest{hop}")).display()) });
        let statistics = source.migrate(&mut destination, &uri, hop == 1)?;
        destination.wait_for_guest()?;
        if hop == 1 {
            println!("\n{:>4}  {:14}  {:>6}  {:>8}  {:>8}  guest", "hop", "processes", "passes", "sent", "downtime");
        }
        let route = format!("{} to {}", source.id(), destination.id());
        source.client.execute("quit", &json!({}))?;
        let verdict = destination.verify()?;
        println!("{hop:>4}  {route:14}  {}  {verdict}", columns(&statistics));
        failures += u32::from(!verdict.starts_with("right: "));
        source = destination;
    }
    println!("\n{}, {}", plural(hops, "hop"), plural(failures, "failure"));
    Ok(if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn plural(count: u32, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Returns the columns about the cost of a migration.
fn columns(statistics: &Value) -> String {
    let ram = &statistics["ram"];
    let kibibytes = ram["transferred"].as_u64().unwrap_or_default() >> 10;
    format!("{:>6}  {kibibytes:>4} KiB  {:>5.1} ms", text(&ram["dirty-sync-count"]), downtime(statistics))
}

/// Returns the downtime in milliseconds, with a fraction.
fn downtime(statistics: &Value) -> f64 {
    let parts = statistics["x-downtime-parts"].as_object().into_iter().flat_map(|parts| parts.values());
    parts.filter_map(Value::as_u64).sum::<u64>() as f64 / 1e3
}

/// A process with a board, started as `virt run`.
struct Process {
    child: Child,
    keys: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    client: Client,
}

impl Process {
    /// Starts a process, which runs the guest or waits for it.
    fn start(folder: &Path, hop: u32) -> Outcome<Self> {
        let monitor: PathBuf = folder.join(format!("monitor{hop}"));
        let mut command = Command::new(env::current_exe()?);
        command.args(["run", "--qmp", &format!("unix:{}", monitor.display())]);
        if hop > 0 {
            command.args(["--incoming", "defer"]);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(keys), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("cannot open the pipes of the process".into());
        };
        Ok(Self { child, keys, output: BufReader::new(output).lines(), client: Client::connect(&monitor)? })
    }

    fn id(&self) -> u32 {
        self.child.id()
    }

    /// Migrates the guest to `destination`, and returns the statistics.
    fn migrate(&mut self, destination: &mut Self, uri: &Value, verbose: bool) -> Outcome<Value> {
        destination.client.execute("migrate-incoming", uri)?;
        let start = Instant::now();
        self.client.execute("migrate", uri)?;
        loop {
            let event = self.client.event()?;
            let line = describe(&event);
            if verbose {
                println!("{:>8.1} ms  {line}", start.elapsed().as_secs_f64() * 1e3);
            }
            let statistics = self.client.execute("query-migrate", &json!({}))?;
            match line.as_str() {
                "MIGRATION completed" => return Ok(statistics),
                "MIGRATION failed" => return Err(text(&statistics["error-desc"]).into()),
                _ => {}
            }
        }
    }

    /// Waits until the guest has arrived.
    fn wait_for_guest(&mut self) -> Outcome<()> {
        while describe(&self.client.event()?) != "MIGRATION completed" {}
        Ok(())
    }

    /// Has the guest verify itself, and returns its verdict.
    fn verify(&mut self) -> Outcome<String> {
        self.keys.write_all(b"v")?;
        loop {
            let line = self.output.next().ok_or_else(|| format!("process {} has ended", self.id()))??;
            if line.contains("keys") {
                return Ok(line);
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns an event as a line.
fn describe(event: &Value) -> String {
    let (name, data) = (text(&event["event"]), &event["data"]);
    match (data.get("status"), data.get("pass")) {
        (Some(status), _) => format!("{name} {}", text(status)),
        (None, Some(pass)) => format!("{name} {pass}"),
        (None, None) => name,
    }
}
