//! What all tests share: the committed streams of real QEMUs.

pub mod streams;
