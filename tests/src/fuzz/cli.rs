//! What people say on command lines: places, changes, and arguments.

use clap::Parser;
use vmstate::Writer;
use vmstate::dynamic::edit::parse_subsection;
use vmstate::dynamic::{Body, Section};
use vmstate_examples::virt::place::Place;

use super::Target;

#[path = "../../../examples/src/bin/virt/arguments.rs"]
#[allow(dead_code)] // nothing is run here
mod arguments;

/// The target.
pub const TARGET: Target = Target { name: "cli", run, seeds, fixed: 16 << 20, per_byte: 4096 };

/// The bytes are lines: arguments of `virt`, and what each of them may be by itself.
fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for line in text.lines().take(16) {
        place(line);
        subsection(line);
    }
    let arguments = text.lines().take(16);
    match arguments::Arguments::try_parse_from(std::iter::once("virt").chain(arguments)) {
        Ok(arguments) => understood(&arguments, &text),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A place that was understood is said in the same words.
fn place(line: &str) {
    match line.parse::<Place>() {
        Ok(place) => assert_eq!(place.to_string(), line),
        Err(error) => assert!(error.contains("unix:PATH"), "{error}"),
    }
}

/// Places among the arguments are those that were said.
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

/// A subsection that was understood takes as many bytes as it says.
fn subsection(line: &str) {
    let Ok(subsection) = parse_subsection(line) else { return };
    let size = subsection.size();
    let section = Section { name: "dev".into(), instance_id: 0, offset: 0, body: Body::Described(subsection) };
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
        "1{tsr_retry:uint32=0, data:buffer=\"a, b\", levels:uint16=[1, 2]}\n2{a:timer=disarmed, b:bool=true}",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}
