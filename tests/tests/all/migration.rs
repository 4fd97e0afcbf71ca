//! Recorded migrations of QEMU, replayed in both directions, and comparisons with QEMU's behavior, as tables.

mod conversation;
mod destination;
mod drain;
mod hostile;
mod multifd;
mod opaque;
mod pacing;
mod postcopy;
mod recordings;
mod relay;
mod return_path;
mod rows;
mod source;
mod states;
mod verdict;
mod xbzrle;
