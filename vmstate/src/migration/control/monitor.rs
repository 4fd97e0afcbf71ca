//! The protocol of one connection.

use std::borrow::Cow;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::super::QemuRelease;
use super::command::MonitorCommand;
use super::error::CommandError;
use super::event::MonitorEvent;
use super::reply;
use super::scanner::{Invalid, MAX_BYTES, MAX_DEPTH, Scanner};

/// One connection of a client: bytes in, commands out; replies and events in, bytes out. It does no I/O.
///
/// ```
/// use vmstate::migration::QemuRelease;
/// use vmstate::migration::control::{MonitorCommand, Monitor};
///
/// let mut monitor = Monitor::new(QemuRelease::V10_0);
/// let greeting = monitor.transmit().len();
/// monitor.sent(greeting);
///
/// monitor.receive(br#"{"execute": "qmp_capabilities"} {"execute": "stop", "id": 7}"#);
/// let request = monitor.next_request().expect("a request");
/// assert_eq!(request.command, MonitorCommand::Stop);
/// monitor.reply(request.id, Ok(serde_json::json!({})));
/// assert_eq!(monitor.transmit(), b"{\"return\":{}}\r\n{\"id\":7,\"return\":{}}\r\n");
/// ```
#[derive(Debug)]
pub struct Monitor {
    release: QemuRelease,
    scanner: Scanner,
    /// Set once the client has sent `qmp_capabilities`. No event is sent before.
    negotiated: bool,
    output: Vec<u8>,
}

/// A command of a client, which expects a reply.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Request {
    /// The id, for the reply.
    pub id: RequestId,
    /// The command.
    pub command: MonitorCommand,
}

/// The id by which a client recognizes the reply of a command.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestId(Option<Value>);

/// The largest number of bytes that wait for a client. A client with more waiting bytes has stopped reading.
const MAX_OUTPUT: usize = 4 << 20;

impl Monitor {
    /// Creates the protocol of a new connection, with the greeting of `release` to transmit.
    #[must_use]
    pub fn new(release: QemuRelease) -> Self {
        let mut monitor = Self { release, scanner: Scanner::default(), negotiated: false, output: Vec::new() };
        monitor.send(&json!({ "QMP": { "version": reply::version(release), "capabilities": [] } }));
        monitor
    }

    /// Accepts received bytes.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.scanner.push(bytes);
    }

    /// Returns the next complete command. Answers commands that are malformed, or concern only the connection.
    pub fn next_request(&mut self) -> Option<Request> {
        loop {
            match self.scanner.next_object() {
                Ok(Some(range)) => {
                    let value = serde_json::from_slice(self.scanner.object(&range));
                    self.scanner.consume();
                    if let Some(request) = self.accept(value) {
                        return Some(request);
                    }
                }
                Ok(None) => return None,
                Err(invalid) => {
                    self.scanner.skip_line();
                    self.reply(RequestId::default(), Err(describe(invalid)));
                }
            }
        }
    }

    fn accept(&mut self, value: serde_json::Result<Value>) -> Option<Request> {
        let object = match value {
            Ok(Value::Object(object)) => object,
            _ => {
                self.reply(RequestId::default(), Err(CommandError::new("JSON parse error, invalid object")));
                return None;
            }
        };
        let id = RequestId(object.get("id").cloned());
        match self.parse(&object) {
            Ok(Some(command)) => Some(Request { id, command }),
            Ok(None) => {
                self.negotiated = true;
                self.reply(id, Ok(json!({})));
                None
            }
            Err(error) => {
                self.reply(id, Err(error));
                None
            }
        }
    }

    /// Parses a command; `None` for `qmp_capabilities`.
    fn parse(&self, object: &Map<String, Value>) -> Result<Option<MonitorCommand>, CommandError> {
        let (name, arguments) = envelope(object)?;
        match (name, self.negotiated) {
            ("qmp_capabilities", false) => check_enabled(&arguments).map(|()| None),
            ("qmp_capabilities", true) => {
                Err(CommandError::not_now("Capabilities negotiation is already complete, command ignored"))
            }
            (_, false) => Err(CommandError::not_now("Expecting capabilities negotiation with 'qmp_capabilities'")),
            (name, true) => MonitorCommand::parse(name, &arguments, self.release).map(Some),
        }
    }

    /// Queues the reply of a command.
    pub fn reply(&mut self, RequestId(id): RequestId, result: Result<Value, CommandError>) {
        let (key, value) = match result {
            Ok(value) => ("return", value),
            Err(error) => ("error", error.to_value()),
        };
        let mut message = Map::from_iter([(key.to_owned(), value)]);
        if let Some(id) = id {
            message.insert("id".to_owned(), id);
        }
        self.send(&Value::Object(message));
    }

    /// Queues an event, unless the release does not have it, or the client has not finished the negotiation. `time` is the time since 1970.
    pub fn event(&mut self, event: &MonitorEvent, time: Duration) {
        if self.negotiated && event.exists_in(self.release) {
            self.send(&event.to_value(time, self.release));
        }
    }

    /// Returns the bytes to transmit.
    #[must_use]
    pub fn transmit(&self) -> &[u8] {
        &self.output
    }

    /// Removes the first `count` bytes, which were transmitted.
    pub fn sent(&mut self, count: usize) {
        self.output.drain(..count.min(self.output.len()));
    }

    /// Returns whether the client has stopped reading, so that the connection has to be closed.
    #[must_use]
    pub fn is_stalled(&self) -> bool {
        self.output.len() > MAX_OUTPUT
    }

    fn send(&mut self, message: &Value) {
        if !self.is_stalled() {
            self.output.extend_from_slice(escape_controls(&message.to_string()).as_bytes());
            self.output.extend_from_slice(b"\r\n");
        }
    }
}

