//! Postcopy in the stream of a source.

use std::fs::File;

use vmstate_types::{SaveError, Writer};

use super::channel::Channel;
use super::host::Host;
use super::saver::Saver;
use crate::machine::{Machine, SaveSession};
use crate::migration::source::Done;
use crate::ram::{PageRequest, Record, write_record};
use crate::section::Output;
use crate::stream::{Command, Configuration, ReceivedBitmap, SectionKind, StreamWriter};

/// The PING in the package, which the destination answers when it has loaded the devices.
const PING_LOADED: u32 = 3;

impl Saver {
    /// Writes the commands that discard the pages which follow later.
    pub(super) fn discard(&mut self) -> Result<Done, SaveError> {
        let start = self.writer.offset();
        let commands = self.ram.begin_postcopy()?;
        let mut stream = StreamWriter::new(&mut self.writer);
        for command in &commands {
            stream.command(command)?;
        }
        self.writer.flush_to(&mut self.out).map_err(SaveError::io)?;
        Ok(self.done(start))
    }

    /// Writes the package with the devices. A QEMU runs the guest after its last command.
    pub(super) fn package(
        &mut self,
        host: &mut impl Host,
        configuration: &Configuration,
        run: bool,
    ) -> Result<Done, SaveError> {
        let start = self.writer.offset();
        let mut package = Writer::new();
        StreamWriter::new(&mut package).command(&Command::PostcopyListen)?;
        let mut saved = Err(SaveError::misuse("the host did not provide its machine"));
        let options = host.save_options().without_header();
        host.with_machine(&mut |machine| {
            machine.set_configuration(configuration.clone());
            saved = (|| {
                let mut output = Output::new(&mut package, None);
                let mut session = SaveSession::begin(machine, &mut output, options.clone())?;
                let sent = session.devices(machine, &mut output);
                end(session, machine);
                sent
            })();
        });
        saved?;
        let mut stream = StreamWriter::new(&mut package);
        stream.command(&Command::Ping(PING_LOADED))?;
        if run {
            stream.command(&Command::PostcopyRun)?;
        }
        let length = u32::try_from(package.pending().len()).map_err(|_| SaveError::misuse("devices below 4 GiB"))?;
        StreamWriter::new(&mut self.writer).command(&Command::Packaged { length })?;
        self.writer.bytes(package.pending());
        self.writer.flush_to(&mut self.out).map_err(SaveError::io)?;
        Ok(self.done(start))
    }

    /// Writes a part with requested pages.
    pub(super) fn requested(&mut self, requests: &[PageRequest]) -> Result<Done, SaveError> {
        let start = self.writer.offset();
        self.section(SectionKind::Part, |ram, out| ram.save_requested(out, requests))?;
        Ok(self.done(start))
    }

    /// Writes requested pages to their channel.
    pub(super) fn requested_preempt(
        &mut self,
        requests: &[PageRequest],
        preempt: &mut Preempt,
    ) -> Result<Done, SaveError> {
        let start = preempt.writer.offset();
        let mut output = output(&mut preempt.writer, &mut preempt.out);
        self.ram.save_preempt(&mut output, requests, &mut preempt.last_block)?;
        output.flush()?;
        let mut done = self.done(self.writer.offset());
        done.bytes += preempt.writer.offset() - start;
        Ok(done)
    }

    /// Writes the end of a stream whose pages were sent. A description does not follow.
    pub(super) fn end_postcopy(&mut self) -> Result<Done, SaveError> {
        let start = self.writer.offset();
        self.section(SectionKind::End, |ram, out| {
            ram.save_end(out);
            Ok(())
        })?;
        StreamWriter::new(&mut self.writer).eof();
        self.writer.flush_to(&mut self.out).map_err(SaveError::io)?;
        Ok(self.done(start))
    }

    /// Sends all pages of a block again that the destination has not received.
    pub(super) fn restore(&mut self, block: &str, received: &ReceivedBitmap) -> Result<Done, SaveError> {
        let start = self.writer.offset();
        self.ram.restore_dirty(block, received)?;
        Ok(self.done(start))
    }

    /// Continues on a new connection. A record that was written in part is lost with the old one.
    pub(super) fn reconnect(&mut self, out: File) {
        self.out = out;
        self.writer = Writer::new();
    }
}

/// The channel for requested pages.
#[derive(Debug)]
pub(super) struct Preempt {
    out: File,
    writer: Writer,
    /// The block of the last page.
    last_block: Option<usize>,
    /// Closes the channel when it is dropped.
    _channel: Channel,
}

impl Preempt {
    /// Takes a connection, if it is writable.
    pub(super) fn new(mut channel: Channel) -> Option<Self> {
        Some(Self { out: channel.output.take()?, writer: Writer::new(), last_block: None, _channel: channel })
    }

    /// Writes the record with which QEMU 7.2 ends the channel.
    pub(super) fn end(&mut self) -> Result<(), SaveError> {
        write_record(&mut self.writer, &Record::EndOfSection, "");
        self.writer.flush_to(&mut self.out).map_err(SaveError::io)
    }
}

/// Ends a session that has saved only the devices.
fn end(session: SaveSession, machine: &mut Machine<'_>) {
    session.abort(machine);
}

/// Returns the output of pages, which are written from their place in memory if the system can do that.
fn output<'o>(writer: &'o mut Writer, out: &'o mut File) -> Output<'o> {
    #[cfg(all(target_os = "linux", feature = "mapping"))]
    return Output::to_file(writer, out);
    #[cfg(not(all(target_os = "linux", feature = "mapping")))]
    return Output::new(writer, Some(out));
}
