//! The loop of a program that is controlled by a monitor.

use std::io;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::super::super::drive::Host;
use super::super::server::Server;
use super::super::settings::Settings;
use super::Controller;
use super::job::Job;
use crate::migration::control::Operations;

/// The reason why a program ends.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// The command `quit`.
    Quit,
    /// The awaited guest has not arrived, with this reason.
    IncomingFailed(String),
}

/// The time for the last replies, and for telling a destination that the program ends.
const FAREWELL: Duration = Duration::from_secs(1);
/// The longest time for the jobs of snapshots, of which an interrupted one leaves the old snapshots.
const LAST_JOB: Duration = Duration::from_secs(60);
/// The time between two attempts to write to a client that does not read.
const RETRY: Duration = Duration::from_millis(10);
/// The longest wait for a descriptor.
const LONG: Duration = Duration::from_secs(3600);

impl<H: Host + Send + 'static> Controller<H> {
    /// Serves clients until the program has to end.
    ///
    /// # Errors
    /// Returns an error if the listening socket fails.
    pub fn run(&mut self, server: &mut Server, settings: &mut Settings) -> io::Result<Ended> {
        loop {
            if let Some(ended) = self.serve(server, settings, LONG)? {
                return Ok(ended);
            }
        }
    }

    /// Waits at most for `timeout`, executes the commands of a client, and sends it replies and events. Returns the reason if
    /// the program has to end: a migration was cancelled, and the last replies were sent.
    ///
    /// # Errors
    /// Returns an error if the listening socket fails.
    pub fn serve(
        &mut self,
        server: &mut Server,
        settings: &mut Settings,
        timeout: Duration,
    ) -> io::Result<Option<Ended>> {
        self.wait(server, timeout)?;
        server.poll(settings, self)?;
        self.take_events().iter().for_each(|event| server.event(event, settings));
        server.flush(Duration::ZERO);
        let ended = self.ended.take();
        if ended.is_some() {
            self.leave(server);
        }
        Ok(ended)
    }

    fn wait(&self, server: &Server, timeout: Duration) -> io::Result<()> {
        let timeout = if server.has_output() { timeout.min(RETRY) } else { timeout };
        let timeout = Timespec::try_from(timeout).unwrap_or_default();
        let readable = |fd| PollFd::from_borrowed_fd(fd, PollFlags::IN);
        let mut fds: Vec<_> = server.fds().chain([self.inbox.fd()]).map(readable).collect();
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Cancels a migration, so that its peer learns about the end, and sends the last replies.
    fn leave(&mut self, server: &mut Server) {
        server.flush(FAREWELL);
        self.job.iter().for_each(Job::cancel);
        wait_while(FAREWELL, || self.job.as_ref().is_some_and(|job| !job.has_ended()));
        wait_while(LAST_JOB, || self.jobs.are_running());
    }
}

/// Waits while a condition holds, at most for `limit`.
fn wait_while(limit: Duration, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + limit;
    while holds() && Instant::now() < deadline {
        std::thread::sleep(RETRY);
    }
}
