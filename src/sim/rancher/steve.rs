//! `/v1`, Steve: dispatch, schemas, and lists with their filters.
//!
//! The same is served under `/k8s/clusters/local/v1`, where the provider looks first.

use serde_json::{Value, json};

use super::call::Call;
use super::norman::text;
use super::reply::{Reply, steve, steve_forbidden, steve_not_found};
use super::rights::GLOBAL_ROLES;
use super::world::{Role, stamp};
use super::{bindings_steve, configs, machines, provisioning, users as people};

/// Types of Steve that are served: id, API version, and whether they can be written.
const TYPES: [(&str, bool); 10] = [
    ("cluster.x-k8s.io.machine", false),
    ("management.cattle.io.cluster", false),
    ("management.cattle.io.clusterroletemplatebinding", true),
    ("management.cattle.io.globalrole", true),
    ("management.cattle.io.user", false),
    ("provisioning.cattle.io.cluster", true),
    ("rke-machine-config.cattle.io.amazonec2config", true),
    ("rke-machine-config.cattle.io.azureconfig", true),
    ("rke-machine-config.cattle.io.vmwarevsphereconfig", true),
    ("rke-machine.cattle.io.amazonec2machine", false),
];

/// Answers `path` below `/v1`.
pub(super) fn answer(call: &mut Call<'_>, path: &[&str]) -> Reply {
    dispatch(call, path).with_schemas("/v1/schemas")
}

fn dispatch(call: &mut Call<'_>, path: &[&str]) -> Reply {
    let (segment, rest) = match path {
        [] => {
            return Reply::ok(
                json!({"type": "apiRoot", "links": {"self": call.link("/v1"), "schemas": call.link("/v1/schemas")}}),
            );
        }
        ["schemas"] => return schemas(call, None),
        ["schemas", id] => return schemas(call, Some(id)),
        [segment, rest @ ..] => (*segment, rest),
    };
    let kind = segment
        .strip_suffix('s')
        .filter(|k| TYPES.iter().any(|t| t.0 == *k))
        .or(TYPES.iter().map(|t| t.0).find(|k| *k == segment));
    match kind {
        None => Reply::empty(404),
        Some(kind) if is_hidden(call, kind) => Reply::empty(404),
        Some("provisioning.cattle.io.cluster") => provisioning::answer(call, rest),
        Some("management.cattle.io.clusterroletemplatebinding") => bindings_steve::answer(call, rest),
        Some("cluster.x-k8s.io.machine") => machines::answer(call, rest),
        Some("rke-machine.cattle.io.amazonec2machine") => machines::answer_infrastructure(call, rest),
        Some("management.cattle.io.cluster") => provisioning::answer_management(call, rest),
        Some("management.cattle.io.globalrole") => global_roles(call, rest),
        Some("management.cattle.io.user") => users(call, rest),
        Some(config) => configs::answer(call, config.rsplit('.').next().unwrap_or_default(), rest),
    }
}

/// A type that the caller may not see at all is a 404 without a word.
fn is_hidden(call: &Call<'_>, kind: &str) -> bool {
    let hidden = [
        "cluster.x-k8s.io.machine",
        "management.cattle.io.globalrole",
        "management.cattle.io.user",
        "rke-machine.cattle.io.amazonec2machine",
    ];
    let (group, resource) = kind.rsplit_once('.').unwrap_or(("", kind));
    hidden.contains(&kind) && !call.may("list", group, &format!("{resource}s"))
}

/// Whether the caller may make objects of a type at all.
fn may_create(call: &Call<'_>, kind: &str) -> bool {
    match kind {
        // In the namespace of some cluster, or everywhere.
        "management.cattle.io.clusterroletemplatebinding" => {
            call.may("create", "management.cattle.io", "clusterroletemplatebindings")
                || call.world.clusters.iter().any(|cluster| call.owns(&cluster.id))
        }
        _ if call.caller.role == Role::Standard => true,
        _ => {
            let (group, resource) = kind.rsplit_once('.').unwrap_or(("", kind));
            call.may("create", group, &format!("{resource}s"))
        }
    }
}

