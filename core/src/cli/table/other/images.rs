//! Docker's commands for images, builds and registries that are not carried out yet: enough of their grammar to judge a line.
//!
//! One row each; flags as `name/letter=kind`.

use super::super::{Arity, CommandRow};

/// The rows.
pub(in crate::cli::table) const ROWS: &[CommandRow] = &[
    CommandRow::new("search", &["search"], "[OPTIONS] TERM", Arity::Exact(1))
        .specs("filter/f=filter format=text limit=int no-trunc=bool"),
    CommandRow::new("manifest annotate", &["manifest annotate"], "[OPTIONS] MANIFEST_LIST MANIFEST", Arity::Exact(2))
        .specs("arch=text os=text os-features=strings os-version=text variant=text"),
    CommandRow::new("manifest create", &["manifest create"], "MANIFEST_LIST MANIFEST [MANIFEST...]", Arity::AtLeast(2))
        .specs("amend/a=bool insecure=bool"),
    CommandRow::new("manifest inspect", &["manifest inspect"], "[OPTIONS] [MANIFEST_LIST] MANIFEST", Arity::Between(1, 2))
        .specs("insecure=bool verbose/v=bool"),
    CommandRow::new("manifest push", &["manifest push"], "[OPTIONS] MANIFEST_LIST", Arity::Exact(1))
        .specs("insecure=bool purge/p=bool"),
    CommandRow::new("manifest rm", &["manifest rm"], "MANIFEST_LIST [MANIFEST_LIST...]", Arity::AtLeast(1)),
    CommandRow::new("trust key generate", &["trust key generate"], "NAME", Arity::Exact(1)).specs("dir=text"),
    CommandRow::new("trust key load", &["trust key load"], "[OPTIONS] KEYFILE", Arity::Exact(1)).specs("name=text"),
    CommandRow::new("trust signer add", &["trust signer add"], "OPTIONS NAME REPOSITORY [REPOSITORY...]", Arity::AtLeast(2))
        .specs("key=list"),
    CommandRow::new(
        "trust signer remove",
        &["trust signer remove"],
        "[OPTIONS] NAME REPOSITORY [REPOSITORY...]",
        Arity::AtLeast(2),
    )
    .specs("force/f=bool"),
    CommandRow::new("trust inspect", &["trust inspect"], "IMAGE[:TAG] [IMAGE[:TAG]...]", Arity::AtLeast(1)).specs("pretty=bool"),
    CommandRow::new("trust revoke", &["trust revoke"], "[OPTIONS] IMAGE[:TAG]", Arity::Exact(1)).specs("yes/y=bool"),
    CommandRow::new("trust sign", &["trust sign"], "IMAGE:TAG", Arity::Exact(1)).specs("local=bool"),
];
