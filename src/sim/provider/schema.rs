//! What a resource looks like to terraform, and where each of its attributes lives in Rancher's JSON.
//!
//! The tables in [`super::tables`] are built of these. One table serves the schema, the plan and the translation, so
//! that an attribute cannot be in one and be forgotten in another.

use serde_json::{Value as Json, json};

use super::proto;
use super::value::Value;

/// The type of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Type {
    /// Text.
    String,
    /// True or false.
    Bool,
    /// A whole number.
    Number,
    /// A list of text.
    Strings,
    /// A map from text to text.
    StringMap,
    /// A list of objects whose attributes are text or maps of text.
    Objects(&'static [(&'static str, Type)]),
}

impl Type {
    /// cty's JSON form of the type, as in `terraform providers schema -json`.
    pub fn json(&self) -> Json {
        match self {
            Self::String => json!("string"),
            Self::Bool => json!("bool"),
            Self::Number => json!("number"),
            Self::Strings => json!(["list", "string"]),
            Self::StringMap => json!(["map", "string"]),
            Self::Objects(fields) => {
                let fields: serde_json::Map<_, _> =
                    fields.iter().map(|(name, ty)| ((*name).to_owned(), ty.json())).collect();
                json!(["list", ["object", fields]])
            }
        }
    }

    /// What the old plugin SDK takes for "not set".
    pub fn zero(&self) -> Value {
        match self {
            Self::String => Value::text(""),
            Self::Bool => Value::Bool(false),
            Self::Number => Value::Number(0.0),
            Self::Strings | Self::Objects(_) => Value::List(Vec::new()),
            Self::StringMap => Value::Map(Default::default()),
        }
    }
}

/// Who gives an attribute its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// The configuration must.
    Required,
    /// The configuration may.
    Optional,
    /// The configuration may, else Rancher does.
    OptionalComputed,
    /// Rancher does.
    Computed,
}

/// How an attribute is written in Rancher's JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As it is.
    Plain,
    /// Text that is YAML here and an object there.
    Yaml,
    /// Text that is JSON here and an object there.
    Json,
    /// Seconds here, a duration such as `10m0s` there.
    Seconds,
    /// Not part of the object: the resource's code sees to it.
    Elsewhere,
}

/// One attribute.
#[derive(Debug, Clone)]
pub struct Attribute {
    /// Its name in terraform.
    pub name: &'static str,
    /// Its type.
    pub ty: Type,
    /// Who gives it.
    pub given: Given,
    /// Whether terraform hides it.
    pub sensitive: bool,
    /// Whether a change replaces the resource.
    pub force_new: bool,
    /// What it is when the configuration says nothing.
    pub default: Option<Value>,
    /// Its name in Rancher's JSON; dots lead into objects.
    pub field: String,
    /// How it is written there.
    pub form: Form,
    /// Written there even when it is zero.
    pub always: bool,
}

impl Attribute {
    fn new(name: &'static str, ty: Type, given: Given) -> Self {
        let field = camel(name);
        let (sensitive, force_new, default, form, always) = (false, false, None, Form::Plain, false);
        Self { name, ty, given, sensitive, force_new, default, field, form, always }
    }

    /// Must be configured.
    pub fn required(name: &'static str, ty: Type) -> Self {
        Self::new(name, ty, Given::Required)
    }

    /// May be configured.
    pub fn optional(name: &'static str, ty: Type) -> Self {
        Self::new(name, ty, Given::Optional)
    }

    /// May be configured, else Rancher says.
    pub fn optional_computed(name: &'static str, ty: Type) -> Self {
        Self::new(name, ty, Given::OptionalComputed)
    }

    /// Only Rancher says.
    pub fn computed(name: &'static str, ty: Type) -> Self {
        Self::new(name, ty, Given::Computed).elsewhere()
    }

    /// Hidden by terraform.
    pub fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }

    /// A change replaces the resource.
    pub fn force_new(mut self) -> Self {
        self.force_new = true;
        self
    }

    /// Text that stands when nothing is configured.
    pub fn or_text(mut self, default: &str) -> Self {
        self.default = Some(Value::text(default));
        self
    }

    /// A flag that stands when nothing is configured.
    pub fn or_flag(mut self, default: bool) -> Self {
        self.default = Some(Value::Bool(default));
        self
    }

    /// A number that stands when nothing is configured.
    pub fn or_number(mut self, default: u32) -> Self {
        self.default = Some(Value::Number(f64::from(default)));
        self
    }

    /// Its name in Rancher's JSON, where that is not the camel-cased one.
    pub fn field(mut self, field: &str) -> Self {
        field.clone_into(&mut self.field);
        self
    }

    /// How it is written in Rancher's JSON.
    pub fn form(mut self, form: Form) -> Self {
        self.form = form;
        self
    }

    /// Written even when zero.
    pub fn always(mut self) -> Self {
        self.always = true;
        self
    }

    /// Not translated by the table.
    pub fn elsewhere(self) -> Self {
        self.form(Form::Elsewhere)
    }

    /// Whether Rancher may give the value.
    pub fn is_computed(&self) -> bool {
        matches!(self.given, Given::Computed | Given::OptionalComputed)
    }

    /// Whether the configuration may give the value without having to.
    pub fn is_optional(&self) -> bool {
        matches!(self.given, Given::Optional | Given::OptionalComputed)
    }
}

