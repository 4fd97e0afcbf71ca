//! `virt demo`: two processes, between which a running guest moves to and fro.

use std::env;
use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use crate::Outcome;

/// How long the guest runs in one place.
const STAY: Duration = Duration::from_millis(100);

/// Moves the guest `hops` times, and says each time what that cost and what the guest says.
pub(crate) fn run(hops: u32) -> Outcome {
    let folder = tempfile::tempdir()?;
    let mut here = Station::open("A")?;
    let mut there = Station::open("B")?;
    println!("Two processes, A ({}) and B ({}), each with a RISC-V board.", here.child.id(), there.child.id());
    println!("In A starts a guest that computes a hash through all its registers and its memory, driven by a");
    println!("thousand timer interrupts a second. It moves, and then verifies itself from the beginning.\n");
    here.ask("start", "started")?;
    println!("  hop          bytes        time    downtime  the guest says");
    let mut wrong = 0;
    for hop in 1..=hops {
        thread::sleep(STAY);
        let uri = format!("unix:{}", folder.path().join(hop.to_string()).display());
        let (cost, verdict) = here.hand_over(&mut there, &uri)?;
        println!("{hop:>5}  {} to {}  {cost}  {verdict}", here.name, there.name);
        wrong += u32::from(!verdict.starts_with("right: "));
        std::mem::swap(&mut here, &mut there);
    }
    println!("\n{hops} hops, and after {wrong} of them something was wrong.");
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One of the processes.
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
            return Err("a process without pipes".into());
        };
        Ok(Self { name, child, orders, answers: BufReader::new(answers).lines() })
    }

    fn tell(&mut self, order: &str) -> Outcome<()> {
        Ok(writeln!(self.orders, "{order}")?)
    }

    /// Waits for an answer that begins with `word`, and returns the rest.
    fn hear(&mut self, word: &str) -> Outcome<String> {
        let answer = self.answers.next().ok_or_else(|| format!("process {} has gone", self.name))??;
        match answer.strip_prefix(word) {
            Some(rest) => Ok(rest.trim_start().to_owned()),
            None => Err(format!("process {}: {answer}", self.name).into()),
        }
    }

    fn ask(&mut self, order: &str, word: &str) -> Outcome<String> {
        self.tell(order)?;
        self.hear(word)
    }

    /// Moves the guest from here to there. Returns what that cost, and what the guest says about itself then.
    fn hand_over(&mut self, there: &mut Self, uri: &str) -> Outcome<(String, String)> {
        there.ask(&format!("receive {uri}"), "waiting")?;
        let sent = self.ask(&format!("send {uri}"), "sent")?;
        let resumed: u64 = there.hear("received")?.parse()?;
        let numbers: Vec<u64> = sent.split(' ').map(str::parse).collect::<Result<_, _>>()?;
        let &[bytes, stopped, time] = &numbers[..] else { return Err(format!("not understood: {sent}").into()) };
        let milliseconds = |microseconds: u64| Duration::from_micros(microseconds).as_secs_f64() * 1e3;
        let downtime = milliseconds(resumed.saturating_sub(stopped));
        let cost = format!("{bytes:>8}  {:>7.1} ms  {downtime:>7.1} ms", milliseconds(time));
        Ok((cost, there.ask("verify", "verdict")?))
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
