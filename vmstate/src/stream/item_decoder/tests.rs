//! The states of a decoder between items.

use super::*;

/// Decodes the next item of `stream`, and removes it.
fn next(decoder: &mut ItemDecoder, stream: &mut &[u8]) -> Option<StreamItem> {
    match decoder.decode_item(stream, 0).unwrap() {
        Decoded::Item(item, length) => {
            *stream = &stream[length..];
            item
        }
        Decoded::Need(more) => panic!("{more} more bytes"),
    }
}

#[test]
fn end_of_a_section_shows_whether_footers_follow() {
    let section = b"\x04\0\0\0\x07\x01a\0\0\0\0\0\0\0\x01";
    for (footer, has_footers) in [(&b"\x7e\0\0\0\x07"[..], true), (b"", false)] {
        let stream = [section, footer, b"\x08\0\x01\0\0", &[0]].concat();
        let (mut decoder, mut stream) = (ItemDecoder::new(), &stream[..]);
        assert_eq!((decoder.is_open(), decoder.has_footers()), (false, None));
        assert!(matches!(next(&mut decoder, &mut stream), Some(StreamItem::Section(_))));
        assert_eq!((decoder.is_open(), decoder.has_footers()), (true, None));
        assert!(matches!(next(&mut decoder, &mut stream), Some(StreamItem::Command(_))));
        assert_eq!((decoder.is_open(), decoder.has_footers()), (false, Some(has_footers)));
        assert_eq!(next(&mut decoder, &mut stream), None);
        assert!(stream.is_empty());
        assert_eq!(next(&mut decoder, &mut stream), None, "nothing follows the end");
    }
}

#[test]
fn started_sections_are_listed_in_order() {
    let mut decoder = ItemDecoder::new().footers(true);
    for id in b'1'..=b'9' {
        let start = [&[1, 0, 0, 0, id - b'0', 1, id, 0, 0, 0, 0, 0, 0, 0, 1, 0x7e, 0, 0, 0, id - b'0'][..]].concat();
        assert!(matches!(next(&mut decoder, &mut &start[..15]), Some(StreamItem::Section(_))));
        assert_eq!(decoder.decode_section_end(&start[15..], 0).unwrap(), Decoded::Item((), 5));
    }
    let error = decoder.decode_item(b"\x02\0\0\0\x63", 0).unwrap_err();
    assert_eq!(error.expected(), "the id of a section that has started: 1, 2, 3, 4, 5, 6, 7, 8, 9");
}
