//! `vmstate relay`, of which one side has data channels, with connections that imitate QEMU.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use vmstate::Writer;
use vmstate::ram::{BlockHeader, Record, write_record};
use vmstate::stream::{SectionHeader, SectionKind, StreamWriter};
use vmstate_tests::tool::Started;

use super::relay::{ANSWER, Ends, QUESTION, SHUT, STREAM, expect};
use super::*;

/// The pages of one side are in the main connection.
#[test]
fn one_side_has_data_channels() {
    for (stream, near_channels, far_channels) in
        [("qemu-10.0-pc", "0", "3"), ("qemu-7.2-pc", "0", "2"), ("qemu-10.0-pc", "2", "0"), ("qemu-7.2-pc", "3", "0")]
    {
        let folder = Folder::new();
        let (near, far, out) = (folder.path("near"), folder.path("far"), folder.path("out"));
        let input = folder.put("in", &streams::named(stream).bytes);
        let (from, to) = (format!("unix:{near}"), format!("unix:{far}"));
        let channels = |count| if count == "0" { vec![] } else { vec!["--multifd", count] };
        let receive = Started::new(&[&["receive", &to, "-o", &out, "--json"], &channels(far_channels)[..]].concat());
        receive.await_file(&far);
        let sides = ["--listen-multifd", near_channels, "--connect-multifd", far_channels];
        let relay = Started::new(&[&["relay", &from, &to, "--json"], &sides[..]].concat());
        relay.await_file(&near);
        let sent = json_of(&vmstate([&["send", &input, &from, "--json"], &channels(near_channels)[..]].concat()));
        let (received, relayed) = (json_of(&receive.finish()), json_of(&relay.finish()));
        assert_eq!((&sent["status"], &received["source"]), (&json!("completed"), &json!("confirmed")), "{stream}");
        assert_eq!(relayed["memory"], received["memory"], "{stream}");
        assert_eq!(vmstate(["diff", &input, &out]).code, 0, "{stream}");
    }
}

/// The first message of a data channel.
fn hello(id: u8) -> Vec<u8> {
    let mut hello = [&[0x11, 0x22, 0x33, 0x44, 0, 0, 0, 1][..], &[0; 56]].concat();
    hello[24] = id;
    hello
}

const SYNC: u32 = 1;

/// A packet with the page 0 of `ram`, whose bytes have a value, or with a synchronization point.
fn packet(page: Option<u8>) -> Vec<u8> {
    let mut head = vec![0; 320 + 128 * 8];
    head[..8].copy_from_slice(&[0x11, 0x22, 0x33, 0x44, 0, 0, 0, 1]);
    head[8..12].copy_from_slice(&if page.is_some() { 0 } else { SYNC }.to_be_bytes());
    if let Some(value) = page {
        head[16..20].copy_from_slice(&1_u32.to_be_bytes());
        head[20..24].copy_from_slice(&4096_u32.to_be_bytes());
        head[64..67].copy_from_slice(b"ram");
        head.extend([value; 4096]);
    }
    head
}

/// A section of memory with these records.
fn records(kind: SectionKind, records: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut header = SectionHeader::full(2, "ram", 0, 4);
    header.kind = kind;
    let mut out = Writer::new();
    let mut stream = StreamWriter::new(&mut out);
    stream.begin_section(&header);
    if kind == SectionKind::Start {
        write_record(stream.payload(), &Record::BlockList(65536), "");
        write_record(stream.payload(), &Record::Block(BlockHeader::new("ram", 65536)), "");
    }
    records(stream.payload());
    write_record(stream.payload(), &Record::EndOfSection, "");
    stream.end_section();
    out.take()
}

fn flush(out: &mut Writer) {
    write_record(out, &Record::MultifdFlush, "");
}

/// The second pass is in the destination's stream after the first one, also if a channel is late.
#[test]
fn late_data_channel_keeps_the_order_of_pages() {
    use SectionKind::{End, Part, Start};
    let mut ends = Ends::new(&["--listen-multifd", "2", "--connect-multifd", "0"]);
    let main = [STREAM.0, &records(Start, flush), &records(Part, flush), &records(End, flush), STREAM.1].concat();
    let mut destination = ends.opened(&main);
    let mut channels = [0, 1].map(|id| {
        let mut channel = TcpStream::connect(ends.near).unwrap();
        channel.write_all(&[hello(id), packet(None)].concat()).unwrap();
        channel
    });
    // The first channel has the page of the first pass, and the second one the same page of the second pass.
    channels[1].write_all(&[packet(None), packet(Some(2)), packet(None)].concat()).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    channels[0].write_all(&[packet(Some(1)), packet(None), packet(None)].concat()).unwrap();

    let (mut sent, mut byte) = (Vec::new(), [0]);
    while !sent.ends_with(QUESTION) {
        destination.read_exact(&mut byte).unwrap();
        sent.extend(byte);
    }
    let place = |value: u8| sent.windows(4096).position(|bytes| bytes == [value; 4096]).expect("the page");
    assert!(place(1) < place(2), "the older page follows the newer one");
    let expected = [STREAM.0, &records(Start, |_| {})].concat();
    assert_eq!(sent[..expected.len()], expected, "synchronization records are for data channels");
    destination.write_all(ANSWER).unwrap();
    expect(&mut destination, STREAM.1);
    destination.write_all(SHUT).unwrap();
    expect(&mut ends.source, SHUT);
    drop((ends.source, channels));
    assert_eq!(ends.tool.finish().code, 0);
}

