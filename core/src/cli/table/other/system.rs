//! Docker's commands for the daemon, contexts and plugins that are not carried out yet: enough of their grammar to judge a line.
//!
//! One row each; flags as `name/letter=kind`.

use super::super::{Arity, CommandRow};

/// The rows.
pub(in crate::cli::table) const ROWS: &[CommandRow] = &[
    CommandRow::new("context create", &["context create"], "[OPTIONS] CONTEXT", Arity::Exact(1))
        .specs("description=text docker=list from=text"),
    CommandRow::new("context export", &["context export"], "[OPTIONS] CONTEXT [FILE|-]", Arity::Between(1, 2)),
    CommandRow::new("context import", &["context import"], "CONTEXT FILE|-", Arity::Exact(2)),
    CommandRow::new("context inspect", &["context inspect"], "[OPTIONS] [CONTEXT] [CONTEXT...]", Arity::Any).specs("format/f=text"),
    CommandRow::new("context ls", &["context ls"], "[OPTIONS]", Arity::None)
        .aliases(&[("context list", "context ls")])
        .specs("format=text quiet/q=bool"),
    CommandRow::new("context rm", &["context rm"], "CONTEXT [CONTEXT...]", Arity::AtLeast(1))
        .aliases(&[("context remove", "context rm")])
        .specs("force/f=bool"),
    CommandRow::new("context show", &["context show"], "", Arity::None),
    CommandRow::new("context update", &["context update"], "[OPTIONS] CONTEXT", Arity::Exact(1))
        .specs("description=text docker=list"),
    CommandRow::new("context use", &["context use"], "CONTEXT", Arity::Any),
    CommandRow::new("plugin create", &["plugin create"], "[OPTIONS] PLUGIN PLUGIN-DATA-DIR", Arity::AtLeast(2))
        .specs("compress=bool"),
    CommandRow::new("plugin disable", &["plugin disable"], "[OPTIONS] PLUGIN", Arity::Exact(1)).specs("force/f=bool"),
    CommandRow::new("plugin enable", &["plugin enable"], "[OPTIONS] PLUGIN", Arity::Exact(1)).specs("timeout=int"),
    CommandRow::new("plugin inspect", &["plugin inspect"], "[OPTIONS] PLUGIN [PLUGIN...]", Arity::AtLeast(1))
        .specs("format/f=text"),
    CommandRow::new("plugin install", &["plugin install"], "[OPTIONS] PLUGIN [KEY=VALUE...]", Arity::AtLeast(1))
        .specs("alias=text disable=bool disable-content-trust=bool grant-all-permissions=bool"),
    CommandRow::new("plugin ls", &["plugin ls"], "[OPTIONS]", Arity::None)
        .aliases(&[("plugin list", "plugin ls")])
        .specs("filter/f=filter format=text no-trunc=bool quiet/q=bool"),
    CommandRow::new("plugin push", &["plugin push"], "[OPTIONS] PLUGIN[:TAG]", Arity::Exact(1)).specs("disable-content-trust=bool"),
    CommandRow::new("plugin rm", &["plugin rm"], "[OPTIONS] PLUGIN [PLUGIN...]", Arity::AtLeast(1))
        .aliases(&[("plugin remove", "plugin rm")])
        .specs("force/f=bool"),
    CommandRow::new("plugin set", &["plugin set"], "PLUGIN KEY=VALUE [KEY=VALUE...]", Arity::AtLeast(2)),
    CommandRow::new("plugin upgrade", &["plugin upgrade"], "[OPTIONS] PLUGIN [REMOTE]", Arity::Between(1, 2))
        .specs("disable-content-trust=bool grant-all-permissions=bool skip-remote-check=bool"),
];
