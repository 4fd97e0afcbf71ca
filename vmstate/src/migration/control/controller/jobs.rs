//! The jobs of a client, which a thread executes one after another.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::super::error::{CommandError, shortened};
use super::super::event::MonitorEvent;
use super::super::job::{JobInfo, JobStatus, SnapshotAction};
use super::notice::{Notice, Notifier};

/// The largest number of jobs that were not dismissed.
const MAX_JOBS: usize = 256;

/// The message for commands that have to wait for a job.
pub(super) const JOB_RUNS: &str = "a job saves, loads or deletes a snapshot; try again when it has concluded";

/// The jobs that were not dismissed.
#[derive(Debug)]
pub(super) struct Jobs {
    list: List,
    /// The thread of the latest job.
    last: Option<JoinHandle<()>>,
}

/// The list, which the threads of jobs share.
#[derive(Debug, Clone)]
struct List {
    jobs: Arc<Mutex<Vec<JobInfo>>>,
    notifier: Notifier,
}

impl List {
    fn lock(&self) -> MutexGuard<'_, Vec<JobInfo>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state of a job, and emits the event.
    fn set(&self, id: &str, status: JobStatus) {
        let mut jobs = self.lock();
        if let Some(job) = jobs.iter_mut().find(|job| job.id == id) {
            job.status = status;
        }
        self.notifier.send(Notice::Event(MonitorEvent::Job { id: id.to_owned(), status }));
    }

    fn conclude(&self, id: &str, result: Result<(), String>) {
        match result {
            Ok(()) => [JobStatus::Waiting, JobStatus::Pending].into_iter().for_each(|status| self.set(id, status)),
            Err(error) => {
                if let Some(job) = self.lock().iter_mut().find(|job| job.id == id) {
                    job.error = Some(error);
                }
                self.set(id, JobStatus::Aborting);
            }
        }
        self.set(id, JobStatus::Concluded);
    }
}

/// A job that runs. It fails if it is dropped before its end, such as because of a panic.
struct Running {
    list: List,
    id: String,
    result: Result<(), String>,
}

impl Running {
    fn end(mut self, result: Result<(), String>) {
        self.result = result;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.list.conclude(&self.id, std::mem::replace(&mut self.result, Ok(())));
    }
}

impl Jobs {
    pub(super) fn new(notifier: Notifier) -> Self {
        Self { list: List { jobs: Arc::default(), notifier }, last: None }
    }

    /// Starts a job, which runs after the jobs that were started before.
    pub(super) fn start(
        &mut self,
        id: String,
        action: SnapshotAction,
        work: impl FnOnce() -> Result<(), String> + Send + 'static,
    ) -> Result<(), CommandError> {
        self.add(JobInfo::new(&id, action, JobStatus::Created))?;
        self.list.set(&id, JobStatus::Created);
        self.list.set(&id, JobStatus::Running);
        let (list, previous) = (self.list.clone(), self.last.take());
        let running = Running { list, id, result: Err("the job has panicked".to_owned()) };
        self.last = Some(thread::spawn(move || {
            // It has reported its own panic.
            let _ = previous.map(JoinHandle::join);
            running.end(work());
        }));
        Ok(())
    }

    fn add(&self, job: JobInfo) -> Result<(), CommandError> {
        let mut jobs = self.list.lock();
        if jobs.iter().any(|other| other.id == job.id) {
            return Err(CommandError::new(format!("Job ID '{}' already in use", job.id)));
        }
        if jobs.len() >= MAX_JOBS {
            let remedy = "dismiss concluded jobs with job-dismiss";
            return Err(CommandError::new(format!("expected at most {MAX_JOBS} jobs; {remedy}")));
        }
        jobs.insert(0, job);
        Ok(())
    }

    /// Returns all jobs, the latest first.
    pub(super) fn list(&self) -> Vec<JobInfo> {
        self.list.lock().clone()
    }

    /// Returns whether a job was not concluded yet.
    pub(super) fn are_running(&self) -> bool {
        self.list.lock().iter().any(|job| job.status != JobStatus::Concluded)
    }

    /// Removes a concluded job.
    pub(super) fn dismiss(&mut self, id: &str) -> Result<(), CommandError> {
        let status = self.list.lock().iter().find(|job| job.id == id).map(|job| job.status);
        match status {
            None => Err(CommandError::unknown_job()),
            Some(JobStatus::Concluded) => {
                self.list.lock().retain(|job| job.id != id);
                self.list.set(id, JobStatus::Null);
                Ok(())
            }
            Some(status) => {
                let (id, state) = (shortened(id), status.name());
                let message = format!("Job '{id}' in state '{state}' cannot accept command verb 'dismiss'");
                Err(CommandError::new(message))
            }
        }
    }
}
