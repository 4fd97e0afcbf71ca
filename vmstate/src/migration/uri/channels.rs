//! Addresses as JSON: the `channels` of QEMU's command `migrate`.
//!
//! (QEMU: `MigrationChannel` and `MigrationAddress` in `qapi/migration.json`.)

use serde_json::{Map, Value, json};

use super::{InvalidUri, TcpAddress, Uri};

/// The addresses of a migration: QEMU's list of channels.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Channels {
    /// The address of the stream.
    pub main: Uri,
    /// The address to which the descriptors of the memory are sent first (type `cpr`). Only the mode `cpr-transfer` uses it.
    pub descriptors: Option<Uri>,
}

impl From<Uri> for Channels {
    fn from(main: Uri) -> Self {
        Self { main, descriptors: None }
    }
}

impl Channels {
    /// Parses the argument `channels` of the command `migrate`: a list with one channel of type `main`, and perhaps one of type
    /// `cpr`.
    ///
    /// # Errors
    /// Returns an error if the list has no channel `main` or two of a type, or a channel has another type or a malformed
    /// address.
    pub fn parse(channels: &Value) -> Result<Self, InvalidUri> {
        let text = || channels.to_string();
        let (mut main, mut descriptors) = (None, None);
        for channel in channels.as_array().map(Vec::as_slice).unwrap_or_default() {
            let name = member(channel, "channel-type")?;
            let place = match name {
                "main" => &mut main,
                "cpr" => &mut descriptors,
                _ => return Err(invalid(&text(), "unknown type; expected `main` or `cpr`", &unknown_type(name))),
            };
            let address = from_address(channel.get("addr").unwrap_or(&Value::Null))?;
            if place.replace(address).is_some() {
                let message = format!("Channel list has more than one {name} entry");
                return Err(invalid(&text(), "expected one channel of each type", &message));
            }
        }
        match (main, &descriptors) {
            (Some(main), _) => Ok(Self { main, descriptors }),
            (None, None) => Err(invalid(&text(), "expected a channel", "need either 'uri' or 'channels' argument")),
            // QEMU 10.0 and 11.1 crash.
            (None, Some(_)) => Err(invalid(&text(), "expected a channel `main`", "Channel list has no main entry")),
        }
    }
}

fn unknown_type(name: &str) -> String {
    format!("Parameter 'channel-type' does not accept value '{name}'")
}

impl Uri {
    /// Parses the argument `channels` of the command `migrate-incoming`: a list with one channel of type `main`.
    ///
    /// ```
    /// use vmstate::migration::Uri;
    ///
    /// let address = serde_json::json!({"transport": "file", "filename": "/guest", "offset": 4096});
    /// let channels = serde_json::json!([{"channel-type": "main", "addr": address}]);
    /// assert_eq!(Uri::from_channels(&channels)?.to_string(), "file:/guest,offset=4096");
    /// # Ok::<(), vmstate::migration::InvalidUri>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the list does not have exactly one channel, or the channel has another type or a malformed
    /// address.
    pub fn from_channels(channels: &Value) -> Result<Self, InvalidUri> {
        match Channels::parse(channels)? {
            Channels { main, descriptors: None } => Ok(main),
            _ => {
                let message = "Channel list must have only one entry, for type 'main'";
                Err(invalid(&channels.to_string(), "expected only a channel `main`", message))
            }
        }
    }

    /// Returns the address as QEMU's type `MigrationAddress`; `None` for [`Defer`](Self::Defer).
    #[must_use]
    pub fn to_address(&self) -> Option<Value> {
        Some(match self {
            Self::Tcp(address) => json!({
                "transport": "socket", "type": "inet", "host": address.host, "port": address.port,
            }),
            Self::Unix(path) => json!({"transport": "socket", "type": "unix", "path": path}),
            Self::Vsock { cid, port } => json!({"transport": "socket", "type": "vsock", "cid": cid, "port": port}),
            Self::Fd(name) => json!({"transport": "socket", "type": "fd", "str": name}),
            Self::Exec(arguments) => json!({"transport": "exec", "args": arguments}),
            Self::File { path, offset } => json!({"transport": "file", "filename": path, "offset": offset}),
            Self::Defer => return None,
        })
    }
}

fn from_address(address: &Value) -> Result<Uri, InvalidUri> {
    match member(address, "transport")? {
        "socket" => from_socket(address),
        "exec" => from_exec(address),
        "file" => from_file(address),
        _ => Err(invalid(
            &address.to_string(),
            "unsupported transport; expected `socket`, `exec` or `file`",
            "Parameter 'transport' does not accept value",
        )),
    }
}

