//! Both engines with a simulated network, hosts and faults, in virtual time.
//!
//! `exhaustive` explores all interleavings of small configurations, `walks` takes random ways through larger ones, and
//! `schedules` runs random sequences of long migrations.

mod destination_process;
mod diagram;
mod exhaustive;
mod explore;
mod guest;
mod link;
mod moves;
mod network;
mod pair;
mod properties;
mod random;
mod schedules;
mod sequences;
mod setup;
mod source_process;
mod walks;
mod workloads;
mod world;
