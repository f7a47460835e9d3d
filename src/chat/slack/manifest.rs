//! The app's manifest: what an administrator pastes to make the app, with exactly the rights that are used.

use std::fmt::Write;

use super::wire::FORM;

/// What the bot may do, and why.
pub(super) const SCOPES: &[(&str, &str)] = &[
    ("app_mentions:read", "hears @kaas in threads, where slash commands do not work"),
    ("channels:history", "finds its own card again after a lost answer; Slack has no other way to look"),
    ("channels:read", "sees whether the channel is there, and whether it is shared with others"),
    ("chat:write", "posts and edits cards, answers, direct messages"),
    ("commands", "/kaas, and the shortcut that opens the form"),
    ("files:write", "shares the plan as a file"),
    ("groups:history", "as channels:history, for a private channel"),
    ("groups:read", "as channels:read, for a private channel"),
    ("im:history", "hears what people write to it directly, and finds its own messages there again"),
    ("im:write", "opens direct messages: what is private never goes into a channel"),
    ("reactions:read", "counts votes by reaction, also those given while it was down"),
    ("usergroups:read", "knows who is in the user groups whose members approve"),
    ("users:read", "tells members from guests, strangers, bots and closed accounts before a vote counts"),
    ("users:read.email", "knows people by their address where their Slack id is not configured"),
];

/// What the app hears.
const EVENTS: &[&str] = &[
    "app_home_opened",
    "app_mention",
    "app_uninstalled",
    "message.im",
    "reaction_added",
    "reaction_removed",
    "tokens_revoked",
];

/// The app's manifest, as YAML: for Socket Mode, or for signed HTTP at an address such as `https://kaas.example.com/slack`.
pub fn manifest(http_url: Option<&str>) -> String {
    let mut out = String::new();
    let mut line = |text: &str| {
        out.push_str(text);
        out.push('\n');
    };
    line("# kaas in Slack. Paste it at https://api.slack.com/apps: Create New App, From a manifest.");
    line("display_information:");
    line("  name: kaas");
    line("  description: Kubernetes clusters by conversation");
    line("features:");
    line("  app_home:");
    line("    home_tab_enabled: true");
    line("    messages_tab_enabled: true");
    line("    messages_tab_read_only_enabled: false");
    line("  bot_user:");
    line("    display_name: kaas");
    line("    always_online: true");
    line("  shortcuts:");
    line("    - name: Request a cluster");
    line("      type: global");
    line(&format!("      callback_id: {FORM}"));
    line("      description: Opens the form for a new cluster");
    line("  slash_commands:");
    line("    - command: /kaas");
    line("      description: Ask for a cluster, approve, list, destroy");
    line("      usage_hint: request teal-otter size=small");
    line("      should_escape: true");
    if let Some(url) = http_url {
        line(&format!("      url: {}", quoted(url)));
    }
    line("oauth_config:");
    line("  scopes:");
    line("    bot:");
    for (scope, why) in SCOPES {
        line(&format!("      - {scope} # {why}"));
    }
    line("settings:");
    line("  event_subscriptions:");
    if let Some(url) = http_url {
        line(&format!("    request_url: {}", quoted(url)));
    }
    line("    bot_events:");
    for event in EVENTS {
        line(&format!("      - {event}"));
    }
    line("  interactivity:");
    line("    is_enabled: true");
    if let Some(url) = http_url {
        line(&format!("    request_url: {}", quoted(url)));
    }
    line("  org_deploy_enabled: false");
    line(&format!("  socket_mode_enabled: {}", http_url.is_none()));
    line("  token_rotation_enabled: false");
    out
}

/// A text as YAML takes it whatever is in it.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => write!(out, "\\u{:04x}", u32::from(c)).unwrap_or_default(),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_for_sockets() {
        insta::assert_snapshot!(manifest(None));
    }

    #[test]
    fn over_http_every_way_in_has_the_address_and_nothing_breaks_out_of_it() {
        let text = manifest(Some("https://kaas.example.com/slack"));
        assert_eq!(text.matches("\"https://kaas.example.com/slack\"").count(), 3);
        assert!(text.contains("socket_mode_enabled: false"));
        assert!(!manifest(Some("https://a\"\nx: y")).contains("\nx: y"));
    }

    #[test]
    fn every_scope_is_asked_for_once() {
        let mut names: Vec<&str> = SCOPES.iter().map(|(name, _)| *name).collect();
        names.dedup();
        assert!(names.is_sorted() && names.len() == SCOPES.len());
    }
}
