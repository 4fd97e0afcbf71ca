//! The frame around sections.

use vmstate::stream::{Item, StreamReader, StreamWriter};
use vmstate::{LoadError, Reader, Writer};

use super::bites::Bites;
use super::{Target, seeds};

/// The target.
pub const TARGET: Target = Target { name: "framing", run, seeds: seeds::streams, fixed: 1 << 20, per_byte: 64 };

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

/// Takes a stream apart and puts it together again. Of payloads nothing is known, so they end where a footer stands, or
/// else after one byte.
fn write_again(reader: &mut Reader<'_>, bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
    let mut stream = StreamReader::new(reader)?;
    let mut out = Writer::new();
    StreamWriter::new(&mut out).header();
    if let Some(configuration) = stream.configuration() {
        StreamWriter::new(&mut out).configuration(configuration);
    }
    loop {
        let before = stream.offset();
        let Some(item) = stream.next_item()? else { break };
        match item {
            Item::Section(header) => {
                StreamWriter::new(&mut out).begin_section(&header);
                let start = usize::try_from(header.payload).expect("an offset in a slice");
                let payload = stream.payload().claim(payload(&bytes[start..], header.section_id))?;
                out.bytes(payload);
                stream.end_section()?;
                if stream.has_footers() == Some(true) {
                    out.u8(0x7e);
                    out.u32(header.section_id);
                }
            }
            Item::Command(command) => {
                StreamWriter::new(&mut out).command(&command).expect("what was read can be written");
            }
            Item::PackageEnd if stream.offset() > before => StreamWriter::new(&mut out).eof(),
            _ => {}
        }
    }
    StreamWriter::new(&mut out).eof();
    if let Some(text) = stream.description()? {
        StreamWriter::new(&mut out).description(&text);
    }
    Ok(out.take())
}

/// The bytes before the first footer of this section.
fn payload(rest: &[u8], section_id: u32) -> usize {
    let [a, b, c, d] = section_id.to_be_bytes();
    rest.windows(5).position(|window| window == [0x7e, a, b, c, d]).unwrap_or(1)
}