fn from_socket(address: &Value) -> Result<Uri, InvalidUri> {
    Ok(match member(address, "type")? {
        "inet" => Uri::Tcp(from_inet(address)?),
        "unix" => Uri::Unix(member(address, "path")?.to_owned()),
        "vsock" => Uri::Vsock { cid: member(address, "cid")?.to_owned(), port: member(address, "port")?.to_owned() },
        "fd" => Uri::Fd(member(address, "str")?.to_owned()),
        _ => {
            let reason = "unknown type of socket; expected `inet`, `unix`, `vsock` or `fd`";
            return Err(invalid(&address.to_string(), reason, "Parameter 'type' does not accept value"));
        }
    })
}

fn from_inet(address: &Value) -> Result<TcpAddress, InvalidUri> {
    let flag = |name| address.get(name).and_then(Value::as_bool);
    Ok(TcpAddress {
        last_port: address.get("to").and_then(Value::as_u64).and_then(|port| port.try_into().ok()),
        ipv4: flag("ipv4"),
        ipv6: flag("ipv6"),
        keep_alive: flag("keep-alive").unwrap_or(false),
        ..TcpAddress::new(member(address, "host")?, member(address, "port")?)
    })
}

fn from_exec(address: &Value) -> Result<Uri, InvalidUri> {
    let arguments = address.get("args").and_then(Value::as_array);
    let arguments: Option<Vec<_>> =
        arguments.and_then(|list| list.iter().map(|argument| argument.as_str().map(str::to_owned)).collect());
    match arguments {
        Some(arguments) if !arguments.is_empty() => Ok(Uri::Exec(arguments)),
        _ => Err(missing(address, "args")),
    }
}

fn from_file(address: &Value) -> Result<Uri, InvalidUri> {
    let offset = address.get("offset").and_then(Value::as_u64).ok_or_else(|| missing(address, "offset"))?;
    Ok(Uri::File { path: member(address, "filename")?.to_owned(), offset })
}

/// Returns a member that must be text.
fn member<'v>(object: &'v Value, name: &'static str) -> Result<&'v str, InvalidUri> {
    object.as_object().and_then(|members: &Map<_, _>| members.get(name)?.as_str()).ok_or_else(|| missing(object, name))
}

fn missing(object: &Value, name: &'static str) -> InvalidUri {
    InvalidUri::new(&object.to_string(), "missing member", format!("Parameter '{name}' is missing"))
}

fn invalid(text: &str, reason: &'static str, qemu_message: &str) -> InvalidUri {
    InvalidUri::new(text, reason, qemu_message.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(address: &Value) -> Value {
        json!([{"channel-type": "main", "addr": address}])
    }

    #[test]
    fn addresses_survive_a_round_trip() {
        for text in
            ["tcp:host:1", "unix:/run/guest", "vsock:2:4444", "fd:migrate", "exec:cat > x", "file:/x,offset=4096"]
        {
            let uri: Uri = text.parse().unwrap();
            assert_eq!(Uri::from_channels(&channel(&uri.to_address().unwrap())).unwrap(), uri);
        }
        assert_eq!(Uri::Defer.to_address(), None);
    }

    #[test]
    fn lists_without_exactly_one_channel_are_rejected() {
        let message = |channels: &Value| Uri::from_channels(channels).unwrap_err().qemu_message().to_owned();
        assert_eq!(message(&json!([])), "need either 'uri' or 'channels' argument");
        assert_eq!(message(&json!([{}, {}])), "Parameter 'channel-type' is missing");
        let address = json!({"transport": "socket", "type": "unix", "path": "/x"});
        let (main, cpr) =
            (json!({"channel-type": "main", "addr": address}), json!({"channel-type": "cpr", "addr": address}));
        assert_eq!(message(&json!([main, main])), "Channel list has more than one main entry");
        assert_eq!(message(&json!([cpr, main, cpr])), "Channel list has more than one cpr entry");
        assert_eq!(message(&json!([cpr])), "Channel list has no main entry");
        assert_eq!(message(&json!([cpr, main])), "Channel list must have only one entry, for type 'main'");
        let other = json!([{"channel-type": "x", "addr": address}]);
        assert_eq!(message(&other), "Parameter 'channel-type' does not accept value 'x'");
        assert_eq!(message(&channel(&json!({"transport": "file", "filename": "x"}))), "Parameter 'offset' is missing");
    }
}
