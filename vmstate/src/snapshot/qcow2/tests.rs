//! Images in memory: changes of them, with a crash at each write.

mod check;
mod image;

use std::io::{Read, Write};

use self::check::check;
use self::image::{Format, Memory, create};
use super::*;

const FORMATS: [Format; 5] = [
    Format { version: 3, cluster_bits: 16, refcount_order: 4, extended: false },
    Format { version: 2, cluster_bits: 12, refcount_order: 4, extended: false },
    Format { version: 3, cluster_bits: 9, refcount_order: 6, extended: false },
    Format { version: 3, cluster_bits: 10, refcount_order: 3, extended: false },
    Format { version: 3, cluster_bits: 14, refcount_order: 4, extended: true },
];

/// Returns the bytes of a stream.
fn stream(number: u8, length: usize) -> Vec<u8> {
    (0..length).map(|place| (place / 7) as u8 ^ number).collect()
}

fn insert_bytes(storage: &Memory, details: &Details, bytes: &[u8]) -> Result<SnapshotInfo, Rejected> {
    insert(storage, details, |out| out.write_all(bytes).map_err(SaveError::io))
}

fn entries(storage: &Memory) -> Vec<Entry> {
    table::read(&Header::read(storage).unwrap(), storage).unwrap().0
}

fn names(storage: &Memory) -> Vec<String> {
    entries(storage).iter().map(|entry| entry.snapshot().name).collect()
}

