//! `/v1`, Steve: dispatch, schemas, lists with their filters, and machine configs.
//!
//! The same is served under `/k8s/clusters/local/v1`, where the provider looks first.

use serde_json::{Map, Value, json};

use super::call::Call;
use super::credentials::map;
use super::norman::text;
use super::reply::{Reply, steve, steve_forbidden, steve_not_found};
use super::world::{MachineConfig, Role, WORKSPACE, draw, stamp, uuid};
use super::{bindings, machines, provisioning, v3};

/// The group of machine configs.
const CONFIGS: &str = "rke-machine-config.cattle.io";

/// Kinds of machine config, as types spell them, and as objects do.
const CONFIG_KINDS: [(&str, &str); 3] = [
    ("amazonec2config", "Amazonec2Config"),
    ("azureconfig", "AzureConfig"),
    ("vmwarevsphereconfig", "VmwarevsphereConfig"),
];

/// Types of Steve that are served: id, API version, and whether they can be written.
const TYPES: [(&str, bool); 9] = [
    ("cluster.x-k8s.io.machine", false),
    ("management.cattle.io.cluster", false),
    ("management.cattle.io.clusterroletemplatebinding", true),
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
    // A type that the caller may not see at all is a 404 without a word.
    let hidden = ["cluster.x-k8s.io.machine", "rke-machine.cattle.io.amazonec2machine", "management.cattle.io.user"];
    match kind {
        None => Reply::empty(404),
        Some(kind) if !call.told_apart() && hidden.contains(&kind) => Reply::empty(404),
        Some("provisioning.cattle.io.cluster") => provisioning::answer(call, rest),
        Some("management.cattle.io.clusterroletemplatebinding") => bindings::answer_steve(call, rest),
        Some("cluster.x-k8s.io.machine") => machines::answer(call, rest),
        Some("rke-machine.cattle.io.amazonec2machine") => machines::answer_infrastructure(call, rest),
        Some("management.cattle.io.cluster") => provisioning::answer_management(call, rest),
        Some("management.cattle.io.user") => users(call, rest),
        Some(config) => configs(call, config.rsplit('.').next().unwrap_or_default(), rest),
    }
}