/// A page of the second pass follows a synchronization point of all channels.
#[test]
fn repeated_page_follows_a_synchronization_point() {
    use SectionKind::{End, Part, Start};
    let page = |value: u8| {
        records(Part, |out| {
            write_record(out, &Record::Page { offset: 0, same_block: false }, "ram");
            out.bytes(&[value; 4096]);
        })
    };
    let uuid = ["--connect-uuid", "00000000-0000-0000-0000-000000000000"];
    let mut ends = Ends::new(&[&["--listen-multifd", "0", "--connect-multifd", "2"], &uuid[..]].concat());
    let pages = [page(1), page(2)].concat();
    let main = [STREAM.0, &records(Start, |_| {}), &pages, &records(End, |_| {}), STREAM.1].concat();
    let mut destination = ends.opened(&main);
    let mut channels = [0, 1].map(|_| ends.accepted());
    let start = [STREAM.0, &records(Start, flush), &records(Part, |_| {})].concat();
    expect(&mut destination, &[&start, &records(Part, flush), &records(End, flush), QUESTION].concat());
    for (id, (channel, pages)) in channels.iter_mut().zip([[Some(1), None], [None, Some(2)]]).enumerate() {
        expect(channel, &hello(u8::try_from(id).unwrap()));
        let packets = [Some(None), pages[0].map(Some), Some(None), pages[1].map(Some), Some(None)];
        for expected in packets.into_iter().flatten() {
            let mut found = packet(expected);
            let expected = found.clone();
            channel.read_exact(&mut found).unwrap();
            // The number of allocated slots, and the number of the packet.
            for ignored in [12..16, 24..32] {
                found[ignored.clone()].copy_from_slice(&expected[ignored]);
            }
            assert!(found == expected, "channel {id}");
        }
    }
    destination.write_all(ANSWER).unwrap();
    expect(&mut destination, STREAM.1);
    destination.write_all(SHUT).unwrap();
    expect(&mut ends.source, SHUT);
    drop((ends.source, channels));
    assert_eq!(ends.tool.finish().code, 0);
}

#[test]
fn channels_of_the_wrong_side_leave_the_guest() {
    let start = [STREAM.0, &records(SectionKind::Start, flush)].concat();
    for (options, channels, message) in [
        (["--listen-multifd", "0", "--connect-multifd", "2"], 1, "expected 0 data channels of the source, found more"),
        (["--listen-multifd", "0", "--connect-multifd", "2"], 0, "switch `multifd` off at the source"),
        (["--listen-multifd", "2", "--connect-multifd", "0"], 1, "expected 2 data channels of the source, found 1"),
        (["--listen-multifd", "1", "--connect-multifd", "0"], 2, "found more"),
    ] {
        let mut ends = Ends::new(&[&options[..], &["--timeout", "10"]].concat());
        let open = |id| {
            let mut channel = TcpStream::connect(ends.near).unwrap();
            channel.write_all(&hello(id)).unwrap();
            channel
        };
        let opened: Vec<_> = (0..channels).map(open).collect();
        if channels == 0 || options[1] == "2" {
            ends.source.write_all(&start).unwrap();
        }
        let error = ends.tool.finish().error();
        assert!(error.contains(message), "{options:?}: {error}");
        drop(opened);
    }
}

#[test]
fn malformed_data_channels_leave_the_guest() {
    let start = [STREAM.0, &records(SectionKind::Start, flush)].concat();
    let mut unaligned = packet(Some(1));
    unaligned[327] = 8;
    for (packets, message) in [
        (packet(Some(1)), "expected a synchronization point before the first page"),
        ([packet(None), unaligned].concat(), "the offset of a page in the 0x10000 bytes of `ram`, found 0x8"),
        ([packet(None), b"HTTP".repeat(400)].concat(), "a data channel of the source: "),
    ] {
        let mut ends = Ends::new(&["--listen-multifd", "1", "--connect-multifd", "0"]);
        let _destination = ends.opened(&start);
        let mut channel = TcpStream::connect(ends.near).unwrap();
        channel.write_all(&[hello(0), packets].concat()).unwrap();
        let error = ends.tool.finish().error();
        assert!(error.contains(message) && error.contains("the guest stays at the source"), "{error}");
    }
}

#[test]
fn options_of_absent_channels_are_declined() {
    for (options, message) in [
        (&["--connect-multifd", "0"][..], "expected data channels at one side"),
        (&["--listen-multifd", "0", "--connect-multifd", "0"], "expected data channels at one side"),
        (
            &["--listen-multifd", "2", "--connect-multifd", "0", "--connect-compression", "zlib"],
            "`--connect-compression` needs data channels of the destination",
        ),
    ] {
        let error = vmstate([&["relay", "unix:x", "unix:y"], options].concat()).error();
        assert!(error.contains(message), "{error}");
    }
}
