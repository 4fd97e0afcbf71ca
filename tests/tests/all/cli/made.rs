//! Streams made for tests, with RAM that has contents.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};

use vmstate::Writer;
use vmstate::ram::{BlockHeader, Record, write_record};
use vmstate::stream::{SectionHeader, SectionKind, StreamWriter};

/// The description of a stream that has nothing to describe.
pub(super) const DESCRIPTION: &str = r#"{"page_size": 4096, "devices": []}"#;

const PAGE: u64 = 4096;

/// The value of all bytes of a page.
#[derive(Clone, Copy)]
pub(super) enum Page {
    Zero,
    Data(u8),
}

fn ram(kind: SectionKind) -> SectionHeader {
    SectionHeader::full(2, "ram", 0, vmstate::ram::VERSION).of_kind(kind)
}

fn begin(out: &mut Writer, size: u64) {
    let mut stream = StreamWriter::new(out);
    stream.header();
    stream.begin_section(&ram(SectionKind::Start));
    write_record(stream.payload(), &Record::BlockList(size), "");
    write_record(stream.payload(), &Record::Block(BlockHeader::new("pc.ram", size)), "");
    write_record(stream.payload(), &Record::EndOfSection, "");
    stream.end_section();
}

/// A stream of one block with these pages and nothing else.
pub(super) fn stream(pages: &[Page], description: &str) -> Vec<u8> {
    let mut out = Writer::new();
    begin(&mut out, PAGE * pages.len() as u64);
    let mut stream = StreamWriter::new(&mut out);
    stream.begin_section(&ram(SectionKind::End));
    for (page, offset) in pages.iter().zip((0..).step_by(4096)) {
        let same_block = offset > 0;
        match *page {
            Page::Zero => write_record(stream.payload(), &Record::Zero { offset, same_block, fill: 0 }, "pc.ram"),
            Page::Data(byte) => {
                write_record(stream.payload(), &Record::Page { offset, same_block }, "pc.ram");
                stream.payload().bytes(&[byte; 4096]);
            }
        }
    }
    write_record(stream.payload(), &Record::EndOfSection, "");
    stream.eof();
    stream.description(description);
    out.take()
}

/// Returns a stream without footers and description.
pub(super) fn without_footers() -> Vec<u8> {
    let mut out = Writer::new();
    let mut stream = StreamWriter::new(&mut out).footers(false);
    stream.header();
    stream.begin_section(&SectionHeader::full(0, "timer", 0, 2));
    stream.payload().zeros(24);
    stream.begin_section(&SectionHeader::full(1, "timer", 1, 2));
    stream.payload().zeros(24);
    stream.eof();
    out.take()
}

/// Writes a stream with `size` bytes of RAM, all in pages with data, to a file that is mostly holes.
pub(super) fn huge(path: &str, size: u64) {
    let page_size = 1 << 20;
    let mut file = File::create(path).unwrap();
    let mut out = Writer::new();
    begin(&mut out, size);
    StreamWriter::new(&mut out).begin_section(&ram(SectionKind::End));
    for index in 0..size / page_size {
        let record = Record::Page { offset: index * page_size, same_block: index > 0 };
        write_record(&mut out, &record, "pc.ram");
        out.flush_to(&mut file).unwrap();
        file.seek(SeekFrom::Current(i64::try_from(page_size).unwrap())).unwrap();
    }
    write_record(&mut out, &Record::EndOfSection, "");
    out.u8(0x7e);
    out.u32(2);
    let mut stream = StreamWriter::new(&mut out);
    stream.eof();
    stream.description(&DESCRIPTION.replace("4096", &page_size.to_string()));
    out.flush_to(&mut file).unwrap();
    file.flush().unwrap();
}
