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
use std::time::Instant;

use async_io::{Async, Timer};
use futures_lite::future::{block_on, or};
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use vmstate::machine::Machine;
use vmstate::memory::{PageSize, VecBlock};
use vmstate::migration::source::{MachineStream, Source, SourceConfig, SourceInput};
use vmstate::migration::{Event, HostError, HostMemory, Incoming, Parameters, StoppedGuest, Uri};
use vmstate::prelude::*;
use vmstate::section::Output;

#[derive(VmState)]
#[vmstate(name = "counter")]
struct Counter {
    ticks: u64,
}

/// Sends a machine. The only state of the migration is in `source` and `stream`.
async fn send(machine: &mut Machine<'_>, mut source: Source, socket: UnixStream) -> Result<(), HostError> {
    let (mut socket, mut answer) = (Async::new(socket)?, [0; 512]);
    let (mut stream, mut writer) = (MachineStream::new(), Writer::new());
    while !source.is_finished() {
        let input = match source.poll_action(Instant::now()) {
            Some(action) => {
                // A guest that runs would be stopped and resumed here, too.
                let done = stream.execute(&action, machine, &mut Output::new(&mut writer, None))?;
                socket.write_all(writer.pending()).await?;
                writer.clear();
                SourceInput::Done(done)
            }
            None => {
                let deadline = source.poll_timeout().map_or_else(Timer::never, Timer::at);
                let timeout = async {
                    deadline.await;
                    Ok(None)
                };
                match or(async { socket.read(&mut answer).await.map(Some) }, timeout).await? {
                    Some(count) => SourceInput::read(&answer[..count]),
                    None => SourceInput::Timeout,
                }
            }
        };
        source.handle(Instant::now(), input);
        std::iter::from_fn(|| source.poll_event()).for_each(|event| report(&event));
    }
    Ok(())
}

/// Prints an event without the expected downtime, which differs from run to run.
fn report(event: &Event) {
    match event {
        Event::Pass { number, remaining, .. } => println!("pass {number}: {remaining} bytes left"),
        other => println!("{other}"),
    }
}

fn main() -> Result<(), HostError> {
    let ram = |byte| VecBlock::new("ram", vec![byte; 1 << 20]);
    let path = std::env::temp_dir().join(format!("async-migration-{}", std::process::id()));
    let incoming = Incoming::listen(&Uri::Unix(path.display().to_string()), Parameters::default())?;
    let loaded = Arc::new(Mutex::new(Counter { ticks: 0 }));
    let mut machine = Machine::with_type("board");
    machine.register("counter", loaded.clone())?;
    let memory = HostMemory::new(PageSize::DEFAULT, vec![Arc::new(ram(0))], None);
    let mut guest = StoppedGuest::new(machine, memory);
    let loading = std::thread::spawn(move || incoming.run(&mut guest));

    let mut machine = Machine::with_type("board");
    machine.register_ram(PageSize::DEFAULT, [ram(7)])?;
    machine.register("counter", Arc::new(Mutex::new(Counter { ticks: 1000 })))?;
    let mut config = SourceConfig::new(1 << 20, 1);
    config.guest_runs = false;
    block_on(send(&mut machine, Source::new(config, Instant::now())?, UnixStream::connect(&path)?))?;
    loading.join().expect("the destination does not panic")?;
    println!("the destination has loaded {} ticks", loaded.lock().expect("no panic").ticks);
    Ok(())
}
