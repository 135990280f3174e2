//! Integration tests, a file per subject.

mod theory;
