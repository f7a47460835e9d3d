//! The keys of a class of clusters.

use super::Need::{Default, Optional, Required};
use super::keys::{LINE, key, named, parsed, section};
use super::{Section, Takes};
use crate::config::values as v;
use crate::lifecycle::form::{ClassName, KubernetesVersion, Region, SizeName, Ttl};

pub(super) const CLASS: Section = named(
    "tenants.*.classes.*",
    parsed::<ClassName>,
    "A class of clusters: a module, and what a person may choose about it. At least one.",
    &[
        key("description", LINE, Required, "What people read in the list of classes."),
        key(
            "module",
            Takes::Text("the name of a folder", v::module),
            Required,
            "The module's folder under modules/ in the repository.",
        ),
        key(
            "template",
            Takes::Text("the name of a template", v::module),
            Default("\"cluster\""),
            "The template that writes the module call.",
        ),
        key(
            "kubernetes",
            Takes::Texts("a Kubernetes version, such as v1.33.5+rke2r1", parsed::<KubernetesVersion>),
            Required,
            "The versions that may be chosen; the first is the default.",
        ),
        key(
            "regions",
            Takes::Texts("a region, such as eu-west-1", parsed::<Region>),
            Required,
            "The regions that may be chosen; the first is the default.",
        ),
        key("reason_required", Takes::Flag, Default("false"), "Whether a request has to give a reason."),
        key("ticket_required", Takes::Flag, Default("false"), "Whether a request has to name a ticket."),
        key(
            "requester_role",
            Takes::Text("the id of a role template of Rancher", v::role),
            Optional("the tenant's"),
            "The role that whoever asked is given in clusters of this class.",
        ),
        key(
            "foundation",
            Takes::TextMap("the name of an output", v::identifier),
            Default("{}"),
            "Inputs of the module that are outputs of the foundation: input = \"output\".",
        ),
        key(
            "values",
            Takes::Values,
            Default("{}"),
            "Inputs of the module that are the same for all clusters of the class. They are written into the repository: no secrets.",
        ),
    ],
);

pub(super) const TTL: Section = section(
    "tenants.*.classes.*.ttl",
    false,
    "How long a cluster lives.",
    &[
        key(
            "default",
            Takes::Text("a number with h, d or w, such as 8h, 7d or 2w", parsed::<Ttl>),
            Optional("without an end"),
            "Where a request says nothing. Needed where there is a longest.",
        ),
        key(
            "max",
            Takes::Text("a number with h, d or w, such as 8h, 7d or 2w", parsed::<Ttl>),
            Optional("no limit"),
            "The longest that may be asked for. With it, a cluster without an end cannot be had.",
        ),
    ],
);

pub(super) const SIZE: Section = section(
    "tenants.*.classes.*.sizes[]",
    true,
    "A size of the class. At least one; the first is the default.",
    &[
        key("name", Takes::Text("a short lower-case name", parsed::<SizeName>), Required, "What people type."),
        key(
            "instance_type",
            Takes::Text("a machine type, such as m6i.large", v::instance_type),
            Required,
            "The machine type of its nodes.",
        ),
        key(
            "control_planes",
            Takes::Count(1, 7),
            Default("1"),
            "How many control plane nodes: an odd number, because etcd decides by majority.",
        ),
        key(
            "dollars_a_node_month",
            Takes::Dollars,
            Optional("no price is shown"),
            "What one node costs a month, all in. A hint for people, not a bill.",
        ),
    ],
);

pub(super) const WORKERS: Section = section(
    "tenants.*.classes.*.sizes[].workers",
    true,
    "How many workers a cluster of the size has.",
    &[
        key("min", Takes::Count(0, 1_000), Default("1"), "The fewest."),
        key("default", Takes::Count(0, 1_000), Required, "Where a request says nothing."),
        key("max", Takes::Count(1, 1_000), Required, "The most."),
    ],
);
