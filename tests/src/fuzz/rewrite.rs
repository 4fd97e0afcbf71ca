//! Whole streams that are read by their descriptions, changed, stripped, compared and reported.

use vmstate::dynamic::diff::{Snapshot, compare};
use vmstate::dynamic::edit::{Edits, edit, parse_subsection};
use vmstate::dynamic::{Rewriter, StreamDecoder, Stripper, rewrite};
use vmstate::ram::{BlockHeader, Mapped, Record, write_record};
use vmstate::report::{HtmlReport, ReportInput};
use vmstate::schema::vmdesc::{Document, Located, locate};
use vmstate::stream::{Command, Configuration, SectionHeader, SectionKind, StreamWriter};
use vmstate::{LoadError, Reader, Writer};

use super::bites::Bites;
use super::{Target, seeds};

/// The target.
pub const TARGET: Target = Target {
    name: "rewrite",
    run,
    seeds: || [small(), seeds::edited_streams()].concat(),
    fixed: 8 << 20,
    per_byte: 16 << 10,
};

/// The bytes are lines of edits, and a stream.
fn run(bytes: &[u8]) {
    let start = bytes.windows(4).position(|window| window == b"QEVM").unwrap_or(0);
    let (lines, stream) = bytes.split_at(start);
    let again = rewrite(stream, |_, _| Ok(()));
    let piped = rewrite_from_pipe(stream);
    assert_eq!(piped.map_err(|error| error.to_string()), again.as_ref().map(Vec::clone).map_err(ToString::to_string));
    match again {
        Ok(again) => {
            compare_with(stream, &again);
            strip(&again);
            look_at(&again);
            change(&again, &String::from_utf8_lossy(lines));
        }
        Err(error) => {
            assert!(error.offset().is_none_or(|offset| offset <= stream.len() as u64), "{error}");
            assert!(walk(stream).is_err() || error.offset().is_some(), "{error}");
        }
    }
}

/// The rewritten stream equals the input. A description that is not formatted like QEMU's has the same meaning.
fn compare_with(stream: &[u8], again: &[u8]) {
    if stream.starts_with(again) {
        return;
    }
    let Located::At(start) = locate(again) else { panic!("another stream, without a description") };
    let length = start - size_of::<u32>();
    assert_eq!(stream.get(..length), Some(&again[..length]));
    let (length, text) = stream[length..].split_first_chunk().expect("a length");
    let text = &text[..usize::try_from(u32::from_be_bytes(*length)).expect("a length in memory")];
    let described = Document::parse(text, 0).expect("a description");
    assert_eq!(described, Document::parse(&again[start..], 0).expect("a description"));
    assert_ne!(described.to_text().as_bytes(), text);
}

fn document(stream: &[u8]) -> Result<Option<Document>, LoadError> {
    match locate(stream) {
        Located::At(start) => Document::parse(&stream[start..], start as u64).map(Some),
        Located::Absent | Located::More => Ok(None),
    }
}

/// Rewrites a stream from a pipe, whose description is passed in advance.
fn rewrite_from_pipe(stream: &[u8]) -> Result<Vec<u8>, LoadError> {
    let mut reader = Reader::from_read(Bites::new(stream, 1 + stream.len() % 7));
    let mut out = Writer::new();
    let mut rewriter = Rewriter::new(&mut reader, document(stream)?, &mut out)?;
    while rewriter.step(&mut out)? {}
    Ok(out.take())
}

fn walk(stream: &[u8]) -> Result<Snapshot, LoadError> {
    Snapshot::read(&mut StreamDecoder::new(&mut Reader::from_slice(stream), document(stream)?)?)
}

/// A stream that was stripped is a stream, and has nothing more to strip.
fn strip(stream: &[u8]) {
    let Ok((once, pages)) = stripped(stream) else { return };
    let (twice, left) = stripped(&once).unwrap_or_else(|error| panic!("after {pages} pages were stripped: {error}"));
    assert!(twice == once, "{pages} pages were stripped, and then {left}");
    // Pages at fixed offsets are always written.
    let is_mapped = stream.windows(10).any(|window| window == b"mapped-ram");
    assert!(left == 0 || is_mapped, "{pages} pages were stripped, and then {left}");
}

fn stripped(stream: &[u8]) -> Result<(Vec<u8>, u64), LoadError> {
    let mut reader = Reader::from_slice(stream);
    let mut stripper = Stripper::new(StreamDecoder::new(&mut reader, document(stream)?)?, Reader::from_slice(stream));
    let mut out = Writer::new();
    while stripper.step(&mut out)? {}
    Ok((out.take(), stripper.pages()))
}

