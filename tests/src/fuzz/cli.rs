//! Command lines: addresses, changes and arguments.

use clap::Parser;
use vmstate::Writer;
use vmstate::dynamic::edit::parse_subsection;
use vmstate::dynamic::{DecodedBody, DecodedSection};
use vmstate::migration::Uri;

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

/// The bytes are lines: arguments of `vmstate` and of `virt`, and single addresses, changes and subsections.
fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for line in text.lines().take(16) {
        address(line);
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

/// Formatting a parsed address returns an equal address.
fn address(line: &str) {
    match line.parse::<Uri>() {
        Ok(uri) => same(&uri),
        Err(error) => assert!(!error.to_string().is_empty(), "{line}"),
    }
}

fn same(uri: &Uri) {
    assert_eq!(uri.to_string().parse::<Uri>().as_ref(), Ok(uri));
}

/// The address and the socket in parsed arguments are in the text.
fn understood(arguments: &arguments::Arguments, text: &str) {
    let arguments::Command::Run(run) = &arguments.command else { return };
    if let Some(uri) = &run.incoming {
        same(uri);
        assert!(text.contains(uri.scheme()), "{uri} in {text:?}");
    }
    if let Some(path) = &run.qmp {
        assert!(text.contains(&path.display().to_string()), "{path:?} in {text:?}");
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
        "run\n--qmp\nunix:/tmp/board\n--incoming\ndefer\n--qemu\n10.0\n--paused",
        "run\n--incoming\ntcp:localhost:4444\n--image\nhasher.img\n--memory\n32M",
        "run\n--incoming=exec:cat vm.state\n--memory=4096K",
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
