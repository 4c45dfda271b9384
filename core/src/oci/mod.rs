//! OCI: capabilities, seccomp, runtime specification, layers.
pub mod audit;
pub mod capability;
pub mod defaults;
pub mod digest;
pub mod image;
pub mod layer;
pub mod runtime_spec;
pub mod seccomp;
pub mod seccomp_file;
pub mod toolbox;
