//! Tests with running QEMUs (`tests/qemu/install` installs them).

mod board;
mod captured;
mod channels;
mod check;
mod cli;
mod control;
mod devices;
mod differential;
mod images;
mod import;
mod machine;
mod relay;
mod relay_rules;
mod relay_scenarios;
mod relay_sides;
mod riscv;
mod settings;
mod snapshots;
mod transfer;
mod uno;