/// Escapes the control characters that JSON permits in strings, U+007F to U+009F: replies end up in terminals and logs.
fn escape_controls(json: &str) -> Cow<'_, str> {
    if !json.contains(char::is_control) {
        return json.into();
    }
    let mut escaped = String::with_capacity(json.len());
    for char in json.chars() {
        if char.is_control() {
            escaped.push_str(&format!("\\u{:04x}", u32::from(char)));
        } else {
            escaped.push(char);
        }
    }
    escaped.into()
}

/// Returns the name and the arguments of a command.
fn envelope(object: &Map<String, Value>) -> Result<(&str, Map<String, Value>), CommandError> {
    let mut name = None;
    let mut arguments = Map::new();
    for (key, value) in object {
        match (key.as_str(), value) {
            ("execute", Value::String(text)) => name = Some(text.as_str()),
            ("execute", _) => return Err(CommandError::new("QMP input member 'execute' must be a string")),
            ("arguments", Value::Object(members)) => arguments.clone_from(members),
            ("arguments", _) => return Err(CommandError::new("QMP input member 'arguments' must be an object")),
            ("id", _) => {}
            (other, _) => {
                return Err(CommandError::unexpected_member(other));
            }
        }
    }
    name.map(|name| (name, arguments)).ok_or_else(|| CommandError::new("QMP input lacks member 'execute'"))
}

/// Checks the argument `enable`: this monitor offers no capabilities of the protocol.
fn check_enabled(arguments: &Map<String, Value>) -> Result<(), CommandError> {
    match arguments.get("enable").and_then(Value::as_array).and_then(|list| list.first()) {
        Some(capability) => Err(CommandError::unknown_word("enable", &capability.to_string())),
        None => Ok(()),
    }
}

fn describe(invalid: Invalid) -> CommandError {
    CommandError::new(match invalid {
        Invalid::TooLong => format!("JSON parse error, command longer than {MAX_BYTES} bytes"),
        Invalid::TooDeep => format!("JSON parse error, nesting deeper than {MAX_DEPTH}"),
        Invalid::Stray(byte) => format!("JSON parse error, stray '{}'", byte.escape_ascii()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn negotiated() -> Monitor {
        let mut monitor = Monitor::new(QemuRelease::V10_0);
        monitor.receive(br#"{"execute": "qmp_capabilities"}"#);
        assert_eq!(monitor.next_request(), None);
        monitor.sent(usize::MAX);
        monitor
    }

    /// Returns the replies to bytes that contain no command for the program.
    fn replies(monitor: &mut Monitor, bytes: &[u8]) -> String {
        monitor.receive(bytes);
        assert_eq!(monitor.next_request(), None);
        let text = String::from_utf8_lossy(monitor.transmit()).into_owned();
        monitor.sent(usize::MAX);
        text
    }

    #[test]
    fn greeting_has_the_version() {
        let monitor = Monitor::new(QemuRelease::V7_2);
        let greeting: Value = serde_json::from_slice(monitor.transmit()).unwrap();
        assert_eq!(greeting["QMP"]["version"]["qemu"], json!({"major": 7, "minor": 2, "micro": 0}));
        assert_eq!(greeting["QMP"]["capabilities"], json!([]));
    }

    #[test]
    fn commands_and_events_need_the_negotiation() {
        let mut monitor = Monitor::new(QemuRelease::V10_0);
        monitor.sent(usize::MAX);
        monitor.event(&MonitorEvent::Stop, Duration::ZERO);
        let reply = replies(&mut monitor, br#"{"execute": "stop", "id": "a"}"#);
        assert!(reply.contains("CommandNotFound") && reply.contains(r#""id":"a""#), "{reply}");
        let mut monitor = negotiated();
        assert!(replies(&mut monitor, br#"{"execute": "qmp_capabilities"}"#).contains("already complete"));
        monitor.event(&MonitorEvent::Pass(2), Duration::new(3, 4000));
        let event: Value = serde_json::from_slice(monitor.transmit()).unwrap();
        let expected = json!({
            "event": "MIGRATION_PASS", "data": {"pass": 2}, "timestamp": {"seconds": 3, "microseconds": 4},
        });
        assert_eq!(event, expected);
    }

    #[test]
    fn malformed_commands_are_answered() {
        let mut monitor = negotiated();
        for (bytes, expected) in [
            (&b"{\"a\": }"[..], "JSON parse error"),
            (b"]\n", "JSON parse error, stray ']'"),
            (b"{\"execute\": 1}", "member 'execute' must be a string"),
            (b"{}", "lacks member 'execute'"),
            (b"{\"execute\": \"stop\", \"arguments\": []}", "member 'arguments' must be an object"),
            (b"{\"execute\": \"stop\", \"x\": 1}", "member 'x' is unexpected"),
            (b"{\"execute\": \"stop\", \"arguments\": {\"x\": 1}}", "Parameter 'x' is unexpected"),
        ] {
            let reply = replies(&mut monitor, bytes);
            assert!(reply.contains(expected), "{expected}: {reply}");
        }
        monitor.receive(br#"{"execute": "cont"}"#);
        assert_eq!(monitor.next_request().unwrap().command, MonitorCommand::Cont);
    }

    #[test]
    fn client_that_does_not_read_is_stalled() {
        let mut monitor = negotiated();
        let mut count = 0;
        while !monitor.is_stalled() {
            monitor.event(&MonitorEvent::Stop, Duration::ZERO);
            count += 1;
            assert!(count < 1_000_000);
        }
        let length = monitor.transmit().len();
        monitor.event(&MonitorEvent::Stop, Duration::ZERO);
        assert_eq!(monitor.transmit().len(), length);
    }
}