/// How the instances of a nested block are written in Rancher's JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One object.
    Object,
    /// An array of objects.
    Array,
    /// An object whose keys are this attribute of the instances.
    KeyedBy(&'static str),
    /// The attributes stand in the parent object itself.
    Inline,
    /// Not translated by the table.
    Elsewhere,
}

/// A nested block.
#[derive(Debug, Clone)]
pub struct Nested {
    /// Its name in terraform.
    pub name: &'static str,
    /// What is in it.
    pub block: Block,
    /// Whether terraform takes it as one object (only `timeouts`) and not as a list.
    pub single: bool,
    /// How many there must be.
    pub min: i64,
    /// How many there may be; 0 for any number.
    pub max: i64,
    /// Its name in Rancher's JSON.
    pub field: String,
    /// How it is written there.
    pub shape: Shape,
    /// Written there even when it is not configured.
    pub always: bool,
}

impl Nested {
    /// A block that may stand once.
    pub fn one(name: &'static str, block: Block) -> Self {
        let field = camel(name);
        Self { name, block, single: false, min: 0, max: 1, field, shape: Shape::Object, always: false }
    }

    /// A block that may stand any number of times.
    pub fn many(name: &'static str, block: Block) -> Self {
        Self { max: 0, shape: Shape::Array, ..Self::one(name, block) }
    }

    /// The block `timeouts` with these operations.
    pub fn timeouts() -> Self {
        let block = Block::of(
            ["create", "update", "delete"].map(|name| Attribute::optional(name, Type::String).elsewhere()).to_vec(),
        );
        Self { single: true, max: 0, shape: Shape::Elsewhere, ..Self::one("timeouts", block) }
    }

    /// Must stand at least once.
    pub fn required(mut self) -> Self {
        self.min = 1;
        self
    }

    /// Its name in Rancher's JSON, where that is not the camel-cased one.
    pub fn field(mut self, field: &str) -> Self {
        field.clone_into(&mut self.field);
        self
    }

    /// How it is written in Rancher's JSON.
    pub fn shape(mut self, shape: Shape) -> Self {
        self.shape = shape;
        self
    }

    /// Written even when it is not configured.
    pub fn always(mut self) -> Self {
        self.always = true;
        self
    }
}

/// Attributes and nested blocks.
#[derive(Debug, Clone, Default)]
pub struct Block {
    /// The attributes.
    pub attributes: Vec<Attribute>,
    /// The nested blocks.
    pub blocks: Vec<Nested>,
}

impl Block {
    /// A block of attributes.
    pub fn of(attributes: Vec<Attribute>) -> Self {
        Self { attributes, blocks: Vec::new() }
    }

    /// With nested blocks.
    pub fn with(mut self, blocks: Vec<Nested>) -> Self {
        self.blocks = blocks;
        self
    }

    /// The value with exactly the attributes of this block: missing ones null, unknown names left out.
    pub fn conform(&self, value: &Value) -> Value {
        let Value::Map(map) = value else { return value.clone() };
        let mut out: std::collections::BTreeMap<String, Value> =
            self.attributes.iter().map(|a| (a.name.to_owned(), map.get(a.name).cloned().unwrap_or_default())).collect();
        for nested in &self.blocks {
            let inner = match map.get(nested.name).unwrap_or(&Value::Null) {
                value if nested.single => nested.block.conform(value),
                Value::List(items) => Value::List(items.iter().map(|item| nested.block.conform(item)).collect()),
                Value::Unknown => Value::Unknown,
                _ => Value::List(Vec::new()),
            };
            out.insert(nested.name.to_owned(), inner);
        }
        Value::Map(out)
    }

    /// The block as the protocol sends it.
    pub fn to_proto(&self) -> proto::Block {
        proto::Block {
            version: 0,
            attributes: self
                .attributes
                .iter()
                .map(|a| proto::Attribute {
                    name: a.name.to_owned(),
                    r#type: a.ty.json().to_string().into_bytes(),
                    required: a.given == Given::Required,
                    optional: a.is_optional(),
                    computed: a.is_computed(),
                    sensitive: a.sensitive,
                })
                .collect(),
            block_types: self
                .blocks
                .iter()
                .map(|nested| proto::NestedBlock {
                    type_name: nested.name.to_owned(),
                    block: Some(nested.block.to_proto()),
                    nesting: if nested.single { proto::NestingMode::Single } else { proto::NestingMode::List }.into(),
                    min_items: nested.min,
                    max_items: nested.max,
                })
                .collect(),
        }
    }
}

/// A resource or data source: its schema's version and its block.
#[derive(Debug, Clone)]
pub struct Schema {
    /// The version of its state.
    pub version: i64,
    /// Its attributes and blocks.
    pub block: Block,
}

impl Schema {
    /// The schema as the protocol sends it.
    pub fn to_proto(&self) -> proto::Schema {
        proto::Schema { version: self.version, block: Some(self.block.to_proto()) }
    }
}

/// `snake_case` to `camelCase`.
fn camel(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut upper = false;
    for letter in name.chars() {
        if letter == '_' {
            upper = true;
        } else {
            out.push(if upper { letter.to_ascii_uppercase() } else { letter });
            upper = false;
        }
    }
    out
}
