//! Merging: replaces the base of a snapshot by an earlier one, or by none.

use super::files::Part;
use super::incremental::{Visited, damaged, finish};
use super::metadata::{Base, Contents, Metadata};
use super::{Folder, SnapshotInfo, Store, StoreError, StoreErrorKind};
use crate::snapshot::chain::{BlockPlaces, Chain, Link, Pages};
use crate::snapshot::error::shown;

impl Folder {
    /// Makes an incremental snapshot complete: it no longer needs its bases, which can then be deleted. A complete snapshot
    /// is unchanged.
    ///
    /// # Errors
    /// Returns an error if the snapshot does not exist, or the folder cannot be read or written. The snapshot is then
    /// unchanged.
    pub fn merge(&self, key: &str) -> Result<SnapshotInfo, StoreError> {
        self.shorten(key, None)
    }

    /// Makes another one of its bases the only direct base of an incremental snapshot: the bases between are no longer
    /// needed.
    ///
    /// # Errors
    /// Returns an error if one of both does not exist, `onto` is not a base of the snapshot, or the folder cannot be read or
    /// written. The snapshot is then unchanged.
    pub fn rebase(&self, key: &str, onto: &str) -> Result<SnapshotInfo, StoreError> {
        self.shorten(key, Some(onto))
    }

    fn shorten(&self, key: &str, onto: Option<&str>) -> Result<SnapshotInfo, StoreError> {
        let _lock = self.files.lock()?;
        self.files.clean()?;
        let snapshot = self.find(key)?;
        let id = snapshot.id.parse().unwrap_or(0);
        let (_, metadata) = self.files.metadata(id)?.ok_or_else(|| StoreError::not_found(key, &[]))?;
        let mut visited = Visited::new();
        let mut links = self.open_links(id, metadata.clone(), &mut visited)?;
        let kept = onto.map(|onto| self.position(onto, &snapshot, &visited)).transpose()?;
        let is_done = kept.map_or(visited.len() == 1, |kept| kept == 1);
        if is_done {
            return Ok(snapshot);
        }
        links.truncate(kept.unwrap_or(usize::MAX));
        let base = kept.and_then(|kept| visited.get(kept)).map(|(id, metadata)| Base::new(*id, metadata));
        let unchanged = format!("snapshot `{}` was not merged, and is unchanged", shown(&snapshot.name));
        self.replace_content(id, &metadata, links, base).map_err(|error| error.after(unchanged))?;
        self.find(&snapshot.id)
    }

    /// Returns the position of a base in a chain.
    fn position(&self, onto: &str, snapshot: &SnapshotInfo, visited: &Visited) -> Result<usize, StoreError> {
        let base = self.find(onto)?;
        let position = visited.iter().skip(1).position(|(id, _)| id.to_string() == base.id);
        position.map(|position| position + 1).ok_or_else(|| {
            let (name, base) = (shown(&snapshot.name), shown(&base.name));
            StoreError::new(StoreErrorKind::Unsupported, format!("snapshot `{base}` is not a base of `{name}`"))
        })
    }

    /// Replaces the files of a snapshot. The new content counts from the renaming of the properties on.
    fn replace_content(
        &self,
        id: u64,
        metadata: &Metadata,
        links: Vec<Link>,
        base: Option<Base>,
    ) -> Result<(), StoreError> {
        let pages = if base.is_some() { Pages::Changes } else { Pages::All };
        let (chain, covered) = Chain::new(links, pages).map_err(damaged(&metadata.name))?;
        let part = self.files.part()?;
        let written = write(&part, &chain, &metadata.contents.blocks, covered, base);
        let mut contents = written.map_err(StoreError::io("cannot write", part.path()))?;
        contents.generation = metadata.contents.generation.wrapping_add(1);
        let new = metadata.clone().with(contents);
        self.files.put_stream(&self.files.stream(id, &new), part)?;
        self.files.put_metadata(id, &new)?;
        self.files.sync()?;
        // It is merged. The old file is removed now, or by the next change.
        let _ = self.files.clean();
        Ok(())
    }
}

fn write(
    part: &Part,
    chain: &Chain,
    blocks: &[BlockPlaces],
    covered: Vec<Vec<u8>>,
    base: Option<Base>,
) -> std::io::Result<Contents> {
    chain.copy_to(part.file())?;
    let blocks: Vec<_> = blocks.iter().map(|block| block.covered_at(None)).collect();
    match base {
        Some(base) => finish(part, &blocks, &covered.into_iter().map(Some).collect::<Vec<_>>(), base),
        None => {
            part.file().sync_all()?;
            Ok(Contents { blocks, ..Contents::default() })
        }
    }
}