fn schemas(call: &Call<'_>, one: Option<&str>) -> Reply {
    let schema = |(id, writable): &(&str, bool)| {
        let plural = format!("{id}s");
        let (group, kind) = id.rsplit_once('.').unwrap_or(("", id));
        json!({
            "id": id, "type": "schema", "pluralName": plural,
            "collectionMethods": if *writable && may_create(call, id) { json!(["GET", "POST"]) } else { json!(["GET"]) },
            "resourceMethods": if *writable { json!(["GET", "DELETE", "PUT"]) } else { json!(["GET"]) },
            "attributes": {"group": group, "kind": kind, "namespaced": *id != "management.cattle.io.cluster"},
            "links": {"collection": call.link(&format!("/v1/{plural}")), "self": call.link(&format!("/v1/schemas/{id}"))},
        })
    };
    match one {
        Some(id) => match TYPES.iter().find(|t| t.0 == id && !is_hidden(call, t.0)) {
            Some(found) => Reply::ok(schema(found)),
            None => steve(404, "NotFound", format!("{id} not found")),
        },
        None => Reply::ok(json!({
            "type": "collection", "resourceType": "schema", "actions": {}, "links": {"self": call.link("/v1/schemas")},
            "data": TYPES.iter().filter(|t| !is_hidden(call, t.0)).map(schema).collect::<Vec<_>>(),
        })),
    }
}

/// The links of one object.
pub(super) fn links(call: &Call<'_>, kind: &str, namespace: &str, name: &str) -> Value {
    let path =
        if namespace.is_empty() { format!("/v1/{kind}s/{name}") } else { format!("/v1/{kind}s/{namespace}/{name}") };
    let link = call.link(&path);
    json!({"self": link, "update": link, "remove": link, "patch": link, "view": link})
}

/// Columns that a filter may name besides `metadata.labels[…]`.
const COLUMNS: [&str; 12] = [
    "id",
    "metadata.name",
    "metadata.namespace",
    "metadata.state.name",
    "metadata.creationTimestamp",
    "spec.clusterName",
    "status.phase",
    "clusterName",
    "roleTemplateName",
    "userName",
    "userPrincipalName",
    "groupPrincipalName",
];

/// A list: `filter=`, `sort=`, `page=` and `pagesize=`. `labelSelector=` and `limit=` are ignored, as in 2.14.
pub(super) fn list(call: &Call<'_>, kind: &str, mut rows: Vec<Value>) -> Reply {
    let ask = call.ask;
    for (_, filter) in ask.query.iter().filter(|(key, _)| key == "filter") {
        let alternatives: Vec<Term<'_>> = filter.split(',').map(Term::read).collect();
        if let Some(term) = alternatives.iter().find(|t| !t.is_known()) {
            let why = format!("column is invalid [{}]: supplied param is invalid", term.column);
            return steve(422, "InvalidQuery", why);
        }
        rows.retain(|row| alternatives.iter().any(|t| t.holds(row)));
    }
    rows.sort_by_key(|row| text(row.get("id")));
    if let Some(sort) = ask.query("sort") {
        let (column, descending) = sort.strip_prefix('-').map_or((sort, false), |c| (c, true));
        rows.sort_by_key(|row| text(at(row, column)));
        if descending {
            rows.reverse();
        }
    }
    let count = rows.len();
    let number = |key: &str| ask.query(key).and_then(|n| n.parse::<usize>().ok()).filter(|n| *n > 0);
    let mut pages = None;
    if let Some(size) = number("pagesize") {
        pages = Some(count.div_ceil(size));
        rows = rows.into_iter().skip((number("page").unwrap_or(1) - 1).saturating_mul(size)).take(size).collect();
    }
    let path = call.link(&format!("/v1/{kind}s"));
    let mut body = json!({
        "type": "collection", "resourceType": kind, "links": {"self": path}, "actions": {}, "createTypes": {kind: path},
        "revision": call.world.revision.to_string(), "data": rows,
    });
    if count > 0 {
        body["count"] = json!(count);
    }
    if let Some(pages) = pages {
        body["pages"] = json!(pages);
    }
    Reply::ok(body)
}

