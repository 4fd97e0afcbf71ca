//! Incremental snapshots: files that contain only the pages since another snapshot, their base.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use vmstate_types::SaveError;

use super::files::Part;
use super::metadata::{Base, Contents, Metadata};
use super::{Details, Folder, SnapshotInfo, Store, StoreError, StoreErrorKind};
use crate::section::RecordedBlock;
use crate::snapshot::chain::{BlockPlaces, Chain, INCREMENTAL_MAGIC, Link, MAX_LENGTH, Pages, bytes_of, check_blocks};
use crate::snapshot::error::shown;

/// The most blocks of memory whose places are recorded.
const MAX_BLOCKS: usize = 256;

/// An open snapshot.
// Only working sets need all of it.
#[cfg_attr(not(all(target_os = "linux", feature = "mapping")), allow(dead_code))]
pub(super) struct Opened {
    pub(super) snapshot: SnapshotInfo,
    pub(super) id: u64,
    /// The text of the properties.
    pub(super) text: Vec<u8>,
    pub(super) content: Content,
}

/// The files of a snapshot.
pub(super) enum Content {
    Complete(File),
    Incremental(Arc<Chain>),
}

/// The snapshots of a chain, the last one first.
pub(super) type Visited = Vec<(u64, Metadata)>;

impl Folder {
    /// Returns the base of a new snapshot that contains only changes.
    pub(super) fn base_of(&self, details: &Details) -> Result<Option<(Base, Metadata)>, StoreError> {
        let Some((since, _)) = details.changes.as_deref() else { return Ok(None) };
        let unusable = |reason: &str| {
            let message = format!("snapshot `{}` cannot be a base: {reason}", shown(&since.name));
            StoreError::new(StoreErrorKind::Unsupported, message)
        };
        let found = self.read_all()?.into_iter().find(|(id, metadata)| metadata.snapshot(*id, 0).is_same(since));
        let Some((id, metadata)) = found else {
            return Err(StoreError::not_found(&since.name, &SnapshotInfo::names(&self.list()?)).after("missing parent"));
        };
        if metadata.contents.blocks.is_empty() {
            return Err(unusable("the places of its memory are unknown; save a complete snapshot"));
        }
        let mut visited = Visited::new();
        self.open_links(id, metadata.clone(), &mut visited)?;
        if visited.len() >= MAX_LENGTH {
            return Err(unusable(&format!("its chain has {MAX_LENGTH} snapshots; merge it")));
        }
        Ok(Some((Base::new(id, &metadata), metadata)))
    }

    /// Completes a stream that was written, and makes it durable. Returns its places.
    pub(super) fn seal(
        &self,
        part: &Part,
        blocks: &[RecordedBlock],
        base: Option<(Base, Metadata)>,
    ) -> Result<Contents, SaveError> {
        let Some((base, metadata)) = base else {
            let places = blocks.iter().map(|block| BlockPlaces::new(block, None));
            let blocks = if blocks.len() <= MAX_BLOCKS { places.collect() } else { Vec::new() };
            part.file().sync_all().map_err(SaveError::io)?;
            return Ok(Contents { blocks, ..Contents::default() });
        };
        if blocks.len() > MAX_BLOCKS {
            return Err(SaveError::misuse(format!(
                "at most {MAX_BLOCKS} blocks of memory for an incremental snapshot"
            )));
        }
        let covered: Vec<_> = blocks.iter().map(|block| block.covered.as_deref().map(bytes_of)).collect();
        let places: Vec<_> = blocks.iter().map(|block| BlockPlaces::new(block, None)).collect();
        check_blocks(&places, &metadata.contents.blocks).map_err(SaveError::misuse)?;
        finish(part, &places, &covered, base).map_err(SaveError::io)
    }

