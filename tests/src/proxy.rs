//! A proxy between two programs that fails at a byte.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// A direction of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the program that connects.
    Forward,
    /// To the program that connects.
    Back,
}

/// A fault of the connections or of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The connection of the byte is closed on both sides.
    Cut,
    /// All connections of this moment pass no more bytes, and stay open.
    Stall,
    /// All connections become slow.
    Throttle,
    /// A process is killed.
    Kill(u32),
}

/// A fault at a byte.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// The direction in which bytes are counted, over all connections.
    pub direction: Direction,
    /// The number of bytes that pass before the fault.
    pub after: u64,
    /// The fault, which happens once.
    pub fault: Fault,
}

/// A proxy, which ends with the test's process.
#[derive(Debug, Clone)]
pub struct Proxy(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    plan: Option<Plan>,
    /// The bytes that have passed forward and back.
    passed: [AtomicU64; 2],
    happened: AtomicBool,
    is_slow: AtomicBool,
    /// The sockets of all connections, to stall them.
    stalled: Mutex<Vec<Arc<AtomicBool>>>,
}

impl Proxy {
    /// Listens at one path, and connects to another one for each connection.
    ///
    /// # Panics
    /// If it cannot listen.
    #[must_use]
    pub fn start(listen: &Path, connect: PathBuf, plan: Option<Plan>) -> Self {
        let listener = UnixListener::bind(listen).expect("a new path");
        let shared = Shared {
            plan,
            passed: [AtomicU64::new(0), AtomicU64::new(0)],
            happened: AtomicBool::new(false),
            is_slow: AtomicBool::new(false),
            stalled: Mutex::default(),
        };
        let proxy = Self(Arc::new(shared));
        let accepting = proxy.clone();
        thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                // Without a listener, the client sees that its connection is closed.
                if let Ok(server) = UnixStream::connect(&connect) {
                    accepting.connect(&client, &server);
                }
            }
        });
        proxy
    }

    /// Returns the numbers of bytes that have passed forward and back.
    #[must_use]
    pub fn passed(&self) -> [u64; 2] {
        [0, 1].map(|direction: usize| self.0.passed[direction].load(Ordering::Relaxed))
    }

    /// Returns whether the fault has happened.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.0.happened.load(Ordering::Acquire)
    }

    fn connect(&self, client: &UnixStream, server: &UnixStream) {
        let stalled = Arc::new(AtomicBool::new(false));
        self.0.stalled.lock().unwrap_or_else(PoisonError::into_inner).push(stalled.clone());
        for (direction, from, to) in [(Direction::Forward, client, server), (Direction::Back, server, client)] {
            let (from, to) = (from.try_clone().expect("a descriptor"), to.try_clone().expect("a descriptor"));
            let (proxy, stalled) = (self.clone(), stalled.clone());
            thread::spawn(move || {
                // A connection that has ended in one direction is closed in that direction only.
                let ended = proxy.copy(direction, &from, &to, &stalled);
                let (closed, other) =
                    if ended { (Shutdown::Write, Shutdown::Read) } else { (Shutdown::Both, Shutdown::Both) };
                let _ = (to.shutdown(closed), from.shutdown(other));
            });
        }
    }

    /// Copies one direction. Returns whether it has ended by itself.
    fn copy(&self, direction: Direction, mut from: &UnixStream, mut to: &UnixStream, stalled: &AtomicBool) -> bool {
        let mut buffer = [0; 4096];
        loop {
            let Ok(count @ 1..) = from.read(&mut buffer) else { return true };
            let allowed = self.allowed(direction, count);
            if stalled.load(Ordering::Acquire) {
                stall();
            }
            if to.write_all(&buffer[..allowed]).is_err() {
                return false;
            }
            if self.0.is_slow.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(2));
            }
            if allowed == count {
                continue;
            }
            match self.fail() {
                Some(Fault::Cut) => return false,
                Some(Fault::Stall) => stall(),
                _ if to.write_all(&buffer[allowed..count]).is_err() => return false,
                _ => {}
            }
        }
    }

    /// Counts bytes, and returns how many of them pass before the fault.
    fn allowed(&self, direction: Direction, count: usize) -> usize {
        let before = self.0.passed[direction as usize].fetch_add(count as u64, Ordering::AcqRel);
        match self.0.plan {
            Some(plan) if plan.direction == direction && (before..before + count as u64).contains(&plan.after) => {
                usize::try_from(plan.after - before).expect("less than a buffer")
            }
            _ => count,
        }
    }

    /// Carries the fault out.
    fn fail(&self) -> Option<Fault> {
        let fault = self.0.plan?.fault;
        match fault {
            Fault::Cut => {}
            Fault::Stall => {
                let connections = self.0.stalled.lock().unwrap_or_else(PoisonError::into_inner);
                connections.iter().for_each(|stalled| stalled.store(true, Ordering::Release));
            }
            Fault::Throttle => self.0.is_slow.store(true, Ordering::Relaxed),
            Fault::Kill(process) => {
                let process = i32::try_from(process).ok().and_then(Pid::from_raw).expect("the id of a process");
                kill_process(process, Signal::KILL).expect("a child that was not waited for");
            }
        }
        self.0.happened.store(true, Ordering::Release);
        Some(fault)
    }
}

/// Keeps the sockets of a thread open without reading them, until the process ends.
fn stall() -> ! {
    loop {
        thread::park();
    }
}
