//! OCI: capabilities, seccomp, runtime specification.
pub mod capability;
pub mod defaults;
pub mod seccomp;
pub mod toolbox;
