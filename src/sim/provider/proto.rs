//! The messages of terraform's plugin protocol 5 (`tfplugin5`), written by hand so that no protoc is needed.
//!
//! Field numbers are those of the protocol's `tfplugin5.proto`; messages and fields that this provider neither reads nor
//! answers are left out, which protobuf allows.

use prost::Message;

/// A value in cty's msgpack (or, in old states, JSON) form.
#[derive(Clone, PartialEq, Message)]
pub struct DynamicValue {
    #[prost(bytes = "vec", tag = "1")]
    pub msgpack: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub json: Vec<u8>,
}

/// An error or a warning for the person at the terminal.
#[derive(Clone, PartialEq, Message)]
pub struct Diagnostic {
    #[prost(enumeration = "Severity", tag = "1")]
    pub severity: i32,
    #[prost(string, tag = "2")]
    pub summary: String,
    #[prost(string, tag = "3")]
    pub detail: String,
    #[prost(message, optional, tag = "4")]
    pub attribute: Option<AttributePath>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub enum Severity {
    Invalid = 0,
    Error = 1,
    Warning = 2,
}

#[derive(Clone, PartialEq, Message)]
pub struct AttributePath {
    #[prost(message, repeated, tag = "1")]
    pub steps: Vec<Step>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Step {
    #[prost(oneof = "Selector", tags = "1, 2, 3")]
    pub selector: Option<Selector>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Selector {
    #[prost(string, tag = "1")]
    AttributeName(String),
    #[prost(string, tag = "2")]
    ElementKeyString(String),
    #[prost(int64, tag = "3")]
    ElementKeyInt(i64),
}

#[derive(Clone, PartialEq, Message)]
pub struct RawState {
    #[prost(bytes = "vec", tag = "1")]
    pub json: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Schema {
    #[prost(int64, tag = "1")]
    pub version: i64,
    #[prost(message, optional, tag = "2")]
    pub block: Option<Block>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Block {
    #[prost(int64, tag = "1")]
    pub version: i64,
    #[prost(message, repeated, tag = "2")]
    pub attributes: Vec<Attribute>,
    #[prost(message, repeated, tag = "3")]
    pub block_types: Vec<NestedBlock>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Attribute {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(bytes = "vec", tag = "2")]
    pub r#type: Vec<u8>,
    #[prost(bool, tag = "4")]
    pub required: bool,
    #[prost(bool, tag = "5")]
    pub optional: bool,
    #[prost(bool, tag = "6")]
    pub computed: bool,
    #[prost(bool, tag = "7")]
    pub sensitive: bool,
}

#[derive(Clone, PartialEq, Message)]
pub struct NestedBlock {
    #[prost(string, tag = "1")]
    pub type_name: String,
    #[prost(message, optional, tag = "2")]
    pub block: Option<Block>,
    #[prost(enumeration = "NestingMode", tag = "3")]
    pub nesting: i32,
    #[prost(int64, tag = "4")]
    pub min_items: i64,
    #[prost(int64, tag = "5")]
    pub max_items: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub enum NestingMode {
    Invalid = 0,
    Single = 1,
    List = 2,
}

#[derive(Clone, PartialEq, Message)]
pub struct ServerCapabilities {
    #[prost(bool, tag = "1")]
    pub plan_destroy: bool,
    #[prost(bool, tag = "2")]
    pub get_provider_schema_optional: bool,
}

/// A request without fields that matter here.
#[derive(Clone, PartialEq, Message)]
pub struct Empty {}

pub mod get_schema {
    use super::*;

    #[derive(Clone, PartialEq, Message)]
    pub struct Response {
        #[prost(message, optional, tag = "1")]
        pub provider: Option<Schema>,
        #[prost(map = "string, message", tag = "2")]
        pub resource_schemas: std::collections::HashMap<String, Schema>,
        #[prost(map = "string, message", tag = "3")]
        pub data_source_schemas: std::collections::HashMap<String, Schema>,
        #[prost(message, repeated, tag = "4")]
        pub diagnostics: Vec<Diagnostic>,
        #[prost(message, optional, tag = "6")]
        pub server_capabilities: Option<ServerCapabilities>,
    }
}

pub mod get_metadata {
    use super::*;

    #[derive(Clone, PartialEq, Message)]
    pub struct Response {
        #[prost(message, optional, tag = "1")]
        pub server_capabilities: Option<ServerCapabilities>,
        #[prost(message, repeated, tag = "2")]
        pub diagnostics: Vec<Diagnostic>,
        #[prost(message, repeated, tag = "3")]
        pub data_sources: Vec<TypeName>,
        #[prost(message, repeated, tag = "4")]
        pub resources: Vec<TypeName>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct TypeName {
        #[prost(string, tag = "1")]
        pub type_name: String,
    }
}

pub mod prepare_config {
    use super::*;

    #[derive(Clone, PartialEq, Message)]
    pub struct Request {
        #[prost(message, optional, tag = "1")]
        pub config: Option<DynamicValue>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct Response {
        #[prost(message, optional, tag = "1")]
        pub prepared_config: Option<DynamicValue>,
        #[prost(message, repeated, tag = "2")]
        pub diagnostics: Vec<Diagnostic>,
    }
}

pub mod configure {
    use super::*;

    #[derive(Clone, PartialEq, Message)]
    pub struct Request {
        #[prost(string, tag = "1")]
        pub terraform_version: String,
        #[prost(message, optional, tag = "2")]
        pub config: Option<DynamicValue>,
    }
}

/// What `Configure` and both `Validate…Config` calls answer.
#[derive(Clone, PartialEq, Message)]
pub struct Diagnostics {
    #[prost(message, repeated, tag = "1")]
    pub diagnostics: Vec<Diagnostic>,
}

pub mod validate {
    use super::*;

    #[derive(Clone, PartialEq, Message)]
    pub struct Request {
        #[prost(string, tag = "1")]
        pub type_name: String,
        #[prost(message, optional, tag = "2")]
        pub config: Option<DynamicValue>,
    }
}

pub mod upgrade_state {
    use super::*;

    #[derive(Clone, PartialEq, Message)]
    pub struct Request {
        #[prost(string, tag = "1")]
        pub type_name: String,
        #[prost(int64, tag = "2")]
        pub version: i64,
        #[prost(message, optional, tag = "3")]
        pub raw_state: Option<RawState>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct Response {
        #[prost(message, optional, tag = "1")]
        pub upgraded_state: Option<DynamicValue>,
        #[prost(message, repeated, tag = "2")]
        pub diagnostics: Vec<Diagnostic>,
    }
}

pub mod read {
    use super::*;

    #[derive(Clone, PartialEq, Message)]
    pub struct Request {
        #[prost(string, tag = "1")]
        pub type_name: String,
        #[prost(message, optional, tag = "2")]
        pub current_state: Option<DynamicValue>,
        #[prost(bytes = "vec", tag = "3")]
        pub private: Vec<u8>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct Response {
        #[prost(message, optional, tag = "1")]
        pub new_state: Option<DynamicValue>,
        #[prost(message, repeated, tag = "2")]
        pub diagnostics: Vec<Diagnostic>,
        #[prost(bytes = "vec", tag = "3")]
        pub private: Vec<u8>,
    }
}

pub mod plan {
    use super::*;

    #[derive(Clone, PartialEq, Message)]
    pub struct Request {
        #[prost(string, tag = "1")]
        pub type_name: String,
        #[prost(message, optional, tag = "2")]
        pub prior_state: Option<DynamicValue>,
        #[prost(message, optional, tag = "3")]
        pub proposed_new_state: Option<DynamicValue>,
        #[prost(message, optional, tag = "4")]
        pub config: Option<DynamicValue>,
        #[prost(bytes = "vec", tag = "5")]
        pub prior_private: Vec<u8>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct Response {
        #[prost(message, optional, tag = "1")]
        pub planned_state: Option<DynamicValue>,
        #[prost(message, repeated, tag = "2")]
        pub requires_replace: Vec<AttributePath>,
        #[prost(bytes = "vec", tag = "3")]
        pub planned_private: Vec<u8>,
        #[prost(message, repeated, tag = "4")]
        pub diagnostics: Vec<Diagnostic>,
        #[prost(bool, tag = "5")]
        pub legacy_type_system: bool,
    }
}

pub mod apply {
    use super::*;

    #[derive(Clone, PartialEq, Message)]
    pub struct Request {
        #[prost(string, tag = "1")]
        pub type_name: String,
        #[prost(message, optional, tag = "2")]
        pub prior_state: Option<DynamicValue>,
        #[prost(message, optional, tag = "3")]
        pub planned_state: Option<DynamicValue>,
        #[prost(message, optional, tag = "4")]
        pub config: Option<DynamicValue>,
        #[prost(bytes = "vec", tag = "5")]
        pub planned_private: Vec<u8>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct Response {
        #[prost(message, optional, tag = "1")]
        pub new_state: Option<DynamicValue>,
        #[prost(bytes = "vec", tag = "2")]
        pub private: Vec<u8>,
        #[prost(message, repeated, tag = "3")]
        pub diagnostics: Vec<Diagnostic>,
        #[prost(bool, tag = "4")]
        pub legacy_type_system: bool,
    }
}

pub mod import {
    use super::*;

    #[derive(Clone, PartialEq, Message)]
    pub struct Request {
        #[prost(string, tag = "1")]
        pub type_name: String,
        #[prost(string, tag = "2")]
        pub id: String,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct Imported {
        #[prost(string, tag = "1")]
        pub type_name: String,
        #[prost(message, optional, tag = "2")]
        pub state: Option<DynamicValue>,
        #[prost(bytes = "vec", tag = "3")]
        pub private: Vec<u8>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct Response {
        #[prost(message, repeated, tag = "1")]
        pub imported_resources: Vec<Imported>,
        #[prost(message, repeated, tag = "2")]
        pub diagnostics: Vec<Diagnostic>,
    }
}

pub mod read_data {
    use super::*;

    #[derive(Clone, PartialEq, Message)]
    pub struct Request {
        #[prost(string, tag = "1")]
        pub type_name: String,
        #[prost(message, optional, tag = "2")]
        pub config: Option<DynamicValue>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct Response {
        #[prost(message, optional, tag = "1")]
        pub state: Option<DynamicValue>,
        #[prost(message, repeated, tag = "2")]
        pub diagnostics: Vec<Diagnostic>,
    }
}

pub mod stop {
    use super::*;

    #[derive(Clone, PartialEq, Message)]
    pub struct Response {
        #[prost(string, tag = "1")]
        pub error: String,
    }
}
