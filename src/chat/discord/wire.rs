//! What arrives over the gateway, read from its JSON: only what kaas needs, and nothing that is of another server, channel or application.

use serde_json::Value;

use super::api::{Id, id_of};

/// What came over the gateway.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Event {
    /// Its name: `INTERACTION_CREATE`.
    pub name: String,
    /// What it says.
    pub data: Value,
    /// Its number in the session: the same when it is sent again.
    pub seq: u64,
    /// The session.
    pub session: String,
    /// Whether it happened while there was no connection, and is sent now that there is one again.
    pub is_late: bool,
}

/// Where kaas is, and who it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Home {
    /// The application.
    pub application: Id,
    /// kaas' own user.
    pub user: Id,
}

/// A command, a button, a form, or a value that is being typed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Doing {
    pub id: Id,
    /// The secret that answers are sent with.
    pub token: String,
    pub kind: Kind,
    pub user: Id,
    /// The member, as Discord says with it.
    pub member: Value,
    /// Where it was done.
    pub channel: Option<Id>,
    /// What kaas may do there.
    pub allowed: Option<u64>,
    /// The command's options, the button's id, the form's fields.
    pub data: Value,
    /// The message whose button it was, or whose button opened the form.
    pub message: Value,
}

/// What somebody did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Command,
    Button,
    Typing,
    Form,
}

/// A reaction.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reaction {
    pub id: String,
    pub user: Id,
    /// The member, as Discord says with a reaction that is given, and with none that is taken back.
    pub member: Option<Value>,
    pub emoji: String,
    pub given: bool,
    pub message: Id,
}

/// What is heard.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Hearing {
    /// A session began: what was said before is lost.
    Ready { session: String },
    /// A session goes on: what was said meanwhile has been sent.
    Resumed,
    /// Somebody did something that waits for an answer.
    Doing(Box<Doing>),
    /// Somebody reacted.
    Reaction(Reaction),
    /// Reactions were taken away by somebody who may do that.
    Swept,
    /// A card was deleted.
    Deleted { message: Id },
    /// A thread was archived.
    Archived { thread: Id },
    /// What the channel is called.
    Named { channel: String },
    /// kaas is in the server no more.
    Gone,
    /// Nothing that matters, or nothing of this place.
    Nothing(&'static str),
}

/// A delivery that lacks something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Garbled(pub &'static str);

/// Reads an event of the server and the channel.
pub(super) fn read(event: &Event, home: Option<Home>, guild: Id, channel: Id) -> Result<Hearing, Garbled> {
    let data = &event.data;
    let ours = id_of(&data["guild_id"]) == Some(guild);
    let here = ours && id_of(&data["channel_id"]) == Some(channel);
    Ok(match event.name.as_str() {
        "READY" => Hearing::Ready { session: text(data, "session_id")? },
        "RESUMED" => Hearing::Resumed,
        "INTERACTION_CREATE" => {
            let strange = home.is_some_and(|home| id_of(&data["application_id"]) != Some(home.application));
            if strange || !ours {
                return Ok(Hearing::Nothing("strange"));
            }
            Hearing::Doing(Box::new(doing(data)?))
        }
        "MESSAGE_REACTION_ADD" | "MESSAGE_REACTION_REMOVE" => {
            let author = &data["message_author_id"];
            let of_another = author.is_string() && home.is_some_and(|home| id_of(author) != Some(home.user));
            if !here || of_another {
                return Ok(Hearing::Nothing("strange"));
            }
            let user = found(data, "user_id")?;
            if home.is_some_and(|home| home.user == user) {
                return Ok(Hearing::Nothing("own"));
            }
            // An emoji of the server's own has a name that anybody may choose: it is called by its id, and means nothing.
            let emoji = match data["emoji"]["id"].as_str() {
                Some(id) => id.to_owned(),
                None => data["emoji"]["name"].as_str().ok_or(Garbled("emoji"))?.to_owned(),
            };
            let given = event.name == "MESSAGE_REACTION_ADD";
            let member = given.then(|| data["member"].clone());
            let id = format!("discord/reaction/{}/{}", event.session, event.seq);
            Hearing::Reaction(Reaction { id, user, member, emoji, given, message: found(data, "message_id")? })
        }
        "MESSAGE_REACTION_REMOVE_ALL" | "MESSAGE_REACTION_REMOVE_EMOJI" if here => Hearing::Swept,
        "MESSAGE_DELETE" if here => Hearing::Deleted { message: found(data, "id")? },
        "THREAD_UPDATE"
            if ours && data["thread_metadata"]["archived"] == true && data["thread_metadata"]["locked"] != true =>
        {
            Hearing::Archived { thread: found(data, "id")? }
        }
        "GUILD_CREATE" if id_of(&data["id"]) == Some(guild) => {
            let all = data["channels"].as_array().into_iter().flatten();
            let name =
                all.into_iter().find(|one| id_of(&one["id"]) == Some(channel)).and_then(|one| one["name"].as_str());
            name.map_or(Hearing::Nothing("other"), |name| Hearing::Named { channel: name.to_owned() })
        }
        "CHANNEL_UPDATE" if id_of(&data["id"]) == Some(channel) => Hearing::Named { channel: text(data, "name")? },
        // Discord says the same of a server that does not answer; that one comes back.
        "GUILD_DELETE" if id_of(&data["id"]) == Some(guild) && data["unavailable"] != true => Hearing::Gone,
        _ => Hearing::Nothing("other"),
    })
}

