//! Recorded conversations of two peers: their file format, and their explanation.
//!
//! A recorder between two peers writes everything that it forwards to a file, with times ([`ConversationWriter`]). An
//! [`Explainer`] decodes the connections of such a file, and finds the outcome of the migration, the first event that led to
//! a failure, the knowledge of each side, and figures: passes, pages, rates, and the parts of the downtime.
//!
//! Everything is derived from the bytes and the times of the conversation. So states have the time at which they became
//! visible to the recorder, and a reason that a side has only in its log is missing.
//!
//! ```
//! use vmstate::migration::conversation::{ConversationReader, ConversationWriter, Explainer, MigrationOutcome};
//!
//! let empty = ConversationWriter::new(Vec::new())?.into_inner();
//! let explanation = Explainer::read(&mut ConversationReader::new(empty.as_slice())?)?;
//! assert_eq!(explanation.outcome, MigrationOutcome::Unfinished);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod backward;
mod data;
mod entry;
mod explain;
mod explainer;
mod explanation;
mod figures;
mod forward;
mod link;
mod pages;
mod pending;
mod records;
mod seen;
mod story;
mod text;
mod verdict;

pub use entry::{ConversationError, ConversationReader, ConversationWriter, Entry, EntryEvent};
pub use explainer::Explainer;
pub use explanation::{
    Cause, Connection, Downtime, Explanation, MigrationOutcome, Moment, Participant, Postcopy, SideReport, StateChange,
};
pub use figures::{MemoryPass, PageCounts, Traffic};
pub(super) use forward::Forward;
pub(super) use pending::Pending;
pub(super) use seen::{PageKind, Position, Seen};
pub(crate) use text::{Size, Time};
