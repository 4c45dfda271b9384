//! The Linux side of Glassbox: the same plans that the model kernel carries out, as real system calls.

pub mod journal;
pub mod observe;
pub mod store;
pub mod sys;
#[cfg(test)]
mod test_support;
