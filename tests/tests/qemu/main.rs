//! Tests against running QEMUs (`tests/qemu/install` installs them).

mod differential;
mod machine;
