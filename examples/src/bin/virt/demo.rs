//! `virt demo`: migrates a running guest between two processes.

use std::env;
use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use crate::Outcome;

/// The time that the guest runs in a process before it is migrated.
const STAY: Duration = Duration::from_millis(100);

/// Migrates the guest `hops` times. Prints the cost of each migration, and the guest's own verdict.
pub(crate) fn run(hops: u32) -> Outcome {
    let folder = tempfile::tempdir()?;
    let mut source = Station::open("A")?;
    let mut destination = Station::open("B")?;
    println!(
        "Process A ({}) starts a RISC-V guest, which migrates to process B ({})",
        source.child.id(),
        destination.child.id()
    );
    println!("and back. The guest hashes all its registers and memory, driven by 1000 timer interrupts per second.");
    println!("After each hop it verifies the hash from the beginning.\n");
    source.ask("start", "started")?;
    println!("{:>5}  {:8}  {:>8}  {:>10}  {:>10}  guest", "hop", "", "bytes", "time", "downtime");
    let mut failures = 0;
    for hop in 1..=hops {
        thread::sleep(STAY);
        let uri = format!("unix:{}", folder.path().join(hop.to_string()).display());
        let (cost, verdict) = source.migrate(&mut destination, &uri)?;
        let route = format!("{} to {}", source.name, destination.name);
        println!("{hop:>5}  {route:8}  {cost}  {verdict}");
        failures += u32::from(!verdict.starts_with("right: "));
        std::mem::swap(&mut source, &mut destination);
    }
    println!("\n{}, {}", plural(hops, "hop"), plural(failures, "failure"));
    Ok(if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn plural(count: u32, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// A process with a board, started as `virt station`.
struct Station {
    name: &'static str,
    child: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Station {
    fn open(name: &'static str) -> Outcome<Self> {
        let mut command = Command::new(env::current_exe()?);
        let mut child = command.arg("station").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(orders), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("cannot open the pipes of the process".into());
        };
        Ok(Self { name, child, orders, answers: BufReader::new(answers).lines() })
    }

    fn tell(&mut self, order: &str) -> Outcome<()> {
        Ok(writeln!(self.orders, "{order}")?)
    }

    /// Waits for an answer that begins with `word` and returns the rest.
    fn hear(&mut self, word: &str) -> Outcome<String> {
        let answer = self.answers.next().ok_or_else(|| format!("process {} has ended", self.name))??;
        match answer.strip_prefix(word) {
            Some(rest) => Ok(rest.trim_start().to_owned()),
            None => Err(format!("process {}: {answer}", self.name).into()),
        }
    }

    fn ask(&mut self, order: &str, word: &str) -> Outcome<String> {
        self.tell(order)?;
        self.hear(word)
    }

    /// Migrates the guest to `destination`. Returns the cost as columns of the table, and the guest's verdict.
    fn migrate(&mut self, destination: &mut Self, uri: &str) -> Outcome<(String, String)> {
        destination.ask(&format!("receive {uri}"), "waiting")?;
        let sent = self.ask(&format!("send {uri}"), "sent")?;
        let resumed: u64 = destination.hear("received")?.parse()?;
        let numbers: Vec<u64> = sent.split(' ').map(str::parse).collect::<Result<_, _>>()?;
        let &[bytes, stopped, time] = &numbers[..] else {
            return Err(format!("expected three numbers, found `{sent}`").into());
        };
        let milliseconds = |microseconds: u64| Duration::from_micros(microseconds).as_secs_f64() * 1e3;
        let downtime = milliseconds(resumed.saturating_sub(stopped));
        let cost = format!("{bytes:>8}  {:>7.1} ms  {downtime:>7.1} ms", milliseconds(time));
        Ok((cost, destination.ask("verify", "verdict")?))
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
