//! How the agents that Rancher puts into a cluster are scheduled.

use super::super::schema::{Attribute, Block, Form, Nested, Shape, Type};
use super::{block, texts};

/// The block of the cluster agent or the fleet agent; Rancher takes the first one only.
pub fn customization(name: &'static str) -> Nested {
    let toleration = block(vec![
        texts(["effect", "operator", "value"]),
        vec![
            Attribute::required("key", Type::String),
            Attribute::optional_computed("seconds", Type::Number).field("tolerationSeconds"),
        ],
    ]);
    let requirements = Block::of(vec![
        Attribute::optional("cpu_limit", Type::String).field("limits.cpu"),
        Attribute::optional("cpu_request", Type::String).field("requests.cpu"),
        Attribute::optional("memory_limit", Type::String).field("limits.memory"),
        Attribute::optional("memory_request", Type::String).field("requests.memory"),
    ]);
    let scheduling = Block::default().with(vec![
        Nested::many("pod_disruption_budget", block(vec![texts(["max_unavailable", "min_available"])]))
            .shape(Shape::Object),
        Nested::many(
            "priority_class",
            block(vec![texts(["preemption_policy"]), vec![Attribute::required("value", Type::Number)]]),
        )
        .shape(Shape::Object),
    ]);
    let affinity = Attribute::optional("override_affinity", Type::String).form(Form::Json);
    Nested::many(
        name,
        Block::of(vec![affinity]).with(vec![
            Nested::many("append_tolerations", toleration),
            Nested::many("override_resource_requirements", requirements).shape(Shape::Object),
            Nested::many("scheduling_customization", scheduling).shape(Shape::Object),
        ]),
    )
    .shape(Shape::Object)
}
