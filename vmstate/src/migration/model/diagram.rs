//! The diagrams of the switchover in the guide, drawn from both engines.

use std::fmt::Write;
use std::path::Path;

use super::pair::{Pair, Step};
use crate::migration::destination::{DestinationAction as Action, DestinationConfig};
use crate::migration::protocol::{self, PING_BARRIER, PING_DRAINED, PING_QEMU};
use crate::migration::source::{SourceAction, SourceConfig};
use crate::stream::{Command, ReturnPathMessage};

/// The page of the guide with the diagrams.
const PAGE: &str = "src/guide/peers.md";
/// The length of an arrow, in characters.
const ARROW: usize = 56;

/// A line: the state of the source's guest, an arrow, and an event of the destination.
struct Line {
    guest: &'static str,
    middle: String,
    destination: &'static str,
}

impl Line {
    fn forward(message: &str) -> Self {
        Self::new("", format!("─ {message} {:─>1$}►", "", ARROW - 4 - message.chars().count()), "")
    }

    fn back(message: &str) -> Self {
        Self::new("", format!("◄{:─>1$} {message} ─", "", ARROW - 4 - message.chars().count()), "")
    }

    fn guest(state: &'static str) -> Self {
        Self::new(state, " ".repeat(ARROW), "")
    }

    fn destination(event: &'static str) -> Self {
        Self::new("", " ".repeat(ARROW), event)
    }

    fn new(guest: &'static str, middle: String, destination: &'static str) -> Self {
        Self { guest, middle, destination }
    }
}

fn number(number: u32) -> String {
    match number {
        PING_QEMU => "1".to_owned(),
        PING_DRAINED => "before the switchover".to_owned(),
        PING_BARRIER => "after the last device".to_owned(),
        _ if number == protocol::offer(protocol::VERSION) => "with the offer".to_owned(),
        _ if number == protocol::acceptance(protocol::VERSION) => "that accepts it".to_owned(),
        _ => format!("{number:#x}"),
    }
}

fn command(command: &Command) -> String {
    match command {
        Command::Ping(ping) => format!("PING {}", number(*ping)),
        other => other.name().to_owned(),
    }
}

fn answer(message: &ReturnPathMessage) -> String {
    match message {
        ReturnPathMessage::Pong(pong) => format!("PONG {}", number(*pong)),
        ReturnPathMessage::Shut(status) => format!("SHUT {status}"),
        ReturnPathMessage::Status { state, .. } => format!("STATUS {}", state.name()),
        other => other.name().to_owned(),
    }
}

fn lines(step: &Step) -> Vec<Line> {
    match step {
        Step::Source(SourceAction::Begin { commands }) => {
            let commands: Vec<_> = commands.iter().map(command).collect();
            let commands = commands.iter().map(|command| Line::forward(command));
            let start = std::iter::once(Line::forward("header, configuration"));
            start.chain(commands).chain([Line::forward("start of `ram`")]).collect()
        }
        Step::Source(SourceAction::Iterate { .. }) => vec![Line::forward("pages, while the guest writes others")],
        Step::Source(SourceAction::Stop) => vec![Line::guest("stopped")],
        Step::Source(SourceAction::CompleteLive) => vec![Line::forward("the last pages")],
        Step::Source(SourceAction::Devices) => vec![Line::forward("devices")],
        Step::Source(SourceAction::End) => vec![Line::forward("end mark, description")],
        Step::Source(SourceAction::Send(sent)) => vec![Line::forward(&command(sent))],
        Step::Source(SourceAction::Close) => vec![Line::forward("end of the connection")],
        Step::Destination(Action::Answer(message)) => vec![Line::back(&answer(message))],
        Step::Destination(Action::Commit) => vec![Line::destination("loaded")],
        Step::Destination(Action::Run) => vec![Line::destination("runs")],
        Step::Source(_) | Step::Destination(_) => Vec::new(),
    }
}

/// Draws a migration without faults.
fn diagram(to_qemu: bool) -> String {
    let destination = DestinationConfig { without_handshake: to_qemu, ..DestinationConfig::default() };
    let mut pair = Pair::new(SourceConfig::new(0, 42), destination);
    pair.run();
    // The simulated destination sends the messages of a QEMU, but runs the guest by its own rule.
    pair.steps.retain(|step| !to_qemu || !matches!(step, Step::Destination(Action::Commit | Action::Run)));
    let peer = if to_qemu { "QEMU" } else { "destination" };
    let mut text = format!("{:<9}{:<width$} {peer}\n", "guest", "source", width = ARROW + 2);
    let mut last = String::new();
    let first = Line::guest("runs");
    for line in std::iter::once(first).chain(pair.steps.iter().flat_map(lines)) {
        let line = format!("{:<8} │{}│ {}", line.guest, line.middle, line.destination);
        if line != last {
            writeln!(text, "{}", line.trim_end()).unwrap();
        }
        last = line;
    }
    text
}

/// Compares the text of a diagram in the guide, after its heading, or replaces it.
fn assert_in_guide(heading: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(&format!("{heading}\n\n```text\n")).expect("a diagram after the heading");
    let (found, after) = rest.split_once("```").unwrap();
    if std::env::var_os("VMSTATE_BLESS").is_some() {
        return std::fs::write(&path, format!("{before}{heading}\n\n```text\n{expected}```{after}")).unwrap();
    }
    assert_eq!(found, expected, "`tests/bless diagrams` writes the diagrams of the guide");
}

#[test]
fn guide_shows_the_messages_of_the_engines() {
    assert_in_guide("Between two programs that use this library:", &diagram(false));
    assert_in_guide("To a QEMU, which may run the guest from the end mark on:", &diagram(true));
}
