//! Docker's commands for containers that are not carried out yet: enough of their grammar to judge a line.
//!
//! One row each; flags as `name/letter=kind`.

use super::super::{Arity, CommandRow};

/// The rows.
pub(in crate::cli::table) const ROWS: &[CommandRow] = &[
    CommandRow::new("checkpoint create", &["checkpoint create"], "[OPTIONS] CONTAINER CHECKPOINT", Arity::Exact(2))
        .specs("checkpoint-dir=text leave-running=bool"),
    CommandRow::new("checkpoint ls", &["checkpoint ls"], "[OPTIONS] CONTAINER", Arity::Exact(1))
        .aliases(&[("checkpoint list", "checkpoint ls")])
        .specs("checkpoint-dir=text"),
    CommandRow::new("checkpoint rm", &["checkpoint rm"], "[OPTIONS] CONTAINER CHECKPOINT", Arity::Exact(2))
        .aliases(&[("checkpoint remove", "checkpoint rm")])
        .specs("checkpoint-dir=text"),
];
