//! Given the bytes of the recorded destination, the source sends the bytes of QEMU.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use vmstate::Writer;
use vmstate::migration::source::{Done, Source, SourceAction, SourceConfig, SourceControl, SourceInput};
use vmstate::migration::{Event, MachineSwitches, MigrationStatus, OnDoubt, Policy};
use vmstate::stream::{Command, StreamWriter};

use super::recordings::{Part, RECORDINGS, Recording, parts};

/// A driver with the guest memory and the devices of a recording: it sends the recorded sections, and encodes the
/// commands of the engine.
struct Driver {
    recording: &'static Recording,
    parts: VecDeque<(Part, Vec<u8>)>,
    sent: Vec<u8>,
    source: Source,
    now: Instant,
    events: Vec<Event>,
}

/// More than a source can send: the recording determines when a pass ends.
const ENDLESS: u64 = 1 << 40;

fn encode(command: &Command) -> Vec<u8> {
    let mut writer = Writer::new();
    StreamWriter::new(&mut writer).command(command).unwrap();
    writer.pending().to_vec()
}

impl Driver {
    fn new(recording: &'static Recording, stream: &[u8]) -> Self {
        let mut config = SourceConfig::new(ENDLESS, 0);
        config.capabilities = recording.capabilities();
        config.release = recording.source;
        config.guest_runs = recording.guest_runs;
        // The conversation of QEMU has neither.
        (config.handshake, config.barrier) = (false, false);
        config.parameters.policy = Policy::Qemu;
        config.parameters.on_doubt = OnDoubt::Resume;
        config.parameters.max_bandwidth = 0;
        let config = config.switches(MachineSwitches::new("microvm", recording.source));
        let now = Instant::now();
        let source = Source::new(config, now).unwrap();
        Self { recording, parts: parts(stream), sent: Vec::new(), source, now, events: Vec::new() }
    }

    fn run(&mut self) {
        while !self.source.is_finished() {
            self.now += Duration::from_millis(1);
            match self.source.poll_action(self.now) {
                Some(action) => self.carry_out(&action),
                None => self.wait(),
            }
            self.events.extend(std::iter::from_fn(|| self.source.poll_event()));
        }
    }

    fn carry_out(&mut self, action: &SourceAction) {
        let start = self.sent.len();
        match action {
            SourceAction::Begin { commands } => self.begin(commands),
            SourceAction::Iterate { .. } => self.section(&Part::Iterate),
            SourceAction::CompleteLive => self.section(&Part::CompleteLive),
            SourceAction::Devices => self.section(&Part::Devices),
            SourceAction::End => self.section(&Part::End),
            SourceAction::Send(command) => {
                self.section(&Part::Command(command.clone()));
                assert_eq!(self.sent[start..], encode(command));
            }
            _ => {}
        }
        let left = matches!(self.parts.front(), Some((Part::Iterate | Part::Cut, _)));
        let done = Done::new((self.sent.len() - start) as u64, if left { ENDLESS } else { 0 });
        self.source.handle(self.now, SourceInput::Done(done));
        self.answer(action);
    }

    /// Sends the next part of the recording, which must be of this kind.
    fn section(&mut self, expected: &Part) {
        let (part, bytes) = self.parts.pop_front().expect("the recording continues");
        assert_eq!(&part, expected, "{}", self.recording.name);
        self.sent.extend(bytes);
    }

    /// Sends the beginning with the engine's commands in the place of the recorded ones.
    fn begin(&mut self, commands: &[Command]) {
        let (part, recorded) = self.parts.pop_front().unwrap();
        assert_eq!(part, Part::Begin);
        let commands = commands.iter().flat_map(encode).collect::<Vec<_>>();
        let start = recorded.len() - start_section_length(&recorded);
        self.sent.extend(&recorded[..start - commands.len()]);
        self.sent.extend(commands);
        self.sent.extend(&recorded[start..]);
    }

    /// Passes the recorded answers on, at the moments at which they were sent.
    fn answer(&mut self, action: &SourceAction) {
        let (first, last) = self.recording.answers();
        match action {
            SourceAction::Begin { .. } => self.source.handle(self.now, SourceInput::Received(first)),
            SourceAction::End => self.source.handle(self.now, SourceInput::Received(last)),
            _ if self.parts.front().is_some_and(|(part, _)| *part == Part::Cut) => {
                self.parts.clear();
                self.source.command(self.now, SourceControl::Cancel).unwrap();
            }
            _ => {}
        }
    }

    fn wait(&mut self) {
        if self.source.statistics(self.now).status == MigrationStatus::PreSwitchover {
            return self.source.command(self.now, SourceControl::Continue).unwrap();
        }
        self.now = self.source.poll_timeout().expect("the migration continues").max(self.now);
        self.source.handle(self.now, SourceInput::Timeout);
    }
}

/// Returns the length of the section START at the end of the beginning: from its header to its footer.
fn start_section_length(beginning: &[u8]) -> usize {
    let header = b"\x03ram\0\0\0\0\0\0\0\x04";
    let name = beginning.windows(header.len()).position(|window| window == header).expect("a section `ram`");
    beginning.len() - (name - 5)
}

#[test]
fn source_sends_the_recorded_bytes() {
    for recording in RECORDINGS {
        let stream = recording.stream();
        let mut driver = Driver::new(recording, &stream);
        let rest = match driver.parts.back() {
            Some((Part::Cut, bytes)) => bytes.len(),
            _ => 0,
        };
        driver.run();
        assert!(driver.sent == stream[..stream.len() - rest], "{}: the bytes differ", recording.name);
        assert_eq!(rest > 0, recording.is_cut(), "{}", recording.name);
        let states = driver.events.iter().filter_map(|event| match event {
            Event::Status(status) => Some(status.name()),
            _ => None,
        });
        assert_eq!(states.collect::<Vec<_>>().join(" "), recording.states, "{}", recording.name);
    }
}

/// The offer of the handshake and the barrier are the only bytes that QEMU would not send.
#[test]
fn safe_switchover_adds_two_pings() {
    let recording = RECORDINGS.iter().find(|recording| recording.name == "qemu-10.0-precopy").unwrap();
    let mut config = SourceConfig::new(0, 0);
    config.guest_runs = false;
    let mut now = Instant::now();
    let mut source = Source::new(config, now).unwrap();
    let mut commands = Vec::new();
    while !source.is_finished() {
        now += Duration::from_millis(1);
        let Some(action) = source.poll_action(now) else { panic!("{:?}", source.statistics(now)) };
        source.handle(now, SourceInput::Done(Done::default()));
        let answer: &[u8] = match &action {
            SourceAction::Begin { commands: first } => {
                commands.extend(first.clone());
                &[recording.answers().0, b"\0\x02\0\x04vms\x01"].concat()
            }
            SourceAction::Send(command) => {
                commands.push(command.clone());
                if *command == Command::Ping(0x766d_7302) { b"\0\x02\0\x04vms\x02" } else { &[] }
            }
            SourceAction::End => recording.answers().1,
            _ => &[],
        };
        source.handle(now, SourceInput::Received(answer));
    }
    assert_eq!(source.statistics(now).status, MigrationStatus::Completed);
    let [offer, barrier] = [Command::Ping(0x766d_7301), Command::Ping(0x766d_7302)];
    let expected = [Command::OpenReturnPath, Command::Ping(1), offer, Command::SwitchoverStart, barrier];
    assert_eq!(commands, expected);
}
