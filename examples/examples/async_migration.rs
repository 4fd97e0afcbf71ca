//! Drives the source of a migration from an async runtime: the engine has no sockets, threads or clocks. The destination
//! uses the blocking driver.
//!
//! ```text
//! setup
//! pass 1: 1048576 bytes left
//! active
//! pass 2: 0 bytes left
//! handshake at the switchover
//! device
//! pass 3: 0 bytes left
//! completed
//! completed
//! the destination has loaded 1000 ticks
//! ```

use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_io::{Async, Timer};
use futures_lite::future::{block_on, or};
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use vmstate::machine::{Machine, SaveOptions, SaveSession};
use vmstate::memory::{PageSize, VecBlock};
use vmstate::migration::source::{Done, Source, SourceAction, SourceConfig, SourceInput};
use vmstate::migration::{Event, Host, HostError, HostMemory, Incoming, Parameters, Uri};
use vmstate::prelude::*;
use vmstate::section::Output;
use vmstate::stream::{Configuration, StreamWriter};

#[derive(VmState, Default)]
#[vmstate(name = "counter")]
struct Counter {
    ticks: u64,
}

/// The source: the machine of a stopped guest, and its stream.
struct Sender {
    machine: Machine<'static>,
    session: Option<SaveSession>,
    writer: Writer,
}

impl Sender {
    /// Writes the bytes of an action. A guest that runs would be stopped and resumed here, too.
    fn execute(&mut self, action: &SourceAction) -> Result<(), HostError> {
        let (machine, writer) = (&mut self.machine, &mut self.writer);
        if let SourceAction::Begin { commands } = action {
            let mut stream = StreamWriter::new(writer);
            stream.header();
            stream.configuration(&Configuration::new("board"));
            commands.iter().try_for_each(|command| stream.command(command))?;
            let (mut out, options) = (Output::new(writer, None), SaveOptions::new().without_header());
            self.session = Some(SaveSession::begin(machine, &mut out, options)?);
            return Ok(());
        }
        if let SourceAction::Send(command) = action {
            // Also after the end of the stream, where the session has ended.
            return Ok(StreamWriter::new(writer).command(command)?);
        }
        let (mut out, Some(session)) = (Output::new(writer, None), &mut self.session) else { return Ok(()) };
        match action {
            SourceAction::Iterate { budget } => drop(session.iterate(machine, &mut out, *budget)?),
            SourceAction::Synchronize => drop(session.pending_exact(machine)),
            SourceAction::CompleteLive => session.complete_live(machine, &mut out)?,
            SourceAction::Devices => session.devices(machine, &mut out)?,
            SourceAction::End => {
                self.session.take().map(|session| session.finish(machine, &mut out)).transpose()?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Drives the engine: the only state of the migration is in `source`.
    async fn migrate(&mut self, mut source: Source, stream: UnixStream) -> Result<(), HostError> {
        let (mut stream, mut answer) = (Async::new(stream)?, [0; 512]);
        while !source.is_finished() {
            let input = match source.poll_action(Instant::now()) {
                Some(action) => {
                    self.execute(&action)?;
                    let mut bytes = Vec::new();
                    self.writer.flush_to(&mut bytes)?;
                    stream.write_all(&bytes).await?;
                    let session = self.session.as_ref();
                    let left = session.map_or(0, |session| session.pending_estimate(&mut self.machine).total());
                    SourceInput::Done(Done::new(bytes.len() as u64, left))
                }
                None => {
                    let deadline = source.poll_timeout().unwrap_or_else(|| Instant::now() + Duration::from_secs(60));
                    let timeout = async {
                        Timer::at(deadline).await;
                        Ok(None)
                    };
                    match or(async { stream.read(&mut answer).await.map(Some) }, timeout).await? {
                        Some(0) => SourceInput::Lost("the destination has closed the connection".to_owned()),
                        Some(count) => SourceInput::Received(&answer[..count]),
                        None => SourceInput::Timeout,
                    }
                }
            };
            source.handle(Instant::now(), input);
            std::iter::from_fn(|| source.poll_event()).for_each(|event| report(&event));
        }
        Ok(())
    }
}

/// Prints an event without the expected downtime, which differs from run to run.
fn report(event: &Event) {
    match event {
        Event::Pass { number, remaining, .. } => println!("pass {number}: {remaining} bytes left"),
        other => println!("{other}"),
    }
}

/// The destination.
struct Receiver(Counter, HostMemory);

impl Host for Receiver {
    fn configuration(&self) -> Configuration {
        Configuration::new("board")
    }

    fn memory(&self) -> HostMemory {
        self.1.clone()
    }

    fn with_machine(&mut self, use_machine: &mut dyn FnMut(&mut Machine<'_>)) {
        let mut machine = Machine::new();
        machine.register("counter", &mut self.0).expect("a unique name");
        use_machine(&mut machine);
    }

    fn is_running(&self) -> bool {
        false
    }

    fn stop(&mut self) -> Result<(), HostError> {
        Ok(())
    }

    fn resume(&mut self) -> Result<(), HostError> {
        Ok(())
    }
}

fn ram(byte: u8) -> VecBlock {
    VecBlock::new("ram", vec![byte; 1 << 20])
}

fn main() -> Result<(), HostError> {
    let mut machine = Machine::with_type("board");
    machine.register_ram(PageSize::DEFAULT, [ram(7)])?;
    machine.register("counter", Arc::new(Mutex::new(Counter { ticks: 1000 })))?;

    let path = std::env::temp_dir().join(format!("async-migration-{}", std::process::id()));
    let incoming = Incoming::listen(&Uri::Unix(path.display().to_string()), Parameters::default())?;
    let memory = HostMemory::new(PageSize::DEFAULT, vec![Arc::new(ram(0))], None);
    let mut receiver = Receiver(Counter::default(), memory);
    let stream = UnixStream::connect(&path)?;
    let loading = std::thread::spawn(move || incoming.run(&mut receiver).map(|()| receiver.0.ticks));

    let mut config = SourceConfig::new(1 << 20, 1);
    config.guest_runs = false;
    let mut sender = Sender { machine, session: None, writer: Writer::new() };
    block_on(sender.migrate(Source::new(config, Instant::now())?, stream))?;
    let ticks = loading.join().expect("the destination does not panic")?;
    println!("the destination has loaded {ticks} ticks");
    Ok(())
}
