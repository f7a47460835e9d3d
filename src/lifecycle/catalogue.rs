//! The catalogue: what a tenant's people may choose from. Made by the configuration, read by the command language and the renderer.
//!
//! Nothing here does I/O, reads a clock or draws a random number.

use std::collections::BTreeMap;

use super::form::{ClassName, Form, KubernetesVersion, Region, SizeName, Ttl};

/// A tenant's classes, in the order in which they are shown. Never empty; the first is the default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    /// The classes.
    pub classes: Vec<Class>,
}

/// A module plus what a person may choose about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    /// What people type.
    pub name: ClassName,
    /// One line for people: "RKE2 on EC2, private nodes".
    pub description: String,
    /// The module's folder under `modules/`.
    pub module: String,
    /// The template that renders it, by name under `templates/`.
    pub template: String,
    /// The sizes, in the order in which they are shown. Never empty; the first is the default.
    pub sizes: Vec<Size>,
    /// The Kubernetes versions that may be chosen. Never empty; the first is the default.
    pub kubernetes: Vec<KubernetesVersion>,
    /// The regions that may be chosen. Never empty; the first is the default.
    pub regions: Vec<Region>,
    /// The lifetime where none is asked for; `None` is without an end.
    pub ttl_default: Option<Ttl>,
    /// The longest lifetime. Where there is one, "without an end" cannot be had.
    pub ttl_max: Option<Ttl>,
    /// Whether a reason has to be given.
    pub reason_required: bool,
    /// Whether a ticket has to be given.
    pub ticket_required: bool,
    /// Module inputs that come from the foundation's outputs: input -> output.
    pub foundation: BTreeMap<String, String>,
    /// Module inputs with fixed values, the same for every cluster of the class.
    pub values: BTreeMap<String, Value>,
}

/// A fixed value of a module input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A string.
    Text(String),
    /// A whole number.
    Number(i64),
    /// `true` or `false`.
    Flag(bool),
    /// A list of strings.
    List(Vec<String>),
    /// A map of strings.
    Map(BTreeMap<String, String>),
}

/// One size of a class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Size {
    /// What people type.
    pub name: SizeName,
    /// The machine type of all nodes.
    pub instance_type: String,
    /// How many control plane nodes.
    pub control_planes: u32,
    /// The fewest workers.
    pub workers_min: u32,
    /// The most workers.
    pub workers_max: u32,
    /// The workers where no number is asked for.
    pub workers_default: u32,
    /// What one node costs a month, in US cents; a hint, not a bill.
    pub cents_a_node_month: Option<u64>,
}

impl Size {
    /// About what a cluster of this size costs a month, in whole US dollars.
    pub fn dollars_a_month(&self, workers: u32) -> Option<u32> {
        let cents = self.cents_a_node_month?.checked_mul(u64::from(self.control_planes) + u64::from(workers))?;
        u32::try_from((cents + 50) / 100).ok()
    }
}

impl Catalogue {
    /// The class where none is named.
    pub fn default_class(&self) -> Option<&Class> {
        self.classes.first()
    }

    /// The class of that name.
    pub fn class(&self, name: &str) -> Option<&Class> {
        self.classes.iter().find(|c| c.name.as_str() == name)
    }

    /// The class that a form was filled in for, if the catalogue still has it.
    pub fn class_of(&self, form: &Form) -> Option<&Class> {
        self.class(form.class.as_str())
    }
}

impl Class {
    /// The size of that name.
    pub fn size(&self, name: &str) -> Option<&Size> {
        self.sizes.iter().find(|s| s.name.as_str() == name)
    }
}
