//! Runs a board until its guest ends, its user quits, or its monitor does.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[cfg(target_os = "linux")]
use vmstate::SaveError;
use vmstate::migration::control::{Controller, Ended, Operations, RunState, Server, Settings};
use vmstate::migration::{Host, Mode, Uri};
#[cfg(target_os = "linux")]
use vmstate::snapshot::{BackgroundRam, Store};
use vmstate::snapshot::{Details, Folder, SnapshotInfo};
use vmstate_examples::virt::{BoardHost, Finish, Stop, Vcpu};

use crate::Outcome;
use crate::arguments::Run;
use crate::dirty_rate::DirtyRate;
use crate::history::History;
use crate::terminal::{Event, Terminal};

/// The time to wait for keys between checks of the guest's output and the monitor.
const PAUSE: Duration = Duration::from_millis(1);

/// The name by which clients select the store of snapshots.
const STORE: &str = "snapshots";

/// Runs a board.
pub(crate) fn run(arguments: &Run) -> Outcome {
    let (sender, failures) = mpsc::channel();
    let mut handed_over = arguments.take_over()?;
    let board = arguments.board(arguments.memory(handed_over.as_mut())?, sender)?;
    let terminal = Terminal::open()?;
    let rate = arguments.dirty_rate.then(|| DirtyRate::start(&board)).transpose()?;
    let rate = rate.map(|(rate, missing)| {
        missing.iter().for_each(|error| terminal.report(&format!("log not available: {error}")));
        rate
    });
    let (mut host, vcpu) = match arguments.incoming {
        Some(_) => BoardHost::awaiting(board, arguments.stream()),
        None => BoardHost::new(board, arguments.stream()),
    };
    host = host.with_log(arguments.page_log())?;
    if let Some(memory) = arguments.rewind {
        host.keep_states(memory);
    }
    let mut settings = Settings::new(arguments.monitor());
    // An example for the machine of its user, whose rights the client has.
    (settings.programs, settings.files) = (true, true);
    #[cfg(feature = "tls")]
    for object in &arguments.objects {
        settings.objects.add(object)?;
    }
    let server = match &arguments.qmp {
        Some(path) => Server::listen(path, settings.release).map_err(|error| format!("{}: {error}", path.display()))?,
        None => Server::disconnected(settings.release),
    };
    let mut controller = match handed_over {
        Some(_) => {
            let mut settings = settings.clone();
            settings.parameters.mode = Mode::CprTransfer;
            start(host, arguments, &settings)?
        }
        None => start(host, arguments, &settings)?,
    };
    // The source connects from now on.
    drop(handed_over);
    let store = arguments.snapshots.as_ref().map(Folder::create).transpose()?;
    if let Some(store) = &store {
        controller.set_store(STORE, store.clone());
    }
    let history = History::new();
    Session { vcpu, terminal, rate, controller, server, settings, store, history, failures }.run()
}

/// Starts the guest, or waits for it.
fn start(host: BoardHost, arguments: &Run, settings: &Settings) -> Outcome<Controller<BoardHost>> {
    let Some(uri) = &arguments.incoming else {
        let mut controller = Controller::new(host)?;
        if !arguments.paused {
            controller.cont()?;
        }
        return Ok(controller);
    };
    let mut controller = Controller::incoming(host)?;
    if arguments.paused {
        controller.stop()?;
    }
    if *uri != Uri::Defer {
        controller.migrate_incoming(uri, true, settings)?;
    }
    Ok(controller)
}

/// A board with its terminal and its monitor.
struct Session {
    vcpu: Vcpu,
    terminal: Terminal,
    rate: Option<DirtyRate>,
    controller: Controller<BoardHost>,
    server: Server,
    settings: Settings,
    /// The snapshots that the user saves.
    store: Option<Folder>,
    /// The states that the user rewinds to.
    history: History,
    /// Errors of a lazy restore, after which the guest waits for memory.
    failures: Receiver<String>,
}

