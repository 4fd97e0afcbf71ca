//! Streams that are not quite this machine's.

use vmstate::machine::{LoadOptions, Repeated, Rules, SaveOptions, Trailer, Unknown, Unread};
use vmstate::memory::{PageSize, VecBlock};
use vmstate::prelude::*;
use vmstate::registry::{Missing, Registration};
use vmstate::section::Output;
use vmstate::stream::{Command, StreamItem, StreamReader};

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "dev")]
struct Dev {
    value: u16,
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "longer")]
struct Longer {
    value: u16,
    extra: u8,
}

/// A stream of devices with these names, without a description.
fn stream(names: &[(&str, u16)]) -> Vec<u8> {
    let mut machine = Machine::new();
    for (name, value) in names {
        machine.register(*name, Dev { value: *value }).unwrap();
    }
    let mut stream = Vec::new();
    machine.save_with(&mut stream, SaveOptions::new().description(None)).unwrap();
    stream
}

fn load(machine: &mut Machine<'_>, stream: &[u8], rules: Rules) -> Result<vmstate::machine::LoadReport, LoadError> {
    machine.load_with(&mut Reader::from_slice(stream), LoadOptions::new().rules(rules))
}

#[test]
fn missing_section_follows_its_rule() {
    let (mut first, mut second, mut third) = (Dev { value: 1 }, Dev { value: 2 }, Dev { value: 3 });
    let stream = stream(&[("first", 10)]);

    let mut machine = Machine::new();
    machine.register("first", &mut first).unwrap();
    machine.register("second", &mut second).unwrap();
    let error = machine.load(&stream[..]).unwrap_err();
    assert_eq!((error.expected(), error.found()), ("section \"second\" (instance 0)", "the end of the stream"));
    let loaded = load(&mut machine, &stream, Rules::QEMU).unwrap();
    assert_eq!(loaded.missing, [("second".to_owned(), 0)]);
    let options = || LoadOptions::new().section("second", Rules::default().missing(Missing::KeepState));
    machine.load_with(&mut Reader::from_slice(&stream), options()).unwrap();
    machine.add(Registration::device("kept", Dev::default()).if_missing(Missing::KeepState)).unwrap();
    machine.load_with(&mut Reader::from_slice(&stream), options()).unwrap();
    let reset = Registration::device_or_reset("third", &mut third, |device: &mut Dev| device.value = 77);
    machine.add(reset).unwrap();
    machine.load_with(&mut Reader::from_slice(&stream), options()).unwrap();
    drop(machine);
    assert_eq!((first.value, second.value, third.value), (10, 2, 77));
}

/// A device that counts how often it was loaded.
#[derive(VmState, Default)]
#[vmstate(name = "hooked", post_load = Self::settle)]
struct Hooked {
    value: u16,
    #[vmstate(skip = "counts loads")]
    settled: u32,
}

impl Hooked {
    fn settle(&mut self) {
        self.settled += 1;
    }
}

#[test]
fn qemu_defaults_do_not_roll_back() {
    let good = stream(&[("first", 10), ("hooked", 5)]);
    // `second` ends too early: QEMU has loaded the others by then, and run their hooks.
    let cut = &stream(&[("first", 12), ("hooked", 6), ("second", 7)])[..];
    let cut = &cut[..cut.len() - 7];

    let load = |stream: &[u8], options: LoadOptions| {
        let (mut first, mut hooked, mut second) = (Dev { value: 1 }, Hooked::default(), Dev { value: 2 });
        let mut machine = Machine::new();
        machine.register("first", &mut first).unwrap();
        machine.register("hooked", &mut hooked).unwrap();
        machine.register("second", &mut second).unwrap();
        let loaded = machine.load_with(&mut Reader::from_slice(stream), options).map_err(|error| error.to_string());
        drop(machine);
        (loaded.map(|loaded| loaded.missing.len()), first.value, (hooked.value, hooked.settled), second.value)
    };
    assert_eq!(load(&good, LoadOptions::qemu_defaults()), (Ok(1), 10, (5, 1), 2), "a section may be missing");
    let (loaded, first, hooked, second) = load(cut, LoadOptions::qemu_defaults());
    assert!(loaded.unwrap_err().contains("second"));
    assert_eq!((first, hooked, second), (12, (6, 1), 2), "the sections before the error are loaded");
    let (loaded, first, (value, _), second) = load(cut, LoadOptions::new());
    assert!(loaded.is_err());
    assert_eq!((first, value, second), (1, 0, 2), "nothing is changed otherwise");

    let mut machine = Machine::new();
    machine.register("first", Dev::default()).unwrap();
    let unknown = machine.load_with(&mut Reader::from_slice(&good), LoadOptions::qemu_defaults()).unwrap_err();
    assert_eq!(unknown.expected(), "a registered section", "QEMU rejects these, too");
}

