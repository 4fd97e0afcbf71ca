//! Rust source for devices that hostile dumps and streams describe.

use syn::Item;
use vmstate::Reader;
use vmstate::dynamic::Section;
use vmstate::import::Importer;
use vmstate::schema::vmdesc::{Document, Located, locate};

use super::{Target, halves, seeds};

/// The target.
pub const TARGET: Target = Target { name: "import", run, seeds: seeds::imports, fixed: 8 << 20, per_byte: 32 << 10 };

/// The bytes are a stream, a dump, or a description and a payload with a zero between them.
fn run(bytes: &[u8]) {
    let mut importer = Importer::new("vm.state */ \n\" {");
    let taken = if bytes.starts_with(b"QEVM") { stream(&mut importer, bytes) } else { text(&mut importer, bytes) };
    for source in [importer.source(), importer.program()].iter().filter(|_| taken) {
        let file = syn::parse_file(source).unwrap_or_else(|error| panic!("{error}\n{source}"));
        file.items.iter().for_each(|item| assert!(is_ours(item), "{item:?}"));
    }
}

/// Whether an item is one that is written for devices, and none that a name has smuggled in.
fn is_ours(item: &Item) -> bool {
    match item {
        Item::Use(_) | Item::Struct(_) | Item::Impl(_) => true,
        Item::Fn(function) => ["reload", "main", "boxed"].iter().any(|name| function.sig.ident == name),
        Item::Macro(_) => true,
        _ => false,
    }
}

fn stream(importer: &mut Importer, bytes: &[u8]) -> bool {
    let Located::At(start) = locate(bytes) else { return false };
    let Ok(document) = Document::parse(&bytes[start..], start as u64) else { return false };
    importer.stream(&mut Reader::from_slice(bytes), document).is_ok()
}

fn text(importer: &mut Importer, bytes: &[u8]) -> bool {
    let (text, payload) = halves(bytes);
    if importer.dump(text).is_ok() {
        return true;
    }
    let Ok(document) = Document::parse(text, 0) else { return false };
    let mut reader = Reader::from_slice(payload);
    for device in &document.devices {
        match Section::decode(device, &mut reader, None) {
            Ok(section) => importer.section(&section),
            Err(_) => return false,
        };
    }
    true
}