/// A stream does not differ from itself, and there is a page about it from which nothing escapes.
fn look_at(stream: &[u8]) {
    let Ok(snapshot) = walk(stream) else { return };
    assert_eq!(compare(&snapshot, &snapshot).count(), 0);
    let side = ReportInput { name: "</script><!--", length: stream.len() as u64, snapshot: &snapshot };
    for report in [HtmlReport::new(side), HtmlReport::new(side).beside(side)] {
        let html = report.html().expect("numbers and texts can be written as JSON");
        assert_eq!(html.matches("</script").count(), 2, "{html}");
        assert_eq!(html.matches("<!--").count(), 0, "{html}");
    }
}

/// An edited stream is a stream.
fn change(stream: &[u8], lines: &str) {
    if lines.is_empty() {
        return;
    }
    let Ok((changed, changes)) = edit(stream, edits(lines)) else { return };
    for change in &changes {
        let _ = change.to_string();
    }
    let again = rewrite(&changed, |_, _| Ok(()));
    let again = again.unwrap_or_else(|error| panic!("after {changes:?}: {error}"));
    assert!(again == changed, "after {changes:?}");
}

fn edits(lines: &str) -> Edits {
    lines.lines().take(4).fold(Edits::new(), |edits, line| match line.split_at_checked(1) {
        Some(("-", path)) => edits.drop_subsection(path),
        Some(("+", rest)) => match rest.split_once('=').map(|(path, text)| (path, parse_subsection(text))) {
            Some((path, Ok(subsection))) => edits.add_subsection(path, subsection),
            _ => edits,
        },
        Some(("@", machine)) => edits.machine(machine),
        Some(("!", _)) => edits.force(),
        Some((">", rest)) => match rest.split_once('=') {
            Some((old, new)) => edits.rename_section(old, new),
            None => edits,
        },
        _ => match line.split_once('=') {
            Some((path, value)) => edits.set(path, value),
            None => edits,
        },
    })
}

/// Returns short streams with packages and memory, and edits that would move them.
fn small() -> Vec<Vec<u8>> {
    let edits = &b">s=longer\n"[..];
    [stream(packaged), stream(memory), stream(mapped)].into_iter().map(|stream| [edits, &stream].concat()).collect()
}

fn stream(inside: fn(&mut StreamWriter<'_>)) -> Vec<u8> {
    let mut out = Writer::new();
    let mut stream = StreamWriter::new(&mut out);
    stream.header();
    inside(&mut stream);
    stream.eof();
    stream.description(
        r#"{"page_size":256,"devices":[{"name":"s","instance_id":0,"vmsd_name":"s","version":1,"fields":[{"name":"a","type":"uint8","size":1}]}]}"#,
    );
    out.take()
}

fn section(stream: &mut StreamWriter<'_>) {
    stream.begin_section(&SectionHeader::full(3, "s", 0, 1));
    stream.payload().u8(7);
    stream.end_section();
}

fn packaged(stream: &mut StreamWriter<'_>) {
    let mut inside = Writer::new();
    section(&mut StreamWriter::new(&mut inside));
    StreamWriter::new(&mut inside).eof();
    let length = u32::try_from(inside.offset()).expect("a short package");
    stream.command(&Command::Packaged { length }).expect("a short command");
    stream.payload().bytes(inside.pending());
}

fn memory(stream: &mut StreamWriter<'_>) {
    section(stream);
    records(stream, BlockHeader::new("r", 512), |out| {
        write_record(out, &Record::Zero { offset: 0, same_block: false, fill: 1 }, "r");
        write_record(out, &Record::Zero { offset: 256, same_block: true, fill: 0 }, "r");
    });
}

fn mapped(stream: &mut StreamWriter<'_>) {
    let mut configuration = Configuration::new("m");
    configuration.capabilities = Some(vec!["mapped-ram".to_owned()]);
    stream.configuration(&configuration);
    section(stream);
    let mut header = BlockHeader::new("r", 256);
    header.mapped = Some(Mapped::new(256, 512, 768));
    records(stream, header, |out| {
        out.zeros(usize::try_from(768 - out.offset()).expect("a short stream"));
        out.bytes(&[5; 256]);
    });
}

fn records(stream: &mut StreamWriter<'_>, header: BlockHeader, pages: impl FnOnce(&mut Writer)) {
    stream.begin_section(&SectionHeader::full(2, "ram", 0, vmstate::ram::VERSION).of_kind(SectionKind::Start));
    write_record(stream.payload(), &Record::BlockList(header.size), "");
    write_record(stream.payload(), &Record::Block(header), "");
    pages(stream.payload());
    write_record(stream.payload(), &Record::EndOfSection, "");
    stream.end_section();
}