#[test]
fn live_section_cannot_be_passed_through() {
    let mut block = [VecBlock::new("ram", vec![1; 4096])];
    let (mut source, mut stream) = (Machine::new(), Vec::new());
    source.register_ram(PageSize::DEFAULT, &mut block[..]).unwrap();
    source.save(&mut stream).unwrap();
    let mut machine = Machine::new();
    let error = load(&mut machine, &stream, Rules::default().unknown(Unknown::PassThrough)).unwrap_err();
    assert_eq!(error.found(), "a live section");
    assert!(error.advice().unwrap().contains("`Machine::register_ram`"), "{error}");
    assert_eq!(load(&mut machine, &stream, Rules::default().unknown(Unknown::Skip)).unwrap().unknown.len(), 1);
}

#[test]
fn rollback_undoes_the_reset() {
    let (mut reset, stream) = (Dev { value: 3 }, stream(&[]));
    let mut machine = Machine::new();
    let registration = Registration::device_or_reset("reset", &mut reset, |device: &mut Dev| device.value = 77);
    machine.add(registration).unwrap();
    machine.register("other", Dev::default()).unwrap();
    machine.load(&stream[..]).unwrap_err();
    drop(machine);
    assert_eq!(reset.value, 3);
}

#[test]
fn unknown_section_follows_its_rule() {
    let stream = stream(&[("unknown", 0x7e00), ("dev", 6)]);
    let mut device = Dev::default();
    let mut machine = Machine::new();
    machine.register("dev", &mut device).unwrap();
    let error = machine.load(&stream[..]).unwrap_err();
    assert_eq!((error.expected(), error.found()), ("a registered section", "\"unknown\", instance 0"));
    assert!(error.qemu_message().unwrap().starts_with("Unknown savevm section or instance 'unknown' 0."));

    let loaded = load(&mut machine, &stream, Rules::default().unknown(Unknown::Skip)).unwrap();
    assert_eq!(loaded.unknown, [("unknown".to_owned(), 0)]);
    let mut without = Vec::new();
    machine.save_with(&mut without, SaveOptions::new().description(None)).unwrap();
    assert_eq!(without.len(), stream.len() - (1 + 4 + 1 + 7 + 8 + 2 + 5));

    load(&mut machine, &stream, Rules::default().unknown(Unknown::PassThrough)).unwrap();
    let mut with = Vec::new();
    machine.save(&mut with).unwrap();
    let text = String::from_utf8_lossy(&with);
    assert!(text.contains(r#"{"name": "unknown", "instance_id": 0, "size": 2, "fields": [{"name": "data""#), "{text}");
    let mut both = Machine::new();
    both.register("unknown", Dev::default()).unwrap();
    both.register("dev", Dev::default()).unwrap();
    both.load(&with[..]).unwrap();
    let mut again = Vec::new();
    both.save_with(&mut again, SaveOptions::new().description(None)).unwrap();
    assert_eq!(again, stream, "the passed-through section is unchanged");
}

#[test]
fn passed_through_section_keeps_its_description() {
    let (mut source, mut stream) = (Machine::new(), Vec::new());
    source.register("dev", Dev { value: 1 }).unwrap();
    source.register("unknown", Longer { value: 5, extra: 6 }).unwrap();
    source.save(&mut stream).unwrap();
    let mut machine = Machine::new();
    machine.register("dev", Dev::default()).unwrap();
    load(&mut machine, &stream, Rules::default().unknown(Unknown::PassThrough)).unwrap();
    let mut again = Vec::new();
    machine.save(&mut again).unwrap();
    assert_eq!(again, stream);
}

#[test]
fn repeated_section_follows_its_rule() {
    let (one, two) = (stream(&[("dev", 1)]), stream(&[("dev", 2)]));
    let twice = [&one[..one.len() - 1], &two[8..]].concat();
    let mut device = Dev::default();
    let mut machine = Machine::new();
    machine.register("dev", &mut device).unwrap();
    let error = machine.load(&twice[..]).unwrap_err();
    assert_eq!((error.expected(), error.found()), ("one section of this name and instance id", "a duplicate"));
    load(&mut machine, &twice, Rules::QEMU).unwrap();
    load(&mut machine, &twice, Rules::default().repeated(Repeated::Replace)).unwrap();
    drop(machine);
    assert_eq!(device.value, 2);
}

#[test]
fn unread_bytes_follow_their_rule() {
    let (mut source, mut stream) = (Machine::new(), Vec::new());
    source.register("dev", Longer { value: 5, extra: 6 }).unwrap();
    source.save_with(&mut stream, SaveOptions::new().description(None)).unwrap();
    let mut device = Dev::default();
    let mut machine = Machine::new();
    machine.register("dev", &mut device).unwrap();
    let error = machine.load(&stream[..]).unwrap_err();
    assert_eq!(error.qemu_message(), Some("Missing section footer for dev"));
    load(&mut machine, &stream, Rules::default().unread(Unread::Skip)).unwrap();
    drop(machine);
    assert_eq!(device.value, 5);
}

#[test]
fn unread_bytes_of_each_section_follow_their_rule() {
    let (mut source, mut stream) = (Machine::new(), Vec::new());
    source.register("first", Longer { value: 5, extra: 6 }).unwrap();
    source.register("second", Longer { value: 7, extra: 8 }).unwrap();
    source.save_with(&mut stream, SaveOptions::new().description(None)).unwrap();
    let mut devices = [Dev::default(), Dev::default()];
    let [first, second] = &mut devices;
    let mut machine = Machine::new();
    machine.register("first", first).unwrap();
    machine.register("second", second).unwrap();
    load(&mut machine, &stream, Rules::default().unread(Unread::Skip)).unwrap();
    drop(machine);
    assert_eq!(devices, [Dev { value: 5 }, Dev { value: 7 }]);
}

#[test]
fn passed_through_sections_get_distinct_ids() {
    let stream = stream(&[("one", 1), ("dev", 2), ("two", 3), ("three", 4)]);
    let mut machine = Machine::new();
    machine.register("dev", Dev::default()).unwrap();
    load(&mut machine, &stream, Rules::default().unknown(Unknown::PassThrough)).unwrap();
    let mut again = Vec::new();
    machine.save_with(&mut again, SaveOptions::new().description(None)).unwrap();
    let mut reader = Reader::from_slice(&again);
    let mut items = StreamReader::new(&mut reader).unwrap();
    let mut found = Vec::new();
    while let Some(StreamItem::Section(section)) = items.next_item().unwrap() {
        found.push((section.name.to_string(), section.section_id));
        items.payload().skip(2).unwrap();
    }
    let id = found[0].1;
    let expected = ["dev", "one", "two", "three"].map(str::to_owned).into_iter().zip(id..);
    assert_eq!(found, expected.collect::<Vec<_>>());
}

#[test]
fn stream_has_a_limited_number_of_sections() {
    let one = stream(&[("dev", 1)]);
    let (section, mut device) = (&one[8..one.len() - 1], Dev::default());
    let mut machine = Machine::new();
    machine.register("dev", &mut device).unwrap();
    let mut load = |sections: usize| {
        let stream = [&one[..8], &section.repeat(sections), &[0]].concat();
        load(&mut machine, &stream, Rules::default().repeated(Repeated::Replace)).map(|loaded| loaded.sections)
    };
    assert_eq!(load(16_384).unwrap(), 16_384);
    assert_eq!(load(16_385).unwrap_err().expected(), "at most 16384 named sections");
}

#[test]
fn sections_without_footers_load() {
    let (mut source, mut stream) = (Machine::with_type("old"), Vec::new());
    source.register("dev", Dev { value: 1 }).unwrap();
    source.register("dev", Dev { value: 2 }).unwrap();
    let options = SaveOptions::new().without_footers().without_configuration().description(None);
    source.save_with(&mut stream, options).unwrap();
    assert_eq!(stream.len(), 8 + 2 * (1 + 4 + 1 + 3 + 8 + 2) + 1);
    let error = source.load(&stream[..]).unwrap_err();
    assert_eq!(error.qemu_message(), Some("Configuration section missing"));
    source.load_with(&mut Reader::from_slice(&stream), LoadOptions::new().ignore_machine_type()).unwrap();
}

#[test]
fn other_machine_type_is_rejected() {
    let (mut source, mut stream) = (Machine::with_type("pc-1"), Vec::new());
    source.register("dev", Dev { value: 1 }).unwrap();
    source.save(&mut stream).unwrap();
    let mut other = Machine::with_type("pc-2");
    other.register("dev", Dev::default()).unwrap();
    let error = other.load(&stream[..]).unwrap_err();
    assert_eq!(error.qemu_message(), Some("Machine type received is 'pc-1' and local is 'pc-2'"));
    assert!(error.to_string().starts_with("the configuration: expected "), "{error}");
}

#[test]
fn commands_are_passed_to_the_caller() {
    let stream = |commands: &[Command]| {
        let mut machine = Machine::new();
        machine.register("dev", Dev { value: 1 }).unwrap();
        let mut out = Writer::new();
        let options = SaveOptions::new().description(None);
        let mut saving = machine.start_saving(Output::new(&mut out, None), options).unwrap();
        commands.iter().for_each(|command| saving.command(command).unwrap());
        saving.complete().unwrap();
        out.take()
    };
    let mut machine = Machine::new();
    machine.register("dev", Dev::default()).unwrap();
    machine.load(&stream(&[Command::SwitchoverStart])[..]).unwrap();
    let error = machine.load(&stream(&[Command::Ping(7)])[..]).unwrap_err();
    assert_eq!((error.expected(), error.found()), ("a stream without a return path", "command Ping(7)"));
    let mut received = Vec::new();
    let mut load = |stream: &[u8]| {
        let reader = &mut Reader::from_slice(stream);
        machine.load_with_commands(reader, LoadOptions::new(), |command| {
            received.push(command.clone());
            if *command == Command::PostcopyRun { Err(command.reject()) } else { Ok(()) }
        })
    };
    let commands = [Command::OpenReturnPath, Command::Ping(7), Command::PostcopyAdvise(None)];
    load(&stream(&commands)).unwrap();
    load(&stream(&[Command::PostcopyRun])).unwrap_err();
    assert_eq!(received[..3], commands);
}

#[test]
fn data_after_the_description_is_not_read() {
    let (mut machine, mut stream) = (Machine::new(), Vec::new());
    machine.register("dev", Dev { value: 1 }).unwrap();
    machine.save(&mut stream).unwrap();
    let length = stream.len();
    stream.extend_from_slice(b"something else");
    let mut reader = Reader::from_slice(&stream);
    let loaded = machine.load_with(&mut reader, LoadOptions::new()).unwrap();
    assert!(loaded.description.unwrap().starts_with("{\"page_size\": 4096"));
    assert_eq!((reader.buffered(), reader.offset()), (&b"something else"[..], length as u64));

    let mut reader = Reader::from_slice(&stream);
    let loaded = machine.load_with(&mut reader, LoadOptions::new().trailer(Trailer::Ignore)).unwrap();
    assert_eq!((loaded.description, reader.offset()), (None, loaded.bytes));
}
