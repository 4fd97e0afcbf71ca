//! The chunks of streams, by their content.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::objects::Objects;
use crate::ram::is_zero;
use crate::snapshot::error::shown;
use crate::snapshot::{StoreError, StoreErrorKind};

/// The size of all chunks but the last one of a stream.
pub(super) const CHUNK: u64 = 2 << 20;
/// The size of the hash of a chunk.
const HASH: usize = 32;
/// In the place of the hash of a chunk of zeros, which is not an object.
const ZEROS: [u8; HASH] = [0; HASH];
/// The largest list of chunks, of a stream of 4 TiB.
const MAX_LIST: u64 = 64 << 20;

/// The folder of the chunks, and of the lists of chunks.
pub(super) const FOLDER: &str = "chunks";

type Hash = [u8; HASH];

/// Returns the key of a chunk.
fn key(hash: &Hash) -> String {
    format!("{FOLDER}/{}", hexadecimal(hash))
}

fn hexadecimal(hash: &[u8]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hash_of(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

/// The chunks of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunks {
    hashes: Vec<Hash>,
    length: u64,
}

impl Chunks {
    /// Writes the chunks of a file that do not exist yet.
    pub(super) fn upload(objects: &dyn Objects, file: &File) -> Result<Self, StoreError> {
        let unreadable =
            |error| StoreError::new(StoreErrorKind::Io, "cannot read the temporary file").with_source(error);
        let length = file.metadata().map_err(unreadable)?.len();
        let (mut hashes, mut offset) = (Vec::new(), 0);
        while offset < length {
            let size = (length - offset).min(CHUNK);
            let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
            file.read_exact_at(&mut bytes, offset).map_err(unreadable)?;
            offset += size;
            hashes.push(if is_zero(&bytes) { ZEROS } else { put(objects, bytes)? });
        }
        Ok(Self { hashes, length })
    }

    /// Returns the length of the stream.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Writes the list of chunks. Returns its name.
    pub(super) fn put_list(&self, objects: &dyn Objects) -> Result<String, StoreError> {
        if (self.hashes.len() * HASH) as u64 > MAX_LIST {
            return Err(StoreError::new(StoreErrorKind::Unsupported, "the stream has more than 4 TiB"));
        }
        put(objects, self.hashes.concat()).map(|hash| hexadecimal(&hash))
    }

    /// Reads the list of chunks of a stream.
    pub(super) fn read(objects: &dyn Objects, snapshot: &str, list: &str, length: u64) -> Result<Self, StoreError> {
        let damaged = |reason: String| {
            let message = format!("snapshot `{}`: {reason}", shown(snapshot));
            StoreError::new(StoreErrorKind::Damaged, message)
        };
        let Some(hash) = parse(list) else { return Err(damaged("expected the name of a list of chunks".to_owned())) };
        let bytes = fetch(objects, &hash, MAX_LIST)?.map_err(damaged)?;
        let (hashes, rest) = bytes.as_chunks();
        if hashes.len() as u64 != length.div_ceil(CHUNK) || !rest.is_empty() {
            return Err(damaged(format!("the list of chunks does not fit a stream of {length} bytes")));
        }
        Ok(Self { hashes: hashes.to_vec(), length })
    }

    /// Adds the keys of all objects, but not of the list.
    pub(super) fn add_keys(&self, keys: &mut BTreeSet<String>) {
        keys.extend(self.hashes.iter().filter(|hash| **hash != ZEROS).map(key));
    }

    /// Returns the number of bytes in chunks that are not zero.
    pub(super) fn size(&self) -> u64 {
        let sizes = (0..).zip(&self.hashes).filter(|(_, hash)| **hash != ZEROS);
        sizes.map(|(index, _)| self.range(index)).map(|range| range.end - range.start).sum()
    }

    fn range(&self, index: u64) -> std::ops::Range<u64> {
        index.saturating_mul(CHUNK)..index.saturating_add(1).saturating_mul(CHUNK).min(self.length)
    }

    /// Reads a chunk, or returns the reason why it cannot be used.
    fn fetch(&self, objects: &dyn Objects, index: u64) -> Result<Result<Vec<u8>, String>, StoreError> {
        let range = self.range(index);
        let size = range.end.saturating_sub(range.start);
        match usize::try_from(index).ok().and_then(|index| self.hashes.get(index)) {
            None | Some(&ZEROS) => Ok(Ok(vec![0; usize::try_from(size).unwrap_or(0)])),
            Some(hash) => Ok(fetch(objects, hash, CHUNK)?.and_then(|bytes| match bytes.len() as u64 {
                found if found == size => Ok(bytes),
                found => Err(format!("expected {size} bytes in `{}`, found {found}", key(hash))),
            })),
        }
    }

    /// Reads all chunks. Returns the reasons why some cannot be used, with their keys.
    pub(super) fn problems(&self, objects: &dyn Objects) -> Result<Vec<(String, String)>, StoreError> {
        let mut problems = Vec::new();
        for (index, hash) in (0..).zip(&self.hashes) {
            if let Err(reason) = self.fetch(objects, index)? {
                problems.push((key(hash), reason));
            }
        }
        Ok(problems)
    }
}

/// Returns the key of a list of chunks.
pub(super) fn list_key(list: &str) -> String {
    format!("{FOLDER}/{list}")
}

/// Parses a hash in lower case.
fn parse(text: &str) -> Option<Hash> {
    let digits: Vec<u8> = text.chars().map(|char| char.to_digit(16)?.try_into().ok()).collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits.as_chunks().0.iter().map(|[high, low]| high << 4 | low).collect();
    let hash = Hash::try_from(bytes).ok()?;
    (hexadecimal(&hash) == text).then_some(hash)
}

/// Reads an object, or returns the reason why it cannot be used.
fn fetch(objects: &dyn Objects, hash: &Hash, most: u64) -> Result<Result<Vec<u8>, String>, StoreError> {
    Ok(match objects.get(&key(hash), most)? {
        None => Err(format!("the chunk `{}` is missing", key(hash))),
        Some(bytes) if hash_of(&bytes) == *hash => Ok(bytes),
        Some(_) => Err(format!("the chunk `{}` is damaged: its content has another hash", key(hash))),
    })
}

/// Writes a chunk, unless it exists in this size.
fn put(objects: &dyn Objects, bytes: Vec<u8>) -> Result<Hash, StoreError> {
    let (hash, size) = (hash_of(&bytes), bytes.len() as u64);
    if objects.head(&key(&hash))?.is_none_or(|(found, _)| found != size) {
        objects.put(&key(&hash), bytes)?;
    }
    Ok(hash)
}

/// Reads a stream from its chunks, of which the last one is kept.
#[derive(Debug)]
pub(super) struct ChunkReader {
    objects: Arc<dyn Objects>,
    chunks: Chunks,
    position: u64,
    kept: Option<(u64, Vec<u8>)>,
}

impl ChunkReader {
    pub(super) fn new(objects: Arc<dyn Objects>, chunks: Chunks) -> Self {
        Self { objects, chunks, position: 0, kept: None }
    }

    fn chunk(&mut self, index: u64) -> io::Result<&[u8]> {
        let kept = match self.kept.take().filter(|(kept, _)| *kept == index) {
            Some(kept) => kept,
            None => {
                let fetched = self.chunks.fetch(&*self.objects, index).map_err(io::Error::other)?;
                (index, fetched.map_err(|reason| io::Error::new(ErrorKind::InvalidData, reason))?)
            }
        };
        Ok(&self.kept.insert(kept).1)
    }
}

impl Read for ChunkReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.chunks.length || buffer.is_empty() {
            return Ok(0);
        }
        let start = usize::try_from(self.position % CHUNK).unwrap_or(usize::MAX);
        let rest = self.chunk(self.position / CHUNK)?.get(start..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for ChunkReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.chunks.length.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