impl Session {
    fn run(mut self) -> Outcome {
        loop {
            while let Some(progress) = self.vcpu.progress() {
                show(&progress.output)?;
                if let Some(outcome) = ended(progress.stop) {
                    return outcome;
                }
            }
            if let Ok(failure) = self.failures.try_recv() {
                return Err(failure.into());
            }
            if let Some(report) = self.rate.as_mut().map_or(Ok(None), DirtyRate::report)? {
                self.terminal.report(&report);
            }
            self.history.record(&mut self.controller)?;
            match self.terminal.next(PAUSE) {
                Some(Event::Typed(bytes)) => self.vcpu.type_in(bytes),
                Some(Event::Save) => {
                    let report = self.save();
                    self.terminal.report(&report);
                }
                Some(Event::Rewind) => {
                    let report = self.history.rewind(&mut self.controller);
                    self.terminal.report(&report);
                }
                Some(Event::Quit) => return Ok(ExitCode::SUCCESS),
                None => {}
            }
            match self.controller.serve(&mut self.server, &mut self.settings, Duration::ZERO)? {
                None => {}
                Some(Ended::IncomingFailed(reason)) => return Err(reason.into()),
                Some(_) => return Ok(ExitCode::SUCCESS),
            }
        }
    }
}

impl Session {
    /// Saves a snapshot, named after the time. Returns a message.
    fn save(&mut self) -> String {
        let Some(store) = self.store.clone() else {
            return "start with `--snapshots FOLDER` to save snapshots".to_owned();
        };
        let state = self.controller.run_state();
        if [RunState::SaveVm, RunState::RestoreVm].contains(&state) {
            return "a client saves or loads a snapshot; try again".to_owned();
        }
        let runs = state == RunState::Running;
        let result = self.save_to(&store, Details::new(format!("snapshot {}", date())), runs);
        let continued = if runs { self.controller.cont().map_err(|error| error.to_string()) } else { Ok(()) };
        match result.and_then(|saved| continued.map(|()| saved)) {
            Ok(saved) => format!("saved `{}#{}` with {} bytes", store.path().display(), saved.id, saved.size),
            Err(error) => error,
        }
    }

    /// Saves the memory while the guest runs, if the system supports it.
    #[cfg(target_os = "linux")]
    fn save_to(&mut self, store: &Folder, details: Details, runs: bool) -> Result<SnapshotInfo, String> {
        let memory = self.controller.with_host(|host| host.memory());
        // Another log may have registered the memory (`--dirty-rate`).
        let Ok(memory) = BackgroundRam::start(memory.page_size, memory.blocks) else {
            return self.save_stopped(store, details);
        };
        self.controller.stop().map_err(|error| error.to_string())?;
        let clock = self.controller.with_host(|host| host.guest_clock());
        let saved = store.save(&details.guest_clock(clock), &mut |out| {
            let saved = self.controller.with_host(|host| host.save_devices(out, &memory));
            if runs {
                self.controller.cont().map_err(SaveError::misuse)?;
            }
            saved?;
            memory.finish()
        });
        self.controller.with_host(BoardHost::end_background);
        saved.map_err(|error| error.to_string())
    }

    #[cfg(not(target_os = "linux"))]
    fn save_to(&mut self, store: &Folder, details: Details, _: bool) -> Result<SnapshotInfo, String> {
        self.save_stopped(store, details)
    }

    fn save_stopped(&mut self, store: &Folder, details: Details) -> Result<SnapshotInfo, String> {
        self.controller.stop().map_err(|error| error.to_string())?;
        let saved = self.controller.with_host(|host| host.save_snapshot(store, details));
        saved.map_err(|error| error.to_string())
    }
}

/// Returns the seconds since 1970, which distinguish the names of snapshots.
fn date() -> String {
    let date = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{}.{:03}", date.as_secs(), date.subsec_millis())
}

/// Returns the outcome of the run, or `None` if only the time slice has ended.
fn ended(stop: Stop) -> Option<Outcome> {
    match stop {
        Stop::Time => None,
        Stop::Finished(Finish::Reset) => Some(Err("the guest requested a reset".into())),
        Stop::Finished(Finish::Pass) => Some(Ok(ExitCode::SUCCESS)),
        Stop::Finished(Finish::Fail(code)) => Some(Ok(ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)))),
        Stop::Unsupported(unsupported) => Some(Err(unsupported.to_string().into())),
    }
}

fn show(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}
