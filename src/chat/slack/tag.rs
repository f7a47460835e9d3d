//! What a card carries so that it is known again: in its buttons' values, and in its message's metadata.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::lifecycle::form::{ClusterName, TenantName};
use crate::lifecycle::{ChangeNumber, ClusterKey, PlanDigest};
use crate::ports::CardKey;

/// The type of a card's metadata.
const EVENT_TYPE: &str = "kaas_card";

/// Which card, and which plan it showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tag {
    pub tenant: TenantName,
    pub cluster: ClusterName,
    pub change: ChangeNumber,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanDigest>,
}

impl Tag {
    pub fn new(card: &CardKey, plan: Option<&PlanDigest>) -> Self {
        let ClusterKey { tenant, name } = card.cluster.clone();
        Self { tenant, cluster: name, change: card.change, plan: plan.cloned() }
    }

    pub fn card(&self) -> CardKey {
        let cluster = ClusterKey { tenant: self.tenant.clone(), name: self.cluster.clone() };
        CardKey { cluster, change: self.change }
    }

    /// As a button's value.
    pub fn value(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a button's value.
    pub fn read(value: &str) -> Option<Self> {
        serde_json::from_str(value).ok()
    }

    /// As a message's metadata. Texts alone: other values make interactions unreadable to some clients.
    pub fn metadata(&self) -> Value {
        let mut payload = json!({
            "tenant": self.tenant, "cluster": self.cluster, "change": self.change.to_string(),
        });
        if let Some(plan) = &self.plan {
            payload["plan"] = json!(plan);
        }
        json!({ "event_type": EVENT_TYPE, "event_payload": payload })
    }

    /// Reads it off a message of kaas: its metadata, or else its buttons.
    pub fn of_message(message: &Value) -> Option<Self> {
        Self::of_metadata(&message["metadata"]).or_else(|| {
            let blocks = message["blocks"].as_array()?;
            let elements = blocks.iter().filter_map(|block| block["elements"].as_array()).flatten();
            elements.filter_map(|element| element["value"].as_str()).find_map(Self::read)
        })
    }

    fn of_metadata(metadata: &Value) -> Option<Self> {
        if metadata["event_type"] != EVENT_TYPE {
            return None;
        }
        let payload = &metadata["event_payload"];
        let text = |name: &str| payload[name].as_str();
        Some(Self {
            tenant: text("tenant")?.parse().ok()?,
            cluster: text("cluster")?.parse().ok()?,
            change: ChangeNumber(text("change")?.parse().ok()?),
            plan: match text("plan") {
                Some(plan) => Some(plan.parse().ok()?),
                None => None,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(plan: Option<&str>) -> Tag {
        Tag {
            tenant: "acme".parse().expect("a tenant"),
            cluster: "crucial-sandbox".parse().expect("a name"),
            change: ChangeNumber(42),
            plan: plan.map(|digit| digit.repeat(64).parse().expect("a digest")),
        }
    }

    #[test]
    fn a_card_is_known_again_by_its_metadata_or_its_buttons() {
        for tag in [tag(None), tag(Some("a"))] {
            assert_eq!(Tag::read(&tag.value()), Some(tag.clone()));
            assert_eq!(Tag::of_message(&json!({ "metadata": tag.metadata() })), Some(tag.clone()));
            let buttons = json!({ "blocks": [{ "type": "rich_text", "elements": [] },
                { "type": "actions", "elements": [{ "type": "button", "value": tag.value() }] }] });
            assert_eq!(Tag::of_message(&buttons), Some(tag.clone()));
            let payload = tag.metadata()["event_payload"].clone();
            assert!(payload.as_object().expect("an object").values().all(Value::is_string));
        }
    }

    #[test]
    fn what_others_write_is_no_card() {
        for message in [
            json!({}),
            json!({ "metadata": { "event_type": "other", "event_payload": { "tenant": "acme" } } }),
            json!({ "metadata": { "event_type": "kaas_card", "event_payload": { "tenant": "../x", "cluster": "a", "change": "1" } } }),
            json!({ "blocks": [{ "elements": [{ "value": "{\"cluster\":1}" }] }] }),
        ] {
            assert_eq!(Tag::of_message(&message), None, "{message}");
        }
    }
}
