//! Guests move over data channels.

use super::*;
use crate::migration::source::SourceConfig;
use crate::migration::status::RamStatistics;
use crate::migration::{Capability, Compression, ZeroPages};

/// Moves a guest over data channels. `configure` changes the configurations of both sides.
fn migrate_over_channels(
    uri: &Uri,
    [source_channels, destination_channels]: [u8; 2],
    configure: impl Fn(&mut SourceConfig, &mut Parameters),
) -> (Ended, Option<RamStatistics>) {
    let mut source_config = SourceConfig::new(0, 1);
    source_config.capabilities.set(Capability::Multifd, source_channels > 0);
    source_config.parameters.multifd_channels = source_channels.max(1);
    let mut config = DestinationConfig::default();
    config.capabilities.set(Capability::Multifd, destination_channels > 0);
    config.parameters.multifd_channels = destination_channels.max(1);
    config.parameters.answer_timeout = Duration::from_secs(60);
    configure(&mut source_config, &mut config.parameters);
    let incoming = Incoming::listen_with(uri, config).unwrap();
    let address = incoming.address().clone();
    let loading = thread::spawn(move || {
        let mut destination = Board::destination();
        let loaded = incoming.run(&mut destination);
        (destination, loaded)
    });
    let mut source = Board { writes: 3, ..Board::source() };
    let mut outgoing = Outgoing::start_with(&mut source, &address, source_config).unwrap();
    let events: Vec<_> = outgoing.events().collect();
    let statistics = outgoing.statistics();
    let status = statistics.status;
    drop(outgoing);
    (Ended { source: (source, events, status), destination: loading.join().unwrap() }, statistics.ram)
}

fn addresses(folder: &Folder) -> [Uri; 2] {
    [Uri::Unix(folder.path("socket")), "tcp:127.0.0.1:0".parse().unwrap()]
}

#[test]
fn guest_moves_over_several_channels() {
    let folder = tempfile();
    for uri in addresses(&folder) {
        for channels in [1, 2, 5] {
            for zero in [ZeroPages::Multifd, ZeroPages::Legacy, ZeroPages::None] {
                for at_section_ends in [false, true] {
                    let (ended, ram) = migrate_over_channels(&uri, [channels; 2], |config, _| {
                        config.parameters.zero_page_detection = zero;
                        config.multifd_section_flush = at_section_ends;
                    });
                    check_moved(&ended);
                    assert!(ended.destination.0.ram.to_vec().starts_with(b"written last"));
                    // Three zero pages become pages with data.
                    let ram = ram.unwrap();
                    assert!(ram.normal >= 509 && ram.multifd_bytes >= 509 * 4096, "{ram:?}");
                }
            }
        }
    }
}

#[cfg(all(feature = "zlib", feature = "zstd"))]
#[test]
fn guest_moves_in_compressed_packets() {
    let folder = tempfile();
    for uri in addresses(&folder) {
        for (compression, channels, level) in [
            (Compression::Zlib, 1, 0),
            (Compression::Zlib, 3, 1),
            (Compression::Zlib, 2, 9),
            (Compression::Zstd, 1, 20),
            (Compression::Zstd, 3, 1),
        ] {
            for zero in [ZeroPages::Multifd, ZeroPages::Legacy] {
                let (ended, ram) = migrate_over_channels(&uri, [channels; 2], |source, destination| {
                    source.parameters.multifd_compression = compression;
                    source.parameters.zero_page_detection = zero;
                    (source.parameters.multifd_zlib_level, source.parameters.multifd_zstd_level) =
                        (level.min(9), level);
                    destination.multifd_compression = compression;
                });
                check_moved(&ended);
                // Each page repeats a byte.
                let ram = ram.unwrap();
                let small = ram.multifd_bytes < 200 << 10;
                assert!(ram.normal >= 509 && small == (level > 0), "{compression} {level}: {ram:?}");
            }
        }
    }
}

#[cfg(all(feature = "zlib", feature = "zstd"))]
#[test]
fn different_compressions_fail_on_both_sides() {
    let folder = tempfile();
    let all = [Compression::None, Compression::Zlib, Compression::Zstd];
    for (source, destination) in all.into_iter().flat_map(|source| all.map(|destination| (source, destination))) {
        if source == destination {
            continue;
        }
        let (ended, _) = migrate_over_channels(&Uri::Unix(folder.path("socket")), [2; 2], |config, parameters| {
            config.parameters.multifd_compression = source;
            parameters.multifd_compression = destination;
        });
        let reason = check_failed(&ended, &(source, destination));
        let expected = format!("expected pages with compression `{destination}`, found `{source}`");
        assert!(reason.contains(&expected) && reason.contains("`multifd-compression`"), "{reason}");
    }
}

/// Checks that both sides have failed and nothing has changed. Returns the destination's reason.
fn check_failed(ended: &Ended, case: &impl std::fmt::Debug) -> String {
    let (destination, loaded) = &ended.destination;
    assert_eq!(ended.source.2, MigrationStatus::Failed, "{case:?}: {loaded:?}");
    assert!(!destination.runs && ended.source.0.runs, "{case:?}: {loaded:?}");
    assert_eq!(destination.ram.to_vec(), vec![0xaa; SIZE], "{case:?}");
    loaded.as_ref().unwrap_err().to_string()
}

#[test]
fn different_numbers_of_channels_fail_on_both_sides() {
    let folder = tempfile();
    for channels in [[2, 3], [3, 2], [0, 2], [2, 0]] {
        let (ended, _) = migrate_over_channels(&Uri::Unix(folder.path("socket")), channels, |_, parameters| {
            parameters.answer_timeout = Duration::from_secs(2);
        });
        check_failed(&ended, &channels);
    }
}

#[cfg(not(all(feature = "zlib", feature = "zstd")))]
#[test]
fn compressions_that_are_not_built_are_rejected() {
    for compression in [Compression::Zlib, Compression::Zstd] {
        if compression.is_supported() {
            continue;
        }
        let mut config = SourceConfig::new(0, 1);
        config.capabilities.set(Capability::Multifd, true);
        config.parameters.multifd_compression = compression;
        let error = Outgoing::start_with(&mut Board::source(), &Uri::Unix("unused".into()), config).unwrap_err();
        let expected = format!("unsupported `multifd-compression`; build with the feature `{compression}`");
        assert!(error.to_string().contains(&expected), "{error}");
    }
}
