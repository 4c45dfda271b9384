//! The Linux side of Glassbox: the same plans that the model kernel carries out, as real system calls.

pub mod sys;
