//! Conversations between two peers, and their explanations.

use vmstate::migration::conversation::{
    ConversationReader, ConversationWriter, Entry, EntryEvent, Explainer, Explanation,
};
use vmstate::report::timeline;

use super::{Target, seeds};

/// The target. An entry without payload has 17 bytes, and each connection has decoders.
pub const TARGET: Target =
    Target { name: "conversation", run, seeds: seeds::conversations, fixed: 16 << 20, per_byte: 256 };

/// The bytes are a conversation, or the bytes of one source.
fn run(bytes: &[u8]) {
    match read(bytes) {
        Some(explanation) => check(&explanation),
        None => check(&source(bytes)),
    }
}

/// Reads a conversation, writes it again, and reads that.
fn read(bytes: &[u8]) -> Option<Explanation> {
    let mut reader = ConversationReader::new(bytes).ok()?;
    let mut writer = ConversationWriter::new(Vec::new()).expect("memory");
    let mut explainer = Explainer::new();
    while let Ok(Some(entry)) = reader.next_entry() {
        explainer.entry(&entry);
        writer.write(&entry).expect("memory");
    }
    let explanation = explainer.explain();
    let again = writer.into_inner();
    let again = Explainer::read(&mut ConversationReader::new(again.as_slice()).expect("it was just written"));
    assert_eq!(again.expect("it was just written").to_string(), explanation.to_string());
    Some(explanation)
}

/// Explains the bytes as a source's stream, and as the answer to it.
fn source(bytes: &[u8]) -> Explanation {
    use vmstate::migration::Side::{Destination, Source};
    let mut explainer = Explainer::new();
    let (stream, answer) = bytes.split_at(bytes.len() - bytes.len() / 4);
    for event in [EntryEvent::Connected, EntryEvent::Bytes(Source, stream), EntryEvent::Bytes(Destination, answer)] {
        explainer.entry(&Entry { at: std::time::Duration::ZERO, connection: 0, event });
    }
    explainer.explain()
}

/// The text and the page contain no control characters, and the page no element of the input.
fn check(explanation: &Explanation) {
    let text = explanation.to_string();
    assert!(text.chars().all(|char| char == '\n' || !char.is_control()), "{text:?}");
    let page = timeline::html("fuzz", explanation);
    assert!(page.chars().all(|char| char == '\n' || !char.is_control()));
    assert!(!page.contains("<script") && page.matches("<h1>").count() == 1);
}