    /// Opens the files of a snapshot and its bases.
    pub(super) fn open_links(
        &self,
        mut id: u64,
        mut metadata: Metadata,
        visited: &mut Visited,
    ) -> Result<Vec<Link>, StoreError> {
        let mut links = Vec::new();
        loop {
            visited.push((id, metadata.clone()));
            let Contents { stream_size, blocks, base, .. } = &metadata.contents;
            links.push(Link { file: self.files.open(id, &metadata)?, stream: *stream_size, blocks: blocks.clone() });
            let Some(base) = base else { return Ok(links) };
            if base.id >= id || links.len() >= MAX_LENGTH {
                let reason = format!("snapshot `{}` has an invalid base", shown(&metadata.name));
                return Err(StoreError::new(StoreErrorKind::Damaged, reason));
            }
            let found = self.files.metadata(base.id)?.map(|(_, found)| found);
            (id, metadata) = (base.id, base.check(&metadata.name, found)?);
        }
    }

    /// Opens a snapshot. Other processes may change the folder meanwhile.
    pub(super) fn open_stream(&self, key: &str) -> Result<Opened, StoreError> {
        loop {
            let snapshot = self.find(key)?;
            let id = snapshot.id.parse().unwrap_or(0);
            let Some((text, metadata)) = self.files.metadata(id)? else { continue };
            let mut visited = Visited::new();
            let links = self.open_links(id, metadata, &mut visited);
            if self.is_unchanged(&visited) {
                let content = links.and_then(|links| combine(links, &snapshot.name))?;
                return Ok(Opened { snapshot, id, text, content });
            }
        }
    }

    fn is_unchanged(&self, visited: &Visited) -> bool {
        visited.iter().all(|(id, before)| {
            self.files.metadata(*id).is_ok_and(|now| now.is_some_and(|(_, metadata)| metadata == *before))
        })
    }

    /// Checks that no other snapshot needs this one.
    pub(super) fn check_unused(&self, id: u64, name: &str) -> Result<(), StoreError> {
        let all = self.read_all()?;
        let needs = |metadata: &Metadata| metadata.contents.base.as_ref().is_some_and(|base| base.id == id);
        let names: Vec<_> = all.iter().filter(|(_, metadata)| needs(metadata)).map(|(_, found)| &*found.name).collect();
        if names.is_empty() { Ok(()) } else { Err(StoreError::in_use(name, &names)) }
    }
}

/// Writes the covered pages of each block at the end of a file, and marks it as incremental.
pub(super) fn finish(
    part: &Part,
    blocks: &[BlockPlaces],
    covered: &[Option<Vec<u8>>],
    base: Base,
) -> std::io::Result<Contents> {
    let file = part.file();
    let length = file.metadata()?.len();
    let (mut place, mut placed) = (length.next_multiple_of(8), Vec::new());
    for (block, covered) in blocks.iter().zip(covered) {
        let Some(bytes) = covered else {
            placed.push(block.covered_at(None));
            continue;
        };
        file.write_all_at(bytes, place)?;
        placed.push(block.covered_at(Some(place)));
        place = place.saturating_add(bytes.len() as u64);
    }
    file.write_all_at(&INCREMENTAL_MAGIC, 0)?;
    file.sync_all()?;
    Ok(Contents { base: Some(base), stream_size: Some(length), blocks: placed, generation: 0 })
}

fn combine(mut links: Vec<Link>, name: &str) -> Result<Content, StoreError> {
    match links.pop() {
        Some(only) if links.is_empty() && only.stream.is_none() => Ok(Content::Complete(only.file)),
        first => {
            links.extend(first);
            let (chain, _) = Chain::new(links, Pages::All).map_err(damaged(name))?;
            Ok(Content::Incremental(Arc::new(chain)))
        }
    }
}

pub(super) fn damaged(name: &str) -> impl FnOnce(String) -> StoreError {
    let message = format!("snapshot `{}` is damaged", shown(name));
    move |reason| StoreError::new(StoreErrorKind::Damaged, format!("{message}: {reason}"))
}
