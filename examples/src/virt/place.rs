//! Sources and destinations of a guest: QEMU's migration URIs.
//!
//! A stream has one direction. If the connection is bidirectional, the destination reports the result on QEMU's return
//! path, so that the source keeps and continues the guest if the destination fails.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::time::Duration;

/// The timeout for the destination's result, and for every read and write.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A source or destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// `unix:PATH`: a Unix domain socket.
    Unix(PathBuf),
    /// `tcp:HOST:PORT`: a TCP socket.
    Tcp(String),
    /// `exec:COMMAND`: a shell command that reads or writes the stream.
    Exec(String),
    /// `file:PATH`: a file.
    File(PathBuf),
}

impl FromStr for Place {
    type Err = String;

    fn from_str(uri: &str) -> Result<Self, String> {
        match uri.split_once(':') {
            Some(("unix", path)) => Ok(Self::Unix(path.into())),
            Some(("tcp", address)) => Ok(Self::Tcp(address.to_owned())),
            Some(("exec", command)) => Ok(Self::Exec(command.to_owned())),
            Some(("file", path)) => Ok(Self::File(path.into())),
            _ => Err("expected unix:PATH, tcp:HOST:PORT, exec:COMMAND or file:PATH".to_owned()),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp:{address}"),
            Self::Exec(command) => write!(f, "exec:{command}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

impl Place {
    /// Connects to the destination.
    ///
    /// # Errors
    /// Returns an error if the connection is refused, or the file cannot be created.
    pub fn connect(&self) -> io::Result<Channel> {
        match self {
            Self::Unix(path) => Channel::from_unix(UnixStream::connect(path)?),
            Self::Tcp(address) => Channel::from_tcp(TcpStream::connect(address)?),
            Self::Exec(command) => {
                let mut child = shell(command).stdin(Stdio::piped()).spawn()?;
                let output = child.stdin.take().map(|pipe| Box::new(pipe) as _);
                Ok(Channel { input: None, output, child: Some(child) })
            }
            Self::File(path) => Ok(Channel { output: Some(Box::new(File::create(path)?)), ..Channel::default() }),
        }
    }

    /// Starts listening.
    ///
    /// # Errors
    /// Returns an error if the address is in use, or the file does not exist.
    pub fn listen(&self) -> io::Result<Listener> {
        Ok(match self {
            Self::Unix(path) => Listener::Unix(UnixListener::bind(path)?),
            Self::Tcp(address) => Listener::Tcp(TcpListener::bind(address)?),
            Self::Exec(command) => Listener::Exec(shell(command).stdout(Stdio::piped()).spawn()?),
            Self::File(path) => Listener::File(File::open(path)?),
        })
    }
}

fn shell(command: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]);
    shell
}

/// A source that waits for a connection.
#[derive(Debug)]
pub enum Listener {
    /// A Unix domain socket.
    Unix(UnixListener),
    /// A TCP socket.
    Tcp(TcpListener),
    /// A command that writes the stream.
    Exec(Child),
    /// A file.
    File(File),
}

impl Listener {
    /// Waits for a connection.
    ///
    /// # Errors
    /// Returns the error of the socket.
    pub fn accept(self) -> io::Result<Channel> {
        match self {
            Self::Unix(listener) => Channel::from_unix(listener.accept()?.0),
            Self::Tcp(listener) => Channel::from_tcp(listener.accept()?.0),
            Self::Exec(mut child) => {
                let input = child.stdout.take().map(|pipe| Box::new(pipe) as _);
                Ok(Channel { input, output: None, child: Some(child) })
            }
            Self::File(file) => Ok(Channel { input: Some(Box::new(file)), ..Channel::default() }),
        }
    }
}

/// A connection in one or both directions.
#[derive(Default)]
pub struct Channel {
    /// The receiving direction.
    pub input: Option<Box<dyn Read + Send>>,
    /// The sending direction.
    pub output: Option<Box<dyn Write + Send>>,
    child: Option<Child>,
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("child", &self.child).finish_non_exhaustive()
    }
}

impl Channel {
    fn from_unix(stream: UnixStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        Ok(Self { output: Some(Box::new(stream.try_clone()?)), input: Some(Box::new(stream)), child: None })
    }

    fn from_tcp(stream: TcpStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        stream.set_nodelay(true)?;
        Ok(Self { output: Some(Box::new(stream.try_clone()?)), input: Some(Box::new(stream)), child: None })
    }

    /// Closes the connection, and waits for the command to exit.
    ///
    /// # Errors
    /// Returns an error if the command failed.
    pub fn close(mut self) -> io::Result<()> {
        drop((self.input.take(), self.output.take()));
        match self.child.take().map(|mut child| child.wait()).transpose()? {
            Some(status) if !status.success() => Err(io::Error::other(format!("the command failed: {status}"))),
            _ => Ok(()),
        }
    }
}
