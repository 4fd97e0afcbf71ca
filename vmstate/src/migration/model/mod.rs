//! Both engines with a simulated network, hosts and faults, in virtual time.

mod network;
mod pair;
mod schedules;
mod sequences;
mod workloads;
