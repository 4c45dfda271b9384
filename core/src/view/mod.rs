//! Plain data for pictures, each with its text.

pub mod machine;
