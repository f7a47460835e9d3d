//! What all of `/v3` has in common: the root, schemas, collections with paging, sorting and filters.

use serde_json::{Map, Value, json};

use super::call::Call;
use super::reply::{Reply, norman};

/// A type of the management API.
pub(super) struct Kind {
    /// `clusterRoleTemplateBinding`.
    pub id: &'static str,
    /// `clusterRoleTemplateBindings`, as links spell it.
    pub plural: &'static str,
    /// What one may filter by.
    pub filters: &'static [&'static str],
    /// What the whole collection accepts.
    pub collection: &'static [&'static str],
    /// What one object accepts.
    pub resource: &'static [&'static str],
}

const ALL: &[&str] = &["GET", "POST"];
const READ: &[&str] = &["GET"];
const CHANGE: &[&str] = &["GET", "PUT", "DELETE"];

/// Every type of `/v3` that is served.
pub(super) const KINDS: [Kind; 12] = [
    Kind {
        id: "cloudCredential",
        plural: "cloudCredentials",
        filters: &["name", "id", "creatorId"],
        collection: ALL,
        resource: CHANGE,
    },
    Kind {
        id: "cluster",
        plural: "clusters",
        filters: &["name", "id", "creatorId", "fleetWorkspaceName", "provider"],
        collection: READ,
        resource: &["GET", "DELETE"],
    },
    Kind {
        id: "clusterRegistrationToken",
        plural: "clusterRegistrationTokens",
        filters: &["clusterId", "id", "name"],
        collection: READ,
        resource: READ,
    },
    Kind {
        id: "clusterRoleTemplateBinding",
        plural: "clusterRoleTemplateBindings",
        filters: &[
            "clusterId",
            "userId",
            "userPrincipalId",
            "groupId",
            "groupPrincipalId",
            "roleTemplateId",
            "name",
            "id",
            "creatorId",
        ],
        collection: ALL,
        resource: CHANGE,
    },
    Kind {
        id: "globalRole",
        plural: "globalRoles",
        filters: &["name", "id", "builtin", "creatorId"],
        collection: ALL,
        resource: CHANGE,
    },
    Kind {
        id: "globalRoleBinding",
        plural: "globalRoleBindings",
        filters: &["globalRoleId", "userId", "groupPrincipalId", "name", "id", "creatorId"],
        collection: ALL,
        resource: CHANGE,
    },
    Kind {
        id: "nodeDriver",
        plural: "nodeDrivers",
        filters: &["name", "id", "active", "state"],
        collection: READ,
        resource: READ,
    },
    Kind {
        id: "principal",
        plural: "principals",
        filters: &["id", "name", "loginName", "provider", "principalType"],
        collection: READ,
        resource: READ,
    },
    Kind {
        id: "roleTemplate",
        plural: "roleTemplates",
        filters: &["context", "name", "id", "builtin", "locked"],
        collection: ALL,
        resource: CHANGE,
    },
    Kind {
        id: "setting",
        plural: "settings",
        filters: &["name", "id", "source", "value", "customized"],
        collection: READ,
        resource: &["GET", "PUT"],
    },
    Kind {
        id: "token",
        plural: "tokens",
        filters: &["name", "id", "userId", "clusterId", "current", "expired"],
        collection: ALL,
        resource: &["GET", "DELETE"],
    },
    Kind {
        id: "user",
        plural: "users",
        filters: &["username", "id", "name", "enabled", "me"],
        collection: ALL,
        resource: &["GET", "PUT"],
    },
];

/// Finds a type by the segment of its collection; Rancher does not mind its case.
pub(super) fn kind(segment: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|k| k.plural.eq_ignore_ascii_case(segment) || k.id.eq_ignore_ascii_case(segment))
}

/// `GET /v3`.
pub(super) fn root(call: &Call<'_>) -> Reply {
    let mut links: Map<String, Value> = KINDS
        .iter()
        .map(|k| (k.plural.to_owned(), json!(call.link(&format!("/v3/{}", k.plural.to_lowercase())))))
        .collect();
    links.insert("self".to_owned(), json!(call.link("/v3")));
    links.insert("root".to_owned(), json!(call.link("/v3")));
    Reply::ok(json!({
        "apiVersion": {"group": "management.cattle.io", "path": "/v3", "version": "v3"},
        "baseType": "apiRoot", "type": "apiRoot", "links": links,
    }))
}

/// `GET /v3/schemas`, or one of them.
pub(super) fn schemas(call: &Call<'_>, one: Option<&str>) -> Reply {
    let schema = |k: &Kind| {
        let collection = call.link(&format!("/v3/{}", k.plural.to_lowercase()));
        json!({
            "baseType": "schema", "type": "schema", "id": k.id, "pluralName": k.plural,
            "collectionMethods": k.collection, "resourceMethods": k.resource,
            "resourceActions": if k.id == "cluster" { json!({"generateKubeconfig": {"output": "generateKubeConfigOutput"}}) } else { json!({}) },
            "links": {"collection": collection, "self": call.link(&format!("/v3/schemas/{}", k.id))},
            "version": {"group": "management.cattle.io", "path": "/v3", "version": "v3"},
        })
    };
    match one {
        Some(id) => match kind(id) {
            Some(kind) => Reply::ok(schema(kind)),
            None => norman(404, "NotFound", format!("{id} not found")),
        },
        None => Reply::ok(json!({
            "type": "collection", "resourceType": "schema", "actions": {}, "links": {"self": call.link("/v3/schemas")},
            "sort": {"order": "asc"}, "filters": {},
            "data": KINDS.iter().map(schema).collect::<Vec<_>>(),
        })),
    }
}

