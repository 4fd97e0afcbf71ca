//! Both engines with a simulated network, hosts and faults, in virtual time.
//!
//! `exhaustive` explores all interleavings of small configurations, and `schedules` runs random sequences of long migrations.

mod destination_process;
mod exhaustive;
mod explore;
mod guest;
mod link;
mod moves;
mod network;
mod pair;
mod schedules;
mod sequences;
mod source_process;
mod workloads;
mod world;