/// One term of a filter: `column=value`, `column!=value`, or `column~value` for a part.
struct Term<'a> {
    column: &'a str,
    value: &'a str,
    equal: bool,
    exact: bool,
}

impl<'a> Term<'a> {
    fn read(term: &'a str) -> Self {
        // A label's name may hold `=` only behind its bracket.
        let from = term.find(']').unwrap_or(0);
        let place = term[from..].find(['=', '~']).map(|i| i + from);
        let Some(place) = place else { return Self { column: term, value: "", equal: true, exact: true } };
        let exact = term.as_bytes()[place] == b'=';
        let (column, value) = (&term[..place], &term[place + 1..]);
        let value = value.trim_matches(['\'', '"']);
        match column.strip_suffix('!') {
            Some(column) => Self { column, value, equal: false, exact },
            None => Self { column, value, equal: true, exact },
        }
    }

    fn label(&self) -> Option<&str> {
        self.column.strip_prefix("metadata.labels[")?.strip_suffix(']')
    }

    fn is_known(&self) -> bool {
        self.label().is_some() || COLUMNS.contains(&self.column) || self.column.starts_with("metadata.labels.")
    }

    fn holds(&self, row: &Value) -> bool {
        let found = text(match self.label() {
            Some(label) => row.pointer("/metadata/labels").and_then(|l| l.get(label)),
            None => at(row, self.column),
        });
        (if self.exact { found == self.value } else { found.contains(self.value) }) == self.equal
    }
}

fn at<'a>(row: &'a Value, column: &str) -> Option<&'a Value> {
    column.split('.').try_fold(row, |value, part| value.get(part))
}

/// Users, as far as finding one by its principal needs.
fn users(call: &Call<'_>, rest: &[&str]) -> Reply {
    let rows: Vec<Value> = call
        .world
        .users
        .iter()
        .map(|user| {
            let shown = people::user_object(call, user);
            json!({
                "id": user.id, "type": "management.cattle.io.user", "kind": "User", "apiVersion": "management.cattle.io/v3",
                "links": links(call, "management.cattle.io.user", "", &user.id), "displayName": user.name,
                "username": user.username, "enabled": user.enabled, "principalIds": shown["principalIds"],
                "metadata": {"name": user.id, "labels": shown["labels"], "creationTimestamp": stamp(user.created)},
            })
        })
        .collect();
    match (call.ask.method.as_str(), rest) {
        ("GET", []) => list(call, "management.cattle.io.user", rows),
        ("GET", [id]) => match rows.into_iter().find(|row| row["id"] == **id) {
            Some(row) => Reply::ok(row),
            None => steve_not_found("users.management.cattle.io", id),
        },
        (method, _) => steve_forbidden(method),
    }
}

/// Global roles, as far as their names; `/v3` tells more.
fn global_roles(call: &Call<'_>, rest: &[&str]) -> Reply {
    let brought = GLOBAL_ROLES.iter().map(|(id, _)| (*id).to_owned());
    let ids = brought.chain(call.world.global_roles.iter().map(|role| role.id.clone()));
    let kind = "management.cattle.io.globalrole";
    let rows = ids.map(|id| json!({"id": id, "type": kind, "kind": "GlobalRole", "metadata": {"name": id}}));
    match (call.ask.method.as_str(), rest) {
        ("GET", []) => list(call, kind, rows.collect()),
        (method, _) => steve_forbidden(method),
    }
}

/// Kubernetes' answer to a write that was made on an older object, or says nothing about it.
pub(super) fn stale(body: &Value, revision: u64, resource: &str, name: &str) -> Option<Reply> {
    let sent = text(body.pointer("/metadata/resourceVersion"));
    if sent.is_empty() {
        let why = format!(
            "{resource} \"{name}\" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update"
        );
        return Some(steve(422, "Invalid", why));
    }
    (sent != revision.to_string()).then(|| {
        let why = format!(
            "Operation cannot be fulfilled on {resource} \"{name}\": the object has been modified; please apply your \
             changes to the latest version and try again"
        );
        steve(409, "Conflict", why)
    })
}
