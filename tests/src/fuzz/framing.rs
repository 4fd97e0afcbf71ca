//! The frame around sections.

use vmstate::stream::{Command, Configuration, SectionHeader, SectionKind, StreamItem, StreamReader, StreamWriter};
use vmstate::{LoadError, Reader, Writer};

use super::bites::Bites;
use super::{Target, seeds};

/// The target.
pub const TARGET: Target =
    Target { name: "framing", run, seeds: || [small(), seeds::streams()].concat(), fixed: 1 << 20, per_byte: 64 };

fn run(bytes: &[u8]) {
    let again = write_again(&mut Reader::from_slice(bytes), bytes);
    let other = write_again(&mut Reader::from_read(Bites::new(bytes, 1 + bytes.len() % 7)), bytes);
    assert_eq!(other.as_ref().map_err(ToString::to_string), again.as_ref().map_err(ToString::to_string));
    match again {
        Ok(again) => assert_eq!(bytes.get(..again.len()), Some(&again[..])),
        Err(error) => {
            assert!(error.offset().is_some_and(|offset| offset <= bytes.len() as u64), "{error}");
        }
    }
}

/// Decodes a stream and encodes it again. The layouts of payloads are unknown, so they end at a footer or after one byte.
fn write_again(reader: &mut Reader<'_>, bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
    let mut stream = StreamReader::new(reader)?;
    let mut out = Writer::new();
    StreamWriter::new(&mut out).header();
    if let Some(configuration) = stream.configuration() {
        StreamWriter::new(&mut out).configuration(configuration);
    }
    let mut packages = Vec::new();
    loop {
        let before = stream.offset();
        let Some(item) = stream.next_item()? else { break };
        within(&mut packages, &item, stream.offset());
        match item {
            StreamItem::Section(header) => {
                StreamWriter::new(&mut out).begin_section(&header);
                let start = usize::try_from(header.payload).expect("an offset in a slice");
                let payload = stream.payload().take(payload(&bytes[start..], header.section_id))?;
                out.bytes(payload);
                stream.end_section()?;
                assert!(packages.last().is_none_or(|end| stream.offset() <= *end), "a section beyond its package");
                if stream.has_footers() == Some(true) {
                    out.u8(0x7e);
                    out.u32(header.section_id);
                }
            }
            StreamItem::Command(command) => {
                StreamWriter::new(&mut out).command(&command).expect("a decoded command can be encoded");
            }
            StreamItem::PackageEnd if stream.offset() > before => StreamWriter::new(&mut out).eof(),
            _ => {}
        }
    }
    StreamWriter::new(&mut out).eof();
    if let Some(text) = stream.description()? {
        StreamWriter::new(&mut out).description(&text);
    }
    Ok(out.take())
}

/// Packages end at their length, within the outer package, and nest at most as deep as documented.
fn within(packages: &mut Vec<u64>, item: &StreamItem, offset: u64) {
    match item {
        StreamItem::Command(Command::Packaged { length }) => {
            let end = offset + u64::from(*length);
            assert!(packages.len() < 4 && packages.last().is_none_or(|outer| end <= *outer), "{packages:?} and {end}");
            packages.push(end);
        }
        StreamItem::PackageEnd => assert_eq!(packages.pop(), Some(offset)),
        _ => {}
    }
}

/// The bytes before the first footer of this section.
fn payload(rest: &[u8], section_id: u32) -> usize {
    let [a, b, c, d] = section_id.to_be_bytes();
    rest.windows(5).position(|window| window == [0x7e, a, b, c, d]).unwrap_or(1)
}

/// Streams that are as short as can be, with everything that can be in a frame.
fn small() -> Vec<Vec<u8>> {
    let write = |inside: &dyn Fn(&mut StreamWriter<'_>)| {
        let mut out = Writer::new();
        inside(&mut StreamWriter::new(&mut out));
        out.take()
    };
    let section = |stream: &mut StreamWriter<'_>, kind| {
        stream.begin_section(&SectionHeader::full(2, "s", 0, 1).of_kind(kind));
        stream.payload().u8(7);
        stream.end_section();
    };
    let package = |inside: &[u8]| {
        write(&|stream| {
            let length = u32::try_from(inside.len()).expect("a short stream");
            stream.command(&Command::Packaged { length }).expect("a short command");
            stream.payload().bytes(inside);
        })
    };
    let ended = write(&|stream| {
        section(stream, SectionKind::Full);
        stream.eof();
    });
    let deep = (0..5).fold(ended.clone(), |inside, _| package(&inside));
    let mut configuration = Configuration::new("m");
    (configuration.target_page_bits, configuration.uuid) = (Some(12), Some([7; 16]));
    configuration.capabilities = Some(vec!["x".to_owned()]);
    vec![
        write(&|stream| {
            stream.header();
            [SectionKind::Start, SectionKind::Part, SectionKind::End]
                .into_iter()
                .for_each(|kind| section(stream, kind));
            stream.eof();
            stream.description("{}");
        }),
        write(&|stream| {
            stream.header();
            stream.payload().bytes(&package(&[&package(&ended)[..], &ended].concat()));
            stream.eof();
        }),
        write(&|stream| {
            stream.header();
            stream.payload().bytes(&deep);
            stream.eof();
        }),
        write(&|stream| {
            stream.header();
            stream.configuration(&configuration);
            stream.eof();
        }),
        write(&|stream| {
            stream.header();
            stream.configuration(&configuration);
            // Each of its subsections again, of which there may be one.
            let (start, again) = (8 + 1 + 4 + 1, stream.payload().pending().to_vec());
            stream.payload().bytes(&again[start..]);
            stream.eof();
        }),
    ]
}