fn schemas(call: &Call<'_>, one: Option<&str>) -> Reply {
    let schema = |(id, writable): &(&str, bool)| {
        let plural = format!("{id}s");
        let (group, kind) = id.rsplit_once('.').unwrap_or(("", id));
        json!({
            "id": id, "type": "schema", "pluralName": plural,
            "collectionMethods": if *writable { json!(["GET", "POST"]) } else { json!(["GET"]) },
            "resourceMethods": if *writable { json!(["GET", "DELETE", "PUT"]) } else { json!(["GET"]) },
            "attributes": {"group": group, "kind": kind, "namespaced": *id != "management.cattle.io.cluster"},
            "links": {"collection": call.link(&format!("/v1/{plural}")), "self": call.link(&format!("/v1/schemas/{id}"))},
        })
    };
    match one {
        Some(id) => match TYPES.iter().find(|t| t.0 == id) {
            Some(found) => Reply::ok(schema(found)),
            None => steve(404, "NotFound", format!("{id} not found")),
        },
        None => Reply::ok(json!({
            "type": "collection", "resourceType": "schema", "actions": {}, "links": {"self": call.link("/v1/schemas")},
            "data": TYPES.iter().map(schema).collect::<Vec<_>>(),
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
        rows = rows.into_iter().skip((number("page").unwrap_or(1) - 1) * size).take(size).collect();
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
            let shown = v3::user_object(call, user);
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

/// Machine configs, which the provider writes before the cluster that uses them.
fn configs(call: &mut Call<'_>, kind: &str, rest: &[&str]) -> Reply {
    let method = call.ask.method.clone();
    let resource = format!("{kind}s.{CONFIGS}");
    let visible = |call: &Call<'_>, config: &MachineConfig| call.told_apart() || config.creator == call.caller.id;
    match (method.as_str(), rest) {
        ("GET", [] | [_]) => {
            let inside = rest.first().is_none_or(|n| *n == WORKSPACE);
            let found = call.world.machine_configs.iter().filter(|c| c.kind == kind && inside && visible(call, c));
            let rows = found.map(|c| show_config(call, c)).collect();
            list(call, &format!("{CONFIGS}.{kind}"), rows)
        }
        ("POST", [] | [_]) => create_config(call, kind),
        ("GET" | "PUT" | "DELETE", [namespace, name]) => {
            let here = |c: &&MachineConfig| c.kind == kind && c.name == *name && *namespace == WORKSPACE;
            let Some(found) = call.world.machine_configs.iter().find(here).filter(|c| visible(call, c)).cloned() else {
                return if call.told_apart() { steve_not_found(&resource, name) } else { steve_forbidden(&method) };
            };
            match method.as_str() {
                "GET" => Reply::ok(show_config(call, &found)),
                "DELETE" => {
                    call.world.machine_configs.retain(|c| c.name != found.name);
                    call.world.touch();
                    Reply::empty(204)
                }
                _ => update_config(call, found, &resource),
            }
        }
        _ => steve_forbidden(&method),
    }
}

fn create_config(call: &mut Call<'_>, kind: &str) -> Reply {
    let body = match call.ask.json() {
        Ok(body) => body,
        Err(why) => return steve(422, "InvalidBodyContent", why),
    };
    let metadata = body.get("metadata").cloned().unwrap_or_default();
    let namespace = text(metadata.get("namespace"));
    if namespace != WORKSPACE {
        return steve(404, "NotFound", format!("namespaces \"{namespace}\" not found"));
    }
    let taken = |name: &str| call.world.machine_configs.iter().any(|c| c.name == name);
    let name = match metadata.get("name").and_then(Value::as_str).filter(|n| !n.is_empty()) {
        Some(name) if taken(name) => {
            return steve(409, "AlreadyExists", format!("{kind}s.{CONFIGS} \"{name}\" already exists"));
        }
        Some(name) => name.to_owned(),
        None => {
            let prefix = text(metadata.get("generateName"));
            format!("{prefix}{}", draw(call.clock, 5, |d| taken(&format!("{prefix}{d}"))))
        }
    };
    let revision = call.world.touch();
    let config = MachineConfig {
        name,
        kind: kind.to_owned(),
        object: with_defaults(kind, &body),
        created: call.now,
        creator: call.caller.id.clone(),
        generation: 1,
        revision,
        doomed: None,
    };
    let shown = show_config(call, &config);
    call.world.machine_configs.push(config);
    Reply::created(shown)
}

fn update_config(call: &mut Call<'_>, mut config: MachineConfig, resource: &str) -> Reply {
    let body = match call.ask.json() {
        Ok(body) => body,
        Err(why) => return steve(422, "InvalidBodyContent", why),
    };
    if let Some(reply) = stale(&body, config.revision, resource, &config.name) {
        return reply;
    }
    config.object = with_defaults(&config.kind, &body);
    config.generation += 1;
    config.revision = call.world.touch();
    let shown = show_config(call, &config);
    if let Some(place) = call.world.machine_configs.iter_mut().find(|c| c.name == config.name) {
        *place = config;
    }
    Reply::ok(shown)
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

/// What the custom resource definition of EC2's machine config fills in.
const EC2_TEXT: [(&str, &str); 27] = [
    ("accessKey", ""),
    ("ami", ""),
    ("blockDurationMinutes", "0"),
    ("deviceName", ""),
    ("endpoint", ""),
    ("httpEndpoint", ""),
    ("httpProtocolIpv6", "disabled"),
    ("httpTokens", ""),
    ("iamInstanceProfile", ""),
    ("instanceType", "t2.micro"),
    ("ipv6AddressCount", "0"),
    ("keypairName", ""),
    ("kmsKey", ""),
    ("region", "us-east-1"),
    ("retries", "5"),
    ("rootSize", "16"),
    ("secretKey", ""),
    ("sessionToken", ""),
    ("spotPrice", "0.50"),
    ("sshKeyContents", ""),
    ("sshUser", "ubuntu"),
    ("subnetId", ""),
    ("tags", ""),
    ("userdata", ""),
    ("volumeType", "gp2"),
    ("vpcId", ""),
    ("zone", "a"),
];

/// Its switches, all of them off.
const EC2_FLAGS: [&str; 10] = [
    "enablePrimaryIpv6",
    "encryptEbsVolume",
    "insecureTransport",
    "ipv6AddressOnly",
    "monitoring",
    "privateAddressOnly",
    "requestSpotInstance",
    "securityGroupReadonly",
    "useEbsOptimizedInstance",
    "usePrivateAddress",
];

fn with_defaults(kind: &str, body: &Value) -> Map<String, Value> {
    let mut object = body.as_object().cloned().unwrap_or_default();
    for key in ["links", "actions", "id", "type", "status"] {
        object.remove(key);
    }
    if kind == "amazonec2config" {
        for (key, value) in EC2_TEXT {
            object.entry(key).or_insert_with(|| json!(value));
        }
        for key in EC2_FLAGS {
            object.entry(key).or_insert_with(|| json!(false));
        }
    }
    object
}

fn show_config(call: &Call<'_>, config: &MachineConfig) -> Value {
    let kind = format!("{CONFIGS}.{}", config.kind);
    let sent = config.object.get("metadata").cloned().unwrap_or_default();
    let mut annotations = map(&sent, "annotations");
    annotations.insert("field.cattle.io/creatorId".to_owned(), json!(config.creator));
    let mut value = Value::Object(config.object.clone());
    value["id"] = json!(format!("{WORKSPACE}/{}", config.name));
    value["type"] = json!(kind);
    value["links"] = links(call, &kind, WORKSPACE, &config.name);
    value["apiVersion"] = json!(format!("{CONFIGS}/v1"));
    let spelt = CONFIG_KINDS.iter().find(|k| k.0 == config.kind).map_or("", |k| k.1);
    value["kind"] = json!(spelt);
    let mut metadata = json!({
        "name": config.name, "namespace": WORKSPACE, "annotations": annotations,
        "creationTimestamp": stamp(config.created), "generation": config.generation,
        "resourceVersion": config.revision.to_string(), "uid": uuid(&kind, &config.name, config.created),
        "state": {"error": false, "message": "Resource is current", "name": "active", "transitioning": false},
    });
    for key in ["generateName", "labels"] {
        if let Some(part) = sent.get(key).filter(|p| !p.is_null()) {
            metadata[key] = part.clone();
        }
    }
    value["metadata"] = metadata;
    // Rancher hides what is secret only in credentials; here it is hidden everywhere.
    if call.caller.role != Role::Admin && value.get("secretKey").is_some() {
        value["secretKey"] = json!("");
    }
    value
}
