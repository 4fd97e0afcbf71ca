//! Addresses of migrations, in QEMU's notation.
//!
//! (QEMU: `migrate_uri_parse` in `migration/migration.c`, `socket_parse` and `inet_parse` in `util/qemu-sockets.c`.)

#[cfg(feature = "schema")]
mod channels;
mod parse;

use std::fmt;

#[cfg(feature = "schema")]
pub use channels::Channels;

/// The address of a migration.
///
/// ```
/// use vmstate::migration::Uri;
///
/// let uri: Uri = "file:/var/lib/guest.state,offset=0x1000".parse()?;
/// assert_eq!(uri, Uri::File { path: "/var/lib/guest.state".into(), offset: 0x1000 });
/// assert_eq!(uri.to_string(), "file:/var/lib/guest.state,offset=4096");
/// let error = "bogus:1".parse::<Uri>().unwrap_err();
/// assert_eq!(error.qemu_message(), "unknown migration protocol: bogus:1");
/// # Ok::<(), vmstate::migration::InvalidUri>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Uri {
    /// `tcp:HOST:PORT`, a TCP socket.
    Tcp(TcpAddress),
    /// `unix:PATH`, a Unix socket.
    Unix(String),
    /// `vsock:CID:PORT`, a socket between a host and its virtual machines.
    Vsock {
        /// The context id: a number, as text.
        cid: String,
        /// The port: a number, as text.
        port: String,
    },
    /// `fd:NAME`, a file descriptor by its number or by the name under which it was passed to the process.
    Fd(String),
    /// `exec:COMMAND`, the standard input or output of a program. The first element is the program.
    Exec(Vec<String>),
    /// `file:PATH[,offset=N]`, a file.
    File {
        /// The path.
        path: String,
        /// The offset of the stream's first byte.
        offset: u64,
    },
    /// `defer`: the address follows with a later command. Only destinations accept it.
    Defer,
}

/// The host and the port of a TCP socket, with its options.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct TcpAddress {
    /// The name or address of the host; empty for all addresses of a listener.
    pub host: String,
    /// The port: a number or the name of a service. A listener with port 0 chooses one.
    pub port: String,
    /// The last port that a listener tries (`to`).
    pub last_port: Option<u16>,
    /// Use of IPv4; `None` allows it without requiring it.
    pub ipv4: Option<bool>,
    /// Use of IPv6; `None` allows it without requiring it.
    pub ipv6: Option<bool>,
    /// Probes of an idle connection by the kernel.
    pub keep_alive: bool,
}

impl TcpAddress {
    /// Creates the address of `port` on `host`, without options.
    #[must_use]
    pub fn new(host: impl Into<String>, port: impl Into<String>) -> Self {
        Self { host: host.into(), port: port.into(), ..Self::default() }
    }
}

/// The shell and its option with which `exec:` runs a command.
const SHELL: [&str; 2] = ["/bin/sh", "-c"];

impl Uri {
    /// Creates the address of a program that the shell runs, as `exec:COMMAND` does.
    #[must_use]
    pub fn command(command: impl Into<String>) -> Self {
        let [shell, option] = SHELL.map(str::to_owned);
        Self::Exec(vec![shell, option, command.into()])
    }

    /// Parses the address of a peer, which a command requires: not [`Defer`](Self::Defer).
    #[cfg(feature = "control")]
    pub(super) fn of_peer(text: &str) -> Result<Self, InvalidUri> {
        match text.parse()? {
            Self::Defer => Err(parse::unknown(text)),
            uri => Ok(uri),
        }
    }

    /// Returns the path of a file.
    #[cfg(unix)]
    pub(super) fn file_path(&self) -> Option<&str> {
        match self {
            Self::File { path, .. } => Some(path),
            _ => None,
        }
    }

    /// Returns the scheme, such as `tcp`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        match self {
            Self::Tcp(_) => "tcp",
            Self::Unix(_) => "unix",
            Self::Vsock { .. } => "vsock",
            Self::Fd(_) => "fd",
            Self::Exec(_) => "exec",
            Self::File { .. } => "file",
            Self::Defer => "defer",
        }
    }

    /// Returns whether the destination can answer: the transport has two directions. A file descriptor counts as
    /// a socket, because its type is unknown until it is opened.
    #[must_use]
    pub fn has_return_path(&self) -> bool {
        !matches!(self, Self::File { .. } | Self::Defer)
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "tcp:{address}"),
            Self::Unix(path) => write!(f, "unix:{path}"),
            Self::Vsock { cid, port } => write!(f, "vsock:{cid}:{port}"),
            Self::Fd(name) => write!(f, "fd:{name}"),
            Self::Exec(arguments) => match arguments.as_slice() {
                [shell, option, command] if [shell, option] == SHELL => write!(f, "exec:{command}"),
                _ => write!(f, "exec:{}", arguments.join(" ")),
            },
            Self::File { path, offset: 0 } => write!(f, "file:{path}"),
            Self::File { path, offset } => write!(f, "file:{path},offset={offset}"),
            Self::Defer => f.write_str("defer"),
        }
    }
}

impl fmt::Display for TcpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, last_port, ipv4, ipv6, keep_alive } = self;
        if host.contains(':') {
            write!(f, "[{host}]:{port}")?;
        } else {
            write!(f, "{host}:{port}")?;
        }
        if let Some(last) = last_port {
            write!(f, ",to={last}")?;
        }
        for (name, option) in [("ipv4", ipv4), ("ipv6", ipv6)] {
            match option {
                Some(true) => write!(f, ",{name}")?,
                Some(false) => write!(f, ",{name}=off")?,
                None => {}
            }
        }
        if *keep_alive { f.write_str(",keep-alive") } else { Ok(()) }
    }
}

/// The error for text that is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: `{}`", text.escape_debug())]
pub struct InvalidUri {
    text: String,
    reason: &'static str,
    qemu_message: String,
}

impl InvalidUri {
    fn new(text: &str, reason: &'static str, qemu_message: String) -> Self {
        Self { text: text.to_owned(), reason, qemu_message }
    }

    /// Returns whether the address begins with no protocol that is supported.
    #[cfg(feature = "control")]
    pub(super) fn is_unknown_protocol(&self) -> bool {
        self.qemu_message == parse::unknown_protocol(&self.text)
    }

    /// Returns QEMU's message for the same error.
    #[must_use]
    pub fn qemu_message(&self) -> &str {
        &self.qemu_message
    }
}
