//! A client of a monitor (QMP).

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Outcome;

/// The longest time for a connection or an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection to a monitor.
pub(crate) struct Client {
    stream: BufReader<UnixStream>,
    /// Events that have arrived before a reply.
    events: Vec<Value>,
}

impl Client {
    /// Connects to a program that is starting.
    pub(crate) fn connect(path: &Path) -> Outcome<Self> {
        let start = Instant::now();
        let stream = loop {
            match UnixStream::connect(path) {
                Ok(stream) => break stream,
                Err(error) if start.elapsed() > PATIENCE => return Err(error.into()),
                Err(_) => thread::sleep(Duration::from_millis(1)),
            }
        };
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut client = Self { stream: BufReader::new(stream), events: Vec::new() };
        client.receive()?;
        client.execute("qmp_capabilities", &json!({}))?;
        Ok(client)
    }

    /// Executes a command, and returns its result.
    pub(crate) fn execute(&mut self, command: &str, arguments: &Value) -> Outcome<Value> {
        let request = json!({ "execute": command, "arguments": arguments });
        writeln!(self.stream.get_mut(), "{request}")?;
        loop {
            let mut message = self.receive()?;
            match (message.get_mut("return").map(Value::take), message.get("error")) {
                (Some(value), _) => return Ok(value),
                (None, Some(error)) => return Err(format!("{command}: {}", text(&error["desc"])).into()),
                (None, None) => self.events.push(message),
            }
        }
    }

    /// Waits for the next event.
    pub(crate) fn event(&mut self) -> Outcome<Value> {
        if self.events.is_empty() { self.receive() } else { Ok(self.events.remove(0)) }
    }

    fn receive(&mut self) -> Outcome<Value> {
        let mut line = String::new();
        match self.stream.read_line(&mut line)? {
            0 => Err("the process has closed its monitor".into()),
            _ => Ok(serde_json::from_str(&line)?),
        }
    }
}

/// Returns the text of a value, or its JSON.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