fn doing(data: &Value) -> Result<Doing, Garbled> {
    let kind = match data["type"].as_u64() {
        Some(2) => Kind::Command,
        Some(3) => Kind::Button,
        Some(4) => Kind::Typing,
        Some(5) => Kind::Form,
        _ => return Err(Garbled("type")),
    };
    let member = data["member"].clone();
    Ok(Doing {
        id: found(data, "id")?,
        token: text(data, "token")?,
        kind,
        user: id_of(&member["user"]["id"]).or_else(|| id_of(&data["user"]["id"])).ok_or(Garbled("user"))?,
        member,
        channel: id_of(&data["channel_id"]),
        allowed: data["app_permissions"].as_str().and_then(|bits| bits.parse().ok()),
        data: data["data"].clone(),
        message: data["message"].clone(),
    })
}

fn found(data: &Value, name: &'static str) -> Result<Id, Garbled> {
    id_of(&data[name]).ok_or(Garbled(name))
}

fn text(data: &Value, name: &'static str) -> Result<String, Garbled> {
    data[name].as_str().map(str::to_owned).ok_or(Garbled(name))
}

impl Hearing {
    /// Who did it, for the order of what one person does. What is being typed waits for nobody.
    pub fn user(&self) -> Option<Id> {
        match self {
            Self::Doing(doing) if doing.kind != Kind::Typing => Some(doing.user),
            Self::Reaction(reaction) => Some(reaction.user),
            _ => None,
        }
    }

    /// Its kind, for the metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Ready { .. } => "ready",
            Self::Resumed => "resumed",
            Self::Doing(doing) => match doing.kind {
                Kind::Command => "command",
                Kind::Button => "press",
                Kind::Typing => "typing",
                Kind::Form => "form",
            },
            Self::Reaction(_) => "reaction",
            Self::Swept => "swept",
            Self::Deleted { .. } => "deleted",
            Self::Archived { .. } => "archived",
            Self::Named { .. } => "named",
            Self::Gone => "gone",
            Self::Nothing(_) => "other",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::chat::discord::api::id;

    fn event(name: &str, data: Value) -> Event {
        Event { name: name.to_owned(), data, seq: 9, session: "s1".to_owned(), is_late: false }
    }

    fn hear(name: &str, data: Value) -> Result<Hearing, Garbled> {
        let number = |text| id(text).expect("an id");
        let home = Home { application: number("99"), user: number("98") };
        read(&event(name, data), Some(home), number("1"), number("2"))
    }

    fn reaction(with: Value) -> Value {
        let mut data = json!({ "guild_id": "1", "channel_id": "2", "message_id": "3", "user_id": "7", "emoji": { "id": null, "name": "👍" } });
        data.as_object_mut().expect("an object").extend(with.as_object().expect("an object").clone());
        data
    }

    #[test]
    fn a_reaction_on_a_message_of_kaas_is_heard_and_nobody_elses() {
        let Ok(Hearing::Reaction(heard)) =
            hear("MESSAGE_REACTION_ADD", reaction(json!({ "message_author_id": "98", "member": {} })))
        else {
            panic!("it is heard")
        };
        assert_eq!((heard.emoji.as_str(), heard.given, heard.id.as_str()), ("👍", true, "discord/reaction/s1/9"));
        for (what, with) in [
            ("another server", json!({ "guild_id": "5" })),
            ("another channel", json!({ "channel_id": "5" })),
            ("no server", json!({ "guild_id": null })),
            ("another's message", json!({ "message_author_id": "5" })),
        ] {
            assert_eq!(hear("MESSAGE_REACTION_ADD", reaction(with)), Ok(Hearing::Nothing("strange")), "{what}");
        }
        assert_eq!(hear("MESSAGE_REACTION_ADD", reaction(json!({ "user_id": "98" }))), Ok(Hearing::Nothing("own")));
        assert_eq!(hear("MESSAGE_REACTION_ADD", reaction(json!({ "user_id": 7 }))), Err(Garbled("user_id")));
    }

    #[test]
    fn an_emoji_of_the_server_is_called_by_its_id() {
        let own = reaction(json!({ "emoji": { "id": "55", "name": "👍" } }));
        let Ok(Hearing::Reaction(heard)) = hear("MESSAGE_REACTION_ADD", own) else { panic!("it is heard") };
        assert_eq!(heard.emoji, "55", "whatever it is called");
    }

    #[test]
    fn a_doing_of_another_application_or_server_is_not_ours() {
        let doing = |with: Value| {
            let mut data = json!({ "id": "4", "application_id": "99", "guild_id": "1", "type": 2, "token": "t", "member": { "user": { "id": "7" } }, "data": {} });
            data.as_object_mut().expect("an object").extend(with.as_object().expect("an object").clone());
            hear("INTERACTION_CREATE", data)
        };
        assert!(matches!(doing(json!({})), Ok(Hearing::Doing(_))));
        for with in [json!({ "application_id": "5" }), json!({ "guild_id": "5" }), json!({ "guild_id": null })] {
            assert_eq!(doing(with.clone()), Ok(Hearing::Nothing("strange")), "{with}");
        }
        assert_eq!(doing(json!({ "type": 77 })), Err(Garbled("type")));
        assert_eq!(doing(json!({ "member": null })), Err(Garbled("user")));
    }

    #[test]
    fn a_server_that_does_not_answer_is_not_gone() {
        assert_eq!(hear("GUILD_DELETE", json!({ "id": "1" })), Ok(Hearing::Gone));
        assert_eq!(hear("GUILD_DELETE", json!({ "id": "1", "unavailable": true })), Ok(Hearing::Nothing("other")));
        assert_eq!(hear("GUILD_DELETE", json!({ "id": "5" })), Ok(Hearing::Nothing("other")));
    }
}