fn read_stream(storage: &Memory, name: &str) -> Vec<u8> {
    let entry = entries(storage).into_iter().find(|entry| entry.name == name.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    StateReader::new(&Header::read(storage).unwrap(), storage, &entry).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

fn delete_name(storage: &Memory, name: &str) -> Result<(), Problem> {
    let entry = entries(storage).into_iter().find(|entry| entry.name == name.as_bytes()).unwrap();
    delete(storage, &entry)
}

#[test]
fn streams_are_kept_in_all_formats() {
    for format in FORMATS {
        let image = create(format, 40);
        let disk = image.disk();
        let long = stream(2, (70 << format.cluster_bits) + 5);
        insert_bytes(&image, &Details::new("one"), &stream(1, 1)).unwrap();
        let saved = insert_bytes(&image, &Details::new("two").comment("x").parent("1"), &long).unwrap();
        assert_eq!((saved.id.as_str(), saved.size), ("2", long.len() as u64));
        assert_eq!(entries(&image)[1].snapshot(), SnapshotInfo { date: entries(&image)[1].snapshot().date, ..saved });
        assert_eq!(check(&image), Vec::<String>::new(), "{format:?}");
        assert!(read_stream(&image, "one") == stream(1, 1) && read_stream(&image, "two") == long, "{format:?}");
        assert!(image.disk() == disk && image.disk_of(0) == disk && image.disk_of(1) == disk, "{format:?}");
        delete_name(&image, "one").unwrap();
        assert_eq!(check(&image), Vec::<String>::new(), "{format:?}");
        assert_eq!(names(&image), ["two"]);
        assert!(read_stream(&image, "two") == long && image.disk() == disk, "{format:?}");
        delete_name(&image, "two").unwrap();
        assert_eq!(check(&image), Vec::<String>::new(), "{format:?}");
        assert!(image.disk() == disk, "{format:?}");
    }
}

#[test]
fn freed_clusters_are_used_again() {
    let image = create(FORMATS[1], 10);
    let bytes = stream(3, 100_000);
    let mut lengths = Vec::new();
    for _ in 0..6 {
        insert_bytes(&image, &Details::new("x").replace(), &bytes).unwrap();
        lengths.push(image.length().unwrap());
    }
    assert_eq!(lengths[3..].iter().max(), lengths[..3].iter().max(), "{lengths:?}");
    assert_eq!(check(&image), Vec::<String>::new());
}

/// Runs `change` with a crash after each number of writes. The image must be consistent each time, with the old or the new
/// names.
fn crash_at_every_write(image: &Memory, change: impl Fn(&Memory) -> bool, old: &[&str], new: &[&str]) {
    let disk = image.disk();
    for writes in 0.. {
        let copy = image.crash_after(writes);
        let succeeded = change(&copy);
        let copy = copy.repaired();
        assert_eq!(check(&copy), Vec::<String>::new(), "after {writes} writes");
        assert!(copy.disk() == disk, "after {writes} writes");
        if succeeded {
            assert_eq!(names(&copy), new);
            return;
        }
        let found = names(&copy);
        assert!(found == old || found == new, "after {writes} writes: {found:?}");
        assert!(copy.lost_write() != Some(0) || found == old);
    }
}

#[test]
fn crash_at_any_write_leaves_a_consistent_image() {
    for format in FORMATS {
        let image = create(format, 4);
        let bytes = stream(1, (3 << format.cluster_bits) - 100);
        crash_at_every_write(&image, |copy| insert_bytes(copy, &Details::new("a"), &bytes).is_ok(), &[], &["a"]);
        insert_bytes(&image, &Details::new("a"), &bytes).unwrap();
        insert_bytes(&image, &Details::new("b"), &stream(2, 1000)).unwrap();
        crash_at_every_write(&image, |copy| delete_name(copy, "a").is_ok(), &["a", "b"], &["b"]);
        let replace = Details::new("a").replace();
        crash_at_every_write(&image, |copy| insert_bytes(copy, &replace, &bytes).is_ok(), &["a", "b"], &["b", "a"]);
    }
}

#[test]
fn invalid_insertions_change_nothing() {
    let image = create(FORMATS[0], 5);
    insert_bytes(&image, &Details::new("a"), b"x").unwrap();
    let before = image.bytes();
    let error = |details: Details| match insert_bytes(&image, &details, b"x").unwrap_err() {
        Rejected::Store(error) => error.kind(),
        other => panic!("{other:?}"),
    };
    assert_eq!(error(Details::new("a")), StoreErrorKind::Exists);
    assert_eq!(error(Details::new("b").parent("9")), StoreErrorKind::NotFound);
    assert_eq!(error(Details::new("b").comment("y".repeat(2000))), StoreErrorKind::InvalidName);
    assert!(matches!(insert_bytes(&image, &Details::new("b"), b"").unwrap_err(), Rejected::Save(_)));
    assert!(image.bytes() == before);
}

/// Another process deletes the snapshot, and a new one is written to its clusters.
#[test]
fn load_fails_if_the_image_is_changed_meanwhile() {
    let image = create(FORMATS[0], 5);
    let bytes = stream(1, 3 << 16);
    insert_bytes(&image, &Details::new("a"), &bytes).unwrap();
    let (header, entry) = (Header::read(&image).unwrap(), entries(&image).remove(0));
    let mut reader = StateReader::new(&header, &image, &entry).unwrap();
    let mut read = vec![0; 1 << 16];
    reader.read_exact(&mut read).unwrap();
    assert!(read == bytes[..read.len()]);
    delete_name(&image, "a").unwrap();
    insert_bytes(&image, &Details::new("b"), &stream(2, 3 << 16)).unwrap();
    let error = reader.read_exact(&mut read).unwrap_err().to_string();
    assert!(error.contains("another process has changed the image meanwhile"), "{error}");
    assert!(vmstate_types::wire::ByteSource::peek_last(&mut reader, 8).is_err());
}

#[test]
fn full_reference_counts_are_rejected() {
    // Two bits: a cluster can be shared by the disk and two snapshots.
    let image = create(Format { refcount_order: 1, ..FORMATS[0] }, 5);
    insert_bytes(&image, &Details::new("a"), b"x").unwrap();
    insert_bytes(&image, &Details::new("b"), b"x").unwrap();
    let error = insert_bytes(&image, &Details::new("c"), b"x").unwrap_err();
    assert!(format!("{error:?}").contains("reference count of 1 to 2"), "{error:?}");
    assert_eq!((names(&image), check(&image)), (vec!["a".to_owned(), "b".to_owned()], vec![]));
}

/// A stream that is written to such a cluster would destroy the disk or the tables.
#[test]
fn clusters_in_use_without_a_count_are_kept() {
    let image = create(FORMATS[0], 5);
    let cluster = Header::read(&image).unwrap().cluster();
    let used = image.bytes().len() as u64 / cluster;
    let uncounted = |image: &Memory, number: u64| {
        let damaged = Memory::from(image.bytes());
        let table = Header::read(image).unwrap().refcount_table;
        let mut block = [0; 8];
        image.read_at(&mut block, table).unwrap();
        damaged.write_at(&[0; 2], u64::from_be_bytes(block) + 2 * number).unwrap();
        let before = damaged.bytes();
        let error = insert_bytes(&damaged, &Details::new("new"), b"stream").unwrap_err();
        assert!(format!("{error:?}").contains("qemu-img check -r all"), "{number}: {error:?}");
        assert!(damaged.bytes() == before, "{number}");
    };
    (0..used).for_each(|number| uncounted(&image, number));
    insert_bytes(&image, &Details::new("a"), b"x").unwrap();
    for place in [Header::read(&image).unwrap().snapshots_offset, entries(&image)[0].l1_offset] {
        uncounted(&image, place / cluster);
    }
}

#[test]
fn damaged_images_are_rejected_without_panics() {
    let image = create(FORMATS[1], 8);
    insert_bytes(&image, &Details::new("a"), &stream(1, 9000)).unwrap();
    let header = Header::read(&image).unwrap();
    let entry = &entries(&image)[0];
    let tables = [0, header.l1_offset, header.refcount_table, header.snapshots_offset, entry.l1_offset];
    for (start, byte) in tables.into_iter().flat_map(|start| [0, 1, 0x7f, 0xff].map(|byte| (start, byte))) {
        for place in start..start + 72 {
            let damaged = Memory::from(image.bytes());
            damaged.write_at(&[byte], place).unwrap();
            if let Ok(header) = Header::read(&damaged)
                && let Ok((entries, _)) = table::read(&header, &damaged)
            {
                for entry in entries.iter().take(3) {
                    if let Ok(reader) = StateReader::new(&header, &damaged, entry) {
                        std::io::copy(&mut reader.take(1 << 20), &mut std::io::sink()).ok();
                    }
                }
            }
            insert_bytes(&damaged, &Details::new("b"), b"x").ok();
            let damaged = Memory::from(image.bytes());
            damaged.write_at(&[byte], place).unwrap();
            delete(&damaged, entry).ok();
        }
    }
}

/// Each limit of QEMU permits tables of many MiB, also in an image of a few KiB.
#[test]
fn tables_are_bounded_by_the_file() {
    let image = create(FORMATS[2], 5);
    insert_bytes(&image, &Details::new("a"), b"x").unwrap();
    let header = Header::read(&image).unwrap();
    let tables = [
        ("L1 tables in a file", 36, 4 << 20),
        ("a refcount table in the file", 56, 16 << 10),
        ("a table of snapshots in the file", 60, 65536),
        ("L1 tables in a file", header.snapshots_offset + 8, 4 << 20),
    ];
    for (expected, place, entries) in tables {
        let damaged = Memory::from(image.bytes());
        damaged.write_at(&u32::to_be_bytes(entries), place).unwrap();
        let mut errors = vec![format!("{:?}", Change::new(&damaged).err())];
        errors.extend(read_table(&damaged).map(drop).err().map(|error| format!("{error:?}")));
        assert!(errors.iter().all(|error| error.contains(expected)), "{errors:?}");
        let (read, length) = (damaged.read_bytes(), damaged.length().unwrap());
        assert!(read < 4 * length, "{read} bytes of {length}");
    }
}

#[test]
fn overlapping_l1_tables_are_rejected() {
    let image = create(FORMATS[2], 5);
    (0..40).for_each(|number| drop(insert_bytes(&image, &Details::new(number.to_string()), b"x").unwrap()));
    // Each snapshot has as many entries as are in the file.
    let mut entries = entries(&image);
    let length = image.length().unwrap();
    let first = entries[0].l1_offset;
    entries.iter_mut().for_each(|entry| {
        entry.l1_offset = first;
        entry.l1_entries = u32::try_from((length - first) / 8).unwrap();
    });
    image.write_at(&table::write(&entries), Header::read(&image).unwrap().snapshots_offset).unwrap();
    let error = format!("{:?}", Change::new(&image).err());
    assert!(error.contains("expected L1 tables in a file of"), "{error}");
}

/// A change frees one of them, and the other one is overwritten later.
#[test]
fn tables_in_one_cluster_are_rejected() {
    let image = create(FORMATS[2], 5);
    insert_bytes(&image, &Details::new("a"), b"x").unwrap();
    let header = Header::read(&image).unwrap();
    let other = header.refcount_table.to_be_bytes();
    // An L2 table, a refcount block, and the L1 table of a snapshot.
    for place in [header.l1_offset, header.refcount_table + 8, header.snapshots_offset] {
        let damaged = Memory::from(image.bytes());
        damaged.write_at(&other, place).unwrap();
        let error = format!("{:?}", Change::new(&damaged).err());
        assert!(error.contains("expected one table in cluster"), "{place:#x}: {error}");
    }
}

#[test]
fn disk_larger_than_its_l1_table_is_rejected() {
    let image = create(FORMATS[0], 5);
    image.write_at(&(1_u64 << 40).to_be_bytes(), 24).unwrap();
    let error = format!("{:?}", insert_bytes(&image, &Details::new("a"), b"x").unwrap_err());
    assert!(error.contains("expected an L1 table of at least 2048 entries for the disk, found 2"), "{error}");
}
