//! Command lines: places, changes and arguments.

use clap::Parser;
use vmstate::Writer;
use vmstate::dynamic::edit::parse_subsection;
use vmstate::dynamic::{DecodedBody, DecodedSection};
use vmstate_examples::virt::place::Place;

use super::Target;

// The arguments are parsed and not executed.
#[path = "../../../examples/src/bin/virt/arguments.rs"]
#[allow(dead_code)]
mod arguments;
#[path = "../../../vmstate/src/bin/vmstate/args/mod.rs"]
#[allow(dead_code, unused_imports)]
mod tool;

/// The target.
pub const TARGET: Target = Target { name: "cli", run, seeds, fixed: 16 << 20, per_byte: 4096 };

/// The bytes are lines: arguments of `vmstate` and of `virt`, and single places, changes and subsections.
fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for line in text.lines().take(16) {
        place(line);
        subsection(line);
    }
    let words: Vec<_> = text.lines().take(16).collect();
    if let Some(arguments) = parsed::<arguments::Arguments>("virt", &words) {
        understood(&arguments, &text);
    }
    if let Some(arguments) = parsed::<tool::Arguments>("vmstate", &words) {
        asked(&arguments, &words);
    }
}

/// Parses the arguments. On failure, checks that there is a help text or an error message.
fn parsed<T: Parser>(program: &str, words: &[&str]) -> Option<T> {
    match T::try_parse_from(std::iter::once(program).chain(words.iter().copied())) {
        Ok(arguments) => Some(arguments),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert!(matches!(error.exit_code(), 0 | 2), "{error}");
            None
        }
    }
}

/// Each text in a parsed command is a word of the arguments, or the end of one after `=` or an option's letter.
fn asked(arguments: &tool::Arguments, words: &[&str]) {
    use tool::Command;
    let lists = match &arguments.command {
        Command::Dump(dump) => vec![&dump.sections, &dump.fields],
        Command::Diff(diff) => vec![&diff.sections, &diff.fields],
        Command::Check(check) => vec![&check.devices],
        Command::Set(set) => vec![&set.values, &set.drop_subsection, &set.add_subsection, &set.rename_section],
        _ => Vec::new(),
    };
    assert_eq!(arguments.json, words.contains(&"--json"), "{words:?}");
    for text in lists.into_iter().flatten() {
        assert!(words.iter().any(|word| word.ends_with(text.as_str())), "{text:?} of {words:?}");
    }
}

/// Places have QEMU's prefixes, and formatting a parsed place returns the input.
fn place(line: &str) {
    let is_place = ["unix:", "tcp:", "exec:", "file:"].iter().any(|beginning| line.starts_with(beginning));
    match line.parse::<Place>() {
        Ok(place) => assert!(is_place && place.to_string() == line, "{line}"),
        Err(error) => assert!(!is_place && error.contains("unix:PATH"), "{line}: {error}"),
    }
}

/// The places in parsed arguments are in the text.
fn understood(arguments: &arguments::Arguments, text: &str) {
    use arguments::Command;
    let places = match &arguments.command {
        Command::Send { to, .. } => vec![to],
        Command::Receive { from, onward, .. } => std::iter::once(from).chain(onward).collect(),
        Command::Load { onward, .. } => onward.iter().collect(),
        _ => Vec::new(),
    };
    for place in places {
        assert!(text.contains(&place.to_string()), "{place} in {text:?}");
    }
}

/// A parsed subsection has the specified number of bytes.
fn subsection(line: &str) {
    let Ok(subsection) = parse_subsection(line) else { return };
    let size = subsection.size();
    let section =
        DecodedSection { name: "dev".into(), instance_id: 0, offset: 0, body: DecodedBody::Described(subsection) };
    let mut out = Writer::new();
    section.encode(&mut out);
    assert_eq!(out.offset(), size, "{line}");
    let described = section.describe().and_then(|device| device.wire_size());
    assert_eq!(described, Some(size), "{line}");
}

fn seeds() -> Vec<Vec<u8>> {
    [
        "receive\nunix:/tmp/board\n--after\n1\n--onward\nunix:/tmp/qemu\n--qemu\n10.0",
        "send\ntcp:localhost:4444\nhasher.img\n--ram\n32",
        "load\nfile\n--onward\nexec:cat > vm.state",
        "demo\n--hops\n3",
        "file:vm.state",
        "dump\nvm.state\n--section\ntimer\n--section=serial:1\n--field\nenv.regs[0]\n--json",
        "set\nvm.state\nserial:1.lcr=0x1b\n-o\nout\n--drop-subsection\nserial.serial/tsr\n--rename-section\na:1=b\n--allow-counts",
        "check\n--qemu=newer\nold.json\nnew.json\n--reverse",
        "check\n--explain\nmissing",
        "diff\n--color\nnever\n-\nb",
        "import\nvm.state\n-o\nsrc/devices.rs\n--with-main",
        "completions\nbash",
        "1{tsr_retry:uint32=0, data:buffer=\"a, b\", levels:uint16=[1, 2]}\n2{a:timer=disarmed, b:bool=true}",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}
