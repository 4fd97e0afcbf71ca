//! Rust source for devices that hostile dumps and streams describe.

use syn::Item;
use vmstate::Reader;
use vmstate::dynamic::DecodedSection;
use vmstate::import::Importer;
use vmstate::schema::vmdesc::{Document, Located, locate};

use super::{Target, halves, seeds};

/// The target.
pub const TARGET: Target = Target {
    name: "import",
    run,
    seeds: || [vec![keywords()], seeds::imports()].concat(),
    fixed: 8 << 20,
    per_byte: 32 << 10,
};

/// The bytes are a stream, a dump, or a description and a payload with a zero between them.
fn run(bytes: &[u8]) {
    let mut importer = Importer::new("vm.state */ \n\" {");
    let taken = if bytes.starts_with(b"QEVM") { stream(&mut importer, bytes) } else { text(&mut importer, bytes) };
    for source in [importer.source(), importer.program()].iter().filter(|_| taken) {
        let file = syn::parse_file(source).unwrap_or_else(|error| panic!("{error}\n{source}"));
        file.items.iter().for_each(|item| assert!(is_ours(item), "{item:?}"));
    }
}

/// Returns whether an item was generated for a device, and not injected by a name.
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
        match DecodedSection::decode(device, &mut reader, None) {
            Ok(section) => importer.section(&section),
            Err(_) => return false,
        };
    }
    true
}

/// A device whose fields are called as no field can be called.
fn keywords() -> Vec<u8> {
    let words = "abstract as async await become box break const continue crate do dyn else enum extern false final fn for gen if \
        impl in let loop macro match mod move mut override priv pub ref return self Self static struct super trait true try type \
        typeof union unsafe unsized use virtual where while yield _ 8 r#x";
    let field = |word: &str| format!(r#"{{"name":"{word}","type":"uint8","size":1}}"#);
    let fields: Vec<_> = words.split(' ').map(field).collect();
    let device = r#"{"name":"d","instance_id":0,"vmsd_name":"d","version":1,"fields":"#;
    let text = format!(r#"{{"page_size":1,"devices":[{device}[{}]}}]}}"#, fields.join(","));
    [text.as_bytes(), b"\0", &vec![7; fields.len()]].concat()
}
