//! Whole machines: a registry of devices that is saved and loaded.

mod devices;
mod faults;
mod live;
mod names;
mod rules;
