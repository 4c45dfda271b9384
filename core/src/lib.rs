//! `glassbox-core`: commands, plans, steps, explanations, and a model of Linux. Pure: it does no I/O.
//!
//! ```text
//! text -cli-> Command -plan-> Plan (tree of Steps) -execute-> Events -apply-> State -view-> plain data for UIs
//! ```
//!
//! One plan, two kernels: `sim` carries the steps out in the model kernel, the `glassbox` binary on Linux.
//!
//! The invariants (each an absence, each checked by a test in `tests/`):
//! - nothing here does I/O: no file system, clock, environment, thread, socket, random source, global;
//! - planning is pure, execution decides nothing;
//! - no step lacks an explanation, a cause or an undo;
//! - `model` does not import `plan`; nothing here knows of `native` or `web`;
//! - nothing is unbounded: see `limits`.

pub mod accounts;
pub mod apply;
pub mod archive;
pub mod build;
pub mod catalogue;
pub mod chronicle;
pub mod cli;
pub mod copying;
pub mod cpu_list;
pub mod device;
pub mod diagnosis;
pub mod dockerfile;
pub mod errno;
pub mod event;
pub mod explain;
pub mod foreign;
mod go_json;
pub mod home;
pub mod host;
pub mod layout;
pub mod lesson;
pub mod model;
pub mod modelled;
pub mod net;
pub mod observe;
pub mod oci;
pub mod permission;
pub mod plan;
pub mod query;
pub mod reference;
pub mod registry;
pub mod resolv_conf;
pub mod resource_limit;
pub mod session;
pub mod sim;
pub mod step;
pub mod sysctl;
pub mod template;
pub mod userland;
pub mod view;
pub mod wasi;
pub mod why;
pub mod workdir;