/// A collection, filtered, sorted by id and cut into pages as the query says.
pub(super) fn collection(call: &Call<'_>, kind: &Kind, actions: Value, mut rows: Vec<Value>) -> Reply {
    let ask = call.ask;
    rows.retain(|row| ask.query.iter().all(|(key, wanted)| keeps(kind, row, key, wanted)));
    rows.sort_by_key(|row| text(row.get("id")));
    let descending = ask.query("order") == Some("desc");
    if descending {
        rows.reverse();
    }
    let limit = match ask.query("limit").map(str::parse::<i64>) {
        Some(Ok(n)) if n > 0 => usize::try_from(n).unwrap_or(MOST).min(MOST),
        Some(Ok(_)) => MOST,
        _ => PAGE,
    };
    let total = rows.len();
    let start = match ask.query("marker") {
        Some(marker) => rows.iter().position(|r| text(r.get("id")) == marker).unwrap_or(0),
        None => 0,
    };
    let path = format!("/v3/{}", kind.plural.to_lowercase());
    let mut pagination = json!({"limit": limit, "total": total});
    if total > limit {
        let at = |index: usize| rows.get(index).map(|r| json!(page(call, &path, &text(r.get("id")))));
        pagination["partial"] = json!(true);
        pagination["first"] = at(0).unwrap_or_default();
        pagination["last"] = at((total - 1) / limit * limit).unwrap_or_default();
        if let Some(next) = at(start + limit) {
            pagination["next"] = next;
        } else {
            pagination["partial"] = json!(false);
        }
    }
    let filters: Map<String, Value> = kind
        .filters
        .iter()
        .map(|name| {
            let set: Vec<Value> = ask
                .query
                .iter()
                .filter_map(|(key, value)| {
                    let modifier = modifier(key, name)?;
                    Some(json!({"modifier": modifier, "value": value}))
                })
                .collect();
            ((*name).to_owned(), if set.is_empty() { Value::Null } else { json!(set) })
        })
        .collect();
    let mut body = json!({
        "type": "collection", "resourceType": kind.id, "links": {"self": call.link(&path)}, "actions": actions,
        "pagination": pagination, "filters": filters,
        "sort": {"order": if descending { "desc" } else { "asc" },
                 "reverse": call.link(&format!("{path}?order={}", if descending { "asc" } else { "desc" }))},
        "data": rows.into_iter().skip(start).take(limit).collect::<Vec<_>>(),
    });
    if kind.collection.contains(&"POST") || kind.id == "cluster" {
        body["createTypes"] = json!({kind.id: call.link(&path)});
    }
    Reply::ok(body)
}

/// How many objects a page has when nobody asks, and at most.
const PAGE: usize = 1000;
const MOST: usize = 10_000;

fn page(call: &Call<'_>, path: &str, marker: &str) -> String {
    let mut pairs: Vec<String> =
        call.ask.query.iter().filter(|(k, _)| k != "marker").map(|(k, v)| format!("{k}={v}")).collect();
    pairs.push(format!("marker={marker}"));
    pairs.sort();
    call.link(&format!("{path}?{}", pairs.join("&")))
}

/// Which modifier of the filter `name` a key of the query is.
fn modifier(key: &str, name: &str) -> Option<&'static str> {
    let rest = key.strip_prefix(name)?;
    Some(match rest {
        "" => "eq",
        "_ne" => "ne",
        "_in" => "in",
        "_notin" => "notin",
        "_null" => "null",
        "_notnull" => "notnull",
        _ => return None,
    })
}

fn keeps(kind: &Kind, row: &Value, key: &str, wanted: &str) -> bool {
    let Some((name, modifier)) = kind.filters.iter().find_map(|name| Some((name, modifier(key, name)?))) else {
        return true;
    };
    let found = row.get(*name).filter(|v| !v.is_null());
    let value = text(found);
    match modifier {
        "eq" => value == wanted,
        "ne" => value != wanted,
        "in" => wanted.split(',').any(|one| one == value),
        "notin" => wanted.split(',').all(|one| one != value),
        "null" => found.is_none(),
        _ => found.is_some(),
    }
}

/// A value as a filter sees it.
pub(super) fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

/// Norman's 405; the spelling is Rancher's.
pub(super) fn method_not_allowed(method: &str) -> Reply {
    norman(405, "MethodNotAllow", format!("Method {method} not supported"))
}

/// Norman's 422 for an action that nobody knows.
pub(super) fn invalid_action(action: &str) -> Reply {
    norman(422, "InvalidAction", format!("Invalid action: {action}"))
}

/// Norman's 422 for a body that cannot be read.
pub(super) fn invalid_body(why: &str) -> Reply {
    norman(422, "InvalidBodyContent", format!("Failed to parse body: {why}"))
}
