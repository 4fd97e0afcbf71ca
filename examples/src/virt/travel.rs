//! Sends and receives a guest: the stream, and the destination's result on the return path.

use std::io::{self, Read, Write};

use vmstate::machine::{LoadReport, SaveStats};
use vmstate::schema::Release;
use vmstate::stream::Command;
use vmstate::{LoadError, Reader};

use super::board::Board;
use super::place::{Channel, Place};

/// The types of return path messages (`enum mig_rp_message_type` in migration/migration.h).
mod message {
    /// The result of the load.
    pub(super) const SHUT: u16 = 1;
    /// The answer to a ping.
    pub(super) const PONG: u16 = 2;
}

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
    Refused,
    /// The destination closed the connection without a result. It may still have loaded the guest.
    Silent,
}

impl std::fmt::Display for TravelError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Connection(error) => error.fmt(f),
            Self::Save(error) => error.fmt(f),
            Self::Load(error) => error.fmt(f),
            Self::Refused => f.write_str("the destination could not load the guest"),
            Self::Silent => f.write_str("the destination closed the connection without a result"),
        }
    }
}

impl std::error::Error for TravelError {}

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
        let Some(output) = &mut channel.output else { return Err(TravelError::Silent) };
        let saved = match channel.input {
            Some(_) => self.save_with_return_path(output, release),
            None => self.save(output, release),
        };
        let saved = saved.map_err(TravelError::Save)?;
        if let Some(input) = &mut channel.input {
            wait_for_word(input)?;
        }
        channel.close()?;
        Ok(saved)
    }

    /// Receives the board from a connection. On error the board is unchanged.
    ///
    /// # Errors
    /// Returns an error if the connection fails, or the stream cannot be loaded.
    pub fn receive(&mut self, mut channel: Channel) -> Result<LoadReport, TravelError> {
        let Some(input) = &mut channel.input else { return Err(TravelError::Silent) };
        let mut path = ReturnPath { output: &mut channel.output, is_open: false };
        let loaded = self.load_with_commands(&mut Reader::from_read(input), |command| path.answer(command));
        let said = match path.is_open {
            true => path.say(message::SHUT, u32::from(loaded.is_err())),
            false => Ok(()),
        };
        let loaded = loaded.map_err(TravelError::Load)?;
        said?;
        channel.close()?;
        Ok(loaded)
    }
}

/// Waits for the result of the destination.
fn wait_for_word(input: &mut dyn Read) -> Result<(), TravelError> {
    loop {
        let mut header = [0; 4];
        input.read_exact(&mut header).map_err(silence)?;
        let [a, b, c, d] = header;
        let mut data = vec![0; usize::from(u16::from_be_bytes([c, d]))];
        input.read_exact(&mut data).map_err(silence)?;
        match (u16::from_be_bytes([a, b]), data[..].try_into().map(u32::from_be_bytes)) {
            (message::SHUT, Ok(0)) => return Ok(()),
            (message::SHUT, _) => return Err(TravelError::Refused),
            // Other messages need no answer.
            _ => {}
        }
    }
}

fn silence(error: io::Error) -> TravelError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => TravelError::Silent,
        _ => TravelError::Connection(error),
    }
}

/// The return path to the source.
struct ReturnPath<'c> {
    output: &'c mut Option<Box<dyn Write + Send>>,
    is_open: bool,
}

impl ReturnPath<'_> {
    fn say(&mut self, message: u16, value: u32) -> io::Result<()> {
        let Some(output) = self.output else { return Ok(()) };
        let mut bytes = Vec::from(message.to_be_bytes());
        bytes.extend(4_u16.to_be_bytes());
        bytes.extend(value.to_be_bytes());
        output.write_all(&bytes)?;
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
            Command::Ping(value) if self.is_open => self.say(message::PONG, *value).map_err(LoadError::io),
            other => Err(other.reject()),
        }
    }
}
