//! An answer, and the five shapes that Rancher gives an error.
//!
//! Norman (`/v3`) writes the status as a number and a `baseType`; the authentication filter writes it as a string and no
//! code; Steve (`/v1`) has `links` and no `baseType`; the cluster router writes Go field names and forgets the content
//! type; and what comes out of Kubernetes is a `Status`. A client has to live with all of them.

use serde_json::{Value, json};

/// What goes back to the caller.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Body,
    /// The schemas that the answer belongs to, as a path: becomes the header `X-Api-Schemas`.
    pub schemas: Option<String>,
}

/// A body with its content type.
#[derive(Debug, Clone)]
pub(super) enum Body {
    /// Nothing, and no content type.
    Empty,
    /// JSON, said to be JSON.
    Json(Value),
    /// JSON that says it is plain text, as the cluster router's errors do.
    JsonAsText(Value),
    /// Plain text.
    Text(String),
    /// A page for people.
    Html(String),
}

impl Reply {
    /// 200 with JSON.
    pub fn ok(value: Value) -> Self {
        Self::json(200, value)
    }

    /// 201 with JSON.
    pub fn created(value: Value) -> Self {
        Self::json(201, value)
    }

    /// A status and JSON.
    pub fn json(status: u16, value: Value) -> Self {
        Self { status, body: Body::Json(value), schemas: None }
    }

    /// A status and plain text.
    pub fn text(status: u16, text: impl Into<String>) -> Self {
        Self { status, body: Body::Text(text.into()), schemas: None }
    }

    /// A status without a body.
    pub fn empty(status: u16) -> Self {
        Self { status, body: Body::Empty, schemas: None }
    }

    /// A page for people.
    pub fn html(page: String) -> Self {
        Self { status: 200, body: Body::Html(page), schemas: None }
    }

    /// The same answer with what Kubernetes calls details.
    pub fn with_details(mut self, details: Value) -> Self {
        if let Body::Json(value) = &mut self.body {
            value["details"] = details;
        }
        self
    }

    /// The same answer with a path of schemas.
    pub fn with_schemas(mut self, path: impl Into<String>) -> Self {
        self.schemas = Some(path.into());
        self
    }
}

/// An error of norman, `/v3`.
pub(super) fn norman(status: u16, code: &str, message: impl Into<String>) -> Reply {
    Reply::json(
        status,
        json!({"baseType": "error", "type": "error", "status": status, "code": code, "message": message.into()}),
    )
}

/// An error of norman that names a field.
pub(super) fn norman_field(status: u16, code: &str, field: &str, message: &str) -> Reply {
    Reply::json(
        status,
        json!({"baseType": "error", "type": "error", "status": status, "code": code, "fieldName": field, "message": message}),
    )
}

/// Norman's 404 for an object: `clusters.management.cattle.io "x" not found`.
pub(super) fn norman_not_found(resource: &str, name: &str) -> Reply {
    norman(404, "NotFound", format!("{resource} \"{name}\" not found"))
}

/// Norman's 403: Kubernetes' sentence about who may not do what.
pub(super) fn norman_forbidden(sentence: String) -> Reply {
    norman(403, "Forbidden", sentence)
}

/// An error of Steve, `/v1`.
pub(super) fn steve(status: u16, code: &str, message: impl Into<String>) -> Reply {
    Reply::json(
        status,
        json!({"type": "error", "links": {}, "status": status, "code": code, "message": message.into()}),
    )
}

/// Steve's 404 for an object.
pub(super) fn steve_not_found(resource: &str, name: &str) -> Reply {
    steve(404, "NotFound", format!("{resource} \"{name}\" not found"))
}

/// Steve's 403, which blames the method.
pub(super) fn steve_forbidden(method: &str) -> Reply {
    steve(403, "PermissionDenied", format!("Method {method} not supported"))
}

/// A refusal of Rancher's admission webhook, on either API.
pub(super) fn denied(webhook: &str, why: &str) -> String {
    format!("admission webhook \"rancher.cattle.io.{webhook}\" denied the request: {why}")
}

/// The authentication filter's 401: the status is a string, and there is no code.
pub(super) fn must_authenticate() -> Reply {
    Reply::json(401, json!({"type": "error", "status": "401", "message": "Unauthorized 401: must authenticate"}))
}

/// An error of the cluster router (`/k8s/clusters/<id>`): Go's field names, and `text/plain`.
pub(super) fn router(status: u16, code: &str, message: impl Into<String>) -> Reply {
    let body =
        json!({"Code": {"Code": code, "Status": status}, "Message": message.into(), "Cause": null, "FieldName": ""});
    Reply { status, body: Body::JsonAsText(body), schemas: None }
}

/// An error of Kubernetes.
pub(super) fn kubernetes(status: u16, reason: &str, message: impl Into<String>) -> Reply {
    Reply::json(
        status,
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message.into(),
               "reason": reason, "code": status}),
    )
}

/// Kubernetes' sentence about who may not do what to a cluster-wide resource.
pub(super) fn cannot(user: &str, verb: &str, object: &str, resource: &str, group: &str) -> String {
    format!(
        "{object} is forbidden: User \"{user}\" cannot {verb} resource \"{resource}\" in API group \"{group}\" at the \
         cluster scope"
    )
}

/// Kubernetes' sentence about who may not do what in a namespace.
pub(super) fn cannot_in(user: &str, verb: &str, object: &str, resource: &str, group: &str, namespace: &str) -> String {
    format!(
        "{object} is forbidden: User \"{user}\" cannot {verb} resource \"{resource}\" in API group \"{group}\" in the \
         namespace \"{namespace}\""
    )
}
