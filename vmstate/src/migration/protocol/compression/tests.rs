use proptest::prelude::*;

use super::*;
use crate::migration::protocol::multifd::PACKET;

const PAGE: usize = 4096;

fn parameters(compression: Compression, level: u8) -> Parameters {
    Parameters {
        multifd_compression: compression,
        multifd_zlib_level: level,
        multifd_zstd_level: level,
        ..Parameters::default()
    }
}

fn compress(compressor: &mut Compressor, pages: &[Vec<u8>]) -> Vec<u8> {
    compressor.clear();
    pages.iter().for_each(|page| compressor.add(page).unwrap());
    compressor.finish().unwrap().to_vec()
}

fn decompress(decompressor: &mut Decompressor, packet: &[u8], pages: usize) -> io::Result<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    decompressor.pages(packet, &mut [0; PAGE], 0..pages as u64, |_, page| {
        found.push(page.to_vec());
        Ok(())
    })?;
    Ok(found)
}

/// Returns a page of bytes with few or many different values.
fn page() -> impl Strategy<Value = Vec<u8>> {
    let noise = prop::collection::vec(any::<u8>(), PAGE);
    let words = any::<[u8; 4]>().prop_map(|word| word.repeat(PAGE / 4));
    prop_oneof![noise, words, Just(vec![0; PAGE])]
}

fn both(name: u8, level: u8) -> (Compressor, Decompressor) {
    let compression = [Compression::Zlib, Compression::Zstd][usize::from(name)];
    let compressor = Compressor::new(&parameters(compression, level)).unwrap().unwrap();
    (compressor, Decompressor::new(compression).unwrap().unwrap())
}

fn error(result: io::Result<Vec<Vec<u8>>>) -> String {
    result.unwrap_err().to_string()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn packets_of_a_stream_are_decompressed(
        name in 0..2_u8,
        level in 0..=20_u8,
        packets in prop::collection::vec(prop::collection::vec(page(), 1..9), 1..5),
    ) {
        let (mut compressor, mut decompressor) = both(name, level);
        let capacity = compressor.output.capacity();
        for pages in packets {
            let packet = compress(&mut compressor, &pages);
            prop_assert!(decompress(&mut decompressor, &packet, pages.len()).unwrap() == pages);
        }
        prop_assert_eq!(compressor.output.capacity(), capacity);
    }

    #[test]
    fn changed_packets_give_a_result(name in 0..2_u8, pages in prop::collection::vec(page(), 1..5), at in any::<prop::sample::Index>(), value in any::<u8>()) {
        let (mut compressor, mut decompressor) = both(name, 1);
        let mut packet = compress(&mut compressor, &pages);
        let at = at.index(packet.len());
        packet[at] = value;
        let _ = decompress(&mut decompressor, &packet, pages.len());
        let _ = decompress(&mut decompressor, &packet[..at], pages.len());
    }
}

#[test]
fn full_packets_of_noise_fit_the_buffer() {
    let mut state = 1_u64;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    };
    let pages: Vec<Vec<u8>> = (0..PACKET / PAGE).map(|_| (0..PAGE).map(|_| noise()).collect()).collect();
    for (name, level) in [(0, 0), (0, 1), (0, 9), (1, 1), (1, 20)] {
        let (mut compressor, mut decompressor) = both(name, level);
        let packet = compress(&mut compressor, &pages);
        assert!(packet.len() > PACKET && packet.len() < COMPRESSED, "{}", packet.len());
        assert!(decompress(&mut decompressor, &packet, pages.len()).unwrap() == pages);
    }
}

#[test]
fn other_numbers_of_pages_are_rejected() {
    for name in 0..2 {
        for pages in [vec![vec![0; PAGE]; 2], vec![vec![7; PAGE]; 2]] {
            let (mut compressor, mut decompressor) = both(name, 1);
            let packet = compress(&mut compressor, &pages);
            let found = error(decompress(&mut decompressor, &packet, 1));
            assert_eq!(found, "the compressed data of a packet exceeds its pages");
            let (mut compressor, mut decompressor) = both(name, 1);
            let packet = compress(&mut compressor, &pages);
            let found = error(decompress(&mut decompressor, &packet, 3));
            assert_eq!(found, "the compressed data of a packet ends within its pages");
        }
    }
}

#[test]
fn bytes_after_the_end_of_a_stream_are_rejected() {
    use std::io::Write;
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&[7; PAGE]).unwrap();
    let mut packet = encoder.finish().unwrap();
    let (_, mut decompressor) = both(0, 1);
    decompress(&mut decompressor, &packet, 1).unwrap();
    // Nothing follows in a stream that has ended.
    assert!(error(decompress(&mut decompressor, &packet, 1)).contains("ends within its pages"));
    packet.extend([0; 16]);
    let (_, mut decompressor) = both(0, 1);
    assert!(error(decompress(&mut decompressor, &packet, 1)).contains("exceeds its pages"));
}

#[test]
fn bombs_write_no_more_than_the_pages() {
    let bomb = vec![0; 64 << 20];
    for name in 0..2 {
        let packet = match name {
            0 => {
                use std::io::Write;
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
                encoder.write_all(&bomb).unwrap();
                encoder.finish().unwrap()
            }
            _ => ::zstd::bulk::compress(&bomb, 19).unwrap(),
        };
        assert!(packet.len() < COMPRESSED);
        let (_, mut decompressor) = both(name, 1);
        let mut written = 0;
        let found = decompressor.pages(&packet, &mut [0; PAGE], 0..4, |_, page| {
            written += page.len();
            Ok(())
        });
        assert_eq!(found.unwrap_err().to_string(), "the compressed data of a packet exceeds its pages");
        assert_eq!(written, 4 * PAGE);
    }
}

#[test]
fn window_of_128_mib_is_rejected() {
    // The header of a frame: magic, descriptor without content size, and a window of 2^27 bytes.
    let packet = [0x28, 0xb5, 0x2f, 0xfd, 0, 17 << 3, 0, 0, 0, 0, 0, 0];
    let (_, mut decompressor) = both(1, 1);
    let found = error(decompress(&mut decompressor, &packet, 1));
    assert!(found.starts_with("malformed zstd data: "), "{found}");
    assert!(found.contains("memory"), "{found}");
}
