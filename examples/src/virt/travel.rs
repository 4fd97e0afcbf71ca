//! Sends and receives a guest: the stream, and the destination's result on the return path.

use std::error::Error;
use std::io::{self, Read, Write};

use vmstate::machine::{LoadReport, SaveStats};
use vmstate::schema::Release;
use vmstate::stream::{Command, ReturnPathMessage};
use vmstate::{LoadError, Reader, Writer};

use super::board::Board;
use super::place::{Channel, Place};

/// The reason why a guest was not sent or received.
#[derive(Debug)]
pub enum TravelError {
    /// The connection failed.
    Connection(io::Error),
    /// The board could not be saved.
    Save(vmstate::SaveError),
    /// The stream cannot be loaded.
    Load(LoadError),
    /// The destination reported that it could not load the guest.
    Rejected,
    /// The destination closed the connection without a result. It may still have loaded the guest.
    NoResult,
}

impl std::fmt::Display for TravelError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Connection(error) => error.fmt(f),
            Self::Save(error) => error.fmt(f),
            Self::Load(error) => error.fmt(f),
            Self::Rejected => f.write_str("the destination could not load the guest"),
            Self::NoResult => f.write_str("the destination closed the connection without a result"),
        }
    }
}

impl Error for TravelError {}

impl From<io::Error> for TravelError {
    fn from(error: io::Error) -> Self {
        Self::Connection(error)
    }
}

impl Board {
    /// Sends the board to `place`, where QEMU of this release or another board waits. The board can continue after an
    /// error.
    ///
    /// # Errors
    /// Returns an error if the connection fails, or the destination fails or reports a failed load.
    pub fn send(&mut self, place: &Place, release: Release) -> Result<SaveStats, TravelError> {
        let mut channel = place.connect()?;
        let Some(output) = &mut channel.output else { return Err(TravelError::NoResult) };
        let saved = match channel.input {
            Some(_) => self.save_with_return_path(output, release),
            None => self.save(output, release),
        };
        let saved = saved.map_err(TravelError::Save)?;
        if let Some(input) = &mut channel.input {
            wait_for_shut(input)?;
        }
        channel.close()?;
        Ok(saved)
    }

    /// Receives the board from a connection. On error the board is unchanged.
    ///
    /// # Errors
    /// Returns an error if the connection fails, or the stream cannot be loaded.
    pub fn receive(&mut self, mut channel: Channel) -> Result<LoadReport, TravelError> {
        let Some(input) = &mut channel.input else { return Err(TravelError::NoResult) };
        let mut path = ReturnPath { output: &mut channel.output, is_open: false };
        let loaded = self.load_with_commands(&mut Reader::from_read(input), |command| path.answer(command));
        let reported = path.report(loaded.is_ok());
        let loaded = loaded.map_err(TravelError::Load)?;
        reported?;
        channel.close()?;
        Ok(loaded)
    }
}

/// Waits for the result of the destination.
fn wait_for_shut(input: &mut (dyn Read + Send)) -> Result<(), TravelError> {
    let mut return_path = Reader::from_read(input);
    loop {
        match ReturnPathMessage::read(&mut return_path).map_err(no_answer)? {
            ReturnPathMessage::Shut(0) => return Ok(()),
            ReturnPathMessage::Shut(_) => return Err(TravelError::Rejected),
            // Other messages need no answer.
            _ => {}
        }
    }
}

fn no_answer(error: LoadError) -> TravelError {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    if error.is_truncated() || cause.is_some_and(|cause| cause.kind() == io::ErrorKind::ConnectionReset) {
        return TravelError::NoResult;
    }
    TravelError::Load(error)
}

/// The return path to the source.
struct ReturnPath<'c> {
    output: &'c mut Option<Box<dyn Write + Send>>,
    is_open: bool,
}

impl ReturnPath<'_> {
    /// Reports the result of the load, if the source opened the return path.
    fn report(&mut self, is_loaded: bool) -> io::Result<()> {
        if !self.is_open {
            return Ok(());
        }
        self.send(&ReturnPathMessage::Shut((!is_loaded).into()))
    }

    fn send(&mut self, message: &ReturnPathMessage) -> io::Result<()> {
        let Some(output) = self.output else { return Ok(()) };
        let mut bytes = Writer::new();
        message.encode(&mut bytes);
        output.write_all(bytes.pending())?;
        output.flush()
    }
}

impl ReturnPath<'_> {
    fn answer(&mut self, command: &Command) -> Result<(), LoadError> {
        match command {
            Command::SwitchoverStart => Ok(()),
            Command::OpenReturnPath if self.output.is_some() => {
                self.is_open = true;
                Ok(())
            }
            Command::Ping(value) if self.is_open => self.send(&ReturnPathMessage::Pong(*value)).map_err(LoadError::io),
            other => Err(other.reject()),
        }
    }
}
