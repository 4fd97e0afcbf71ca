//! Images with internal snapshots: each snapshot is read and deleted, and one is inserted.

use std::fs;

use tempfile::NamedTempFile;
use vmstate::Reader;
use vmstate::snapshot::{Details, Qcow2, SnapshotInfo, Store, StoreError};

use super::Target;

/// The target.
pub const TARGET: Target = Target { name: "qcow2", run, seeds, fixed: 32 << 20, per_byte: 64 };

/// The size of a cluster, the smallest that QEMU accepts.
const CLUSTER: usize = 512;
/// The bytes that are read of each stream. A stream of a few bytes in the file can be longer than any memory.
const READ: usize = 64 << 10;
/// The stream that is inserted: larger than a table of clusters.
const STREAM: &[u8] = &[7; 70 * CLUSTER + 3];

/// The bytes are a file, which may be an image.
fn run(bytes: &[u8]) {
    let file = file(bytes);
    let image = match Qcow2::open(file.path()) {
        Ok(image) => image,
        Err(error) => return check_error(&error),
    };
    let listed = image.list();
    let Some(before) = checked(listed) else { return };
    for snapshot in &before {
        read(&image, &snapshot.id);
        checked(image.delete(&snapshot.id));
        fs::write(file.path(), bytes).expect("a file in memory");
    }
    if checked(image.insert(&Details::new("inserted"), &mut &*STREAM)).is_some() {
        inserted(&image, &before);
    }
}

/// The snapshot can be read and deleted, and the others are still there.
fn inserted(image: &Qcow2, before: &[SnapshotInfo]) {
    let mut stream = Vec::new();
    let snapshot = image.extract("inserted", &mut stream).expect("an inserted snapshot");
    assert!(stream == STREAM && snapshot.size == STREAM.len() as u64);
    let after = image.list().expect("an image that was changed");
    assert_eq!(after.split_last(), Some((&snapshot, before)));
    image.delete(&snapshot.id).expect("an inserted snapshot");
    assert_eq!(image.list().expect("an image that was changed"), before);
}

/// Reads the beginning of a stream.
fn read(image: &Qcow2, id: &str) {
    let mut rest = READ;
    let loaded = image.load(id, &mut |reader: &mut Reader<'_>| {
        while rest > 0 {
            let count = reader.peek(CLUSTER)?.len().min(rest);
            if count == 0 {
                break;
            }
            reader.take(count)?;
            rest -= count;
        }
        Ok(())
    });
    checked(loaded);
}

fn checked<T>(result: Result<T, StoreError>) -> Option<T> {
    result.inspect_err(check_error).ok()
}

fn check_error(error: &StoreError) {
    let text = error.to_string();
    // Up to nine names.
    assert!(text.len() < 16 << 10 && !text.contains(char::is_control), "{text}");
}

/// Returns a file in memory.
fn file(bytes: &[u8]) -> NamedTempFile {
    let file = NamedTempFile::new_in("/dev/shm").expect("a file in memory");
    fs::write(file.path(), bytes).expect("a file in memory");
    file
}

/// An image without and with snapshots, in both versions.
fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for version in [2, 3] {
        let file = file(&empty(version));
        let image = Qcow2::open(file.path()).expect("an image");
        seeds.push(fs::read(file.path()).expect("a file in memory"));
        for (name, length) in [("first", 5), ("second", 3 * CLUSTER)] {
            let details = Details::new(name).comment("of a seed");
            image.insert(&details, &mut &STREAM[..length]).expect("a snapshot");
            seeds.push(fs::read(file.path()).expect("a file in memory"));
        }
    }
    seeds
}

/// Creates an image: its header, the table of reference counts, their only block, and the table of the empty disk.
fn empty(version: u32) -> Vec<u8> {
    let cluster = |number: usize| (number * CLUSTER) as u64;
    let mut image = vec![0; 4 * CLUSTER];
    let mut put = |place: usize, bytes: &[u8]| image[place..place + bytes.len()].copy_from_slice(bytes);
    put(0, b"QFI\xfb");
    put(4, &version.to_be_bytes());
    put(20, &CLUSTER.ilog2().to_be_bytes());
    // The size of the disk, and the entries and the place of its table, each of which covers 64 clusters.
    put(24, &(2 * 64 * CLUSTER as u64).to_be_bytes());
    put(36, &2_u32.to_be_bytes());
    put(40, &cluster(3).to_be_bytes());
    put(48, &cluster(1).to_be_bytes());
    put(56, &1_u32.to_be_bytes());
    if version == 3 {
        // Reference counts of 16 bits, and the length of the header.
        put(96, &4_u32.to_be_bytes());
        put(100, &104_u32.to_be_bytes());
    }
    put(CLUSTER, &cluster(2).to_be_bytes());
    (0..4).for_each(|number| put(2 * CLUSTER + 2 * number, &1_u16.to_be_bytes()));
    image
}
