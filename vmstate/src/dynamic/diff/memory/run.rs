//! Runs of neighbouring pages with their digests.

use std::hash::{BuildHasher, DefaultHasher, Hasher, RandomState};
use std::sync::OnceLock;

use super::PageKind;

/// The highest number of digests in a run. A page that is sent again with other contents splits its run, which copies
/// the digests after it.
const MAX_RUN: usize = 4096;

/// The contents of neighbouring pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Run {
    /// A number of pages that consist of this byte.
    Fill(u64, u8),
    /// Pages by their digests.
    Data(Vec<u64>),
    /// Encoded pages, as digests of everything that was sent for them.
    Packed(Vec<u64>),
}

/// The contents of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Page {
    Fill(u8),
    Data(u64),
    Packed(u64),
}

/// Returns the hasher of pages.
pub(in super::super) fn hasher() -> DefaultHasher {
    static KEY: OnceLock<RandomState> = OnceLock::new();
    KEY.get_or_init(RandomState::new).build_hasher()
}

impl Page {
    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        const ZEROS: [u8; 4096] = [0; 4096];
        if bytes.chunks(ZEROS.len()).all(|chunk| ZEROS.starts_with(chunk)) {
            return Self::Fill(0);
        }
        let mut digest = hasher();
        digest.write(bytes);
        Self::Data(digest.finish())
    }

    pub(super) fn kind(self) -> PageKind {
        match self {
            Self::Fill(0) => PageKind::Zero,
            Self::Fill(_) | Self::Data(_) => PageKind::Data,
            Self::Packed(_) => PageKind::Packed,
        }
    }
}

impl Run {
    pub(super) fn new(page: Page) -> Self {
        match page {
            Page::Fill(byte) => Self::Fill(1, byte),
            Page::Data(digest) => Self::Data(vec![digest]),
            Page::Packed(digest) => Self::Packed(vec![digest]),
        }
    }

    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Fill(count, _) => *count,
            Self::Data(digests) | Self::Packed(digests) => digests.len() as u64,
        }
    }

    pub(super) fn get(&self, index: u64) -> Option<Page> {
        let digest = |digests: &[u64]| usize::try_from(index).ok().and_then(|index| digests.get(index).copied());
        match self {
            Self::Fill(count, byte) => (index < *count).then_some(Page::Fill(*byte)),
            Self::Data(digests) => digest(digests).map(Page::Data),
            Self::Packed(digests) => digest(digests).map(Page::Packed),
        }
    }

    /// Replaces the page at `index`, if it exists and `page` is of the run's kind. Returns whether it was replaced.
    pub(super) fn replace(&mut self, index: u64, page: Page) -> bool {
        let place =
            |digests: &mut Vec<u64>, digest| match usize::try_from(index).ok().and_then(|at| digests.get_mut(at)) {
                Some(place) => {
                    *place = digest;
                    true
                }
                None => false,
            };
        match (self, page) {
            (Self::Fill(count, byte), Page::Fill(fill)) => index < *count && *byte == fill,
            (Self::Data(digests), Page::Data(digest)) | (Self::Packed(digests), Page::Packed(digest)) => {
                place(digests, digest)
            }
            _ => false,
        }
    }

    /// Appends `page` if it is of the run's kind and the run is not full. Returns whether it was appended.
    pub(super) fn push(&mut self, page: Page) -> bool {
        match (self, page) {
            (Self::Fill(count, byte), Page::Fill(fill)) if *byte == fill => *count += 1,
            (Self::Data(digests), Page::Data(digest)) | (Self::Packed(digests), Page::Packed(digest))
                if digests.len() < MAX_RUN =>
            {
                digests.push(digest);
            }
            _ => return false,
        }
        true
    }

    /// Splits the run, and returns the pages from `index` on.
    pub(super) fn split(&mut self, index: u64) -> Self {
        let cut = |digests: &mut Vec<u64>| digests.split_off(usize::try_from(index).unwrap_or(0).min(digests.len()));
        match self {
            Self::Fill(count, byte) => {
                let rest = Self::Fill(count.saturating_sub(index), *byte);
                *count = index.min(*count);
                rest
            }
            Self::Data(digests) => Self::Data(cut(digests)),
            Self::Packed(digests) => Self::Packed(cut(digests)),
        }
    }
}
