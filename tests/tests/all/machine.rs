//! Whole machines: a machine of devices that is saved and loaded.

mod described;
mod devices;
mod diagnosis;
mod faults;
mod hooks;
mod live;
mod mapped;
mod memory;
mod names;
mod options;
mod parts;
mod rollback;
mod rules;
mod search;
mod sessions;
mod threads;
mod tracing;
mod transport;
mod unreliable;
