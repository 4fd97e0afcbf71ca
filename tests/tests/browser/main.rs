//! Tests in Chromium (`tests/browser/install` installs it).

mod report;
mod timeline;
