//! `kaas check` and the registering of the command: everything that is wrong is named, with what to do about it.

use kaas::chat::discord::{Checked, DiscordChat, Registered, Settings};
use kaas::clock::SystemClock;
use kaas::ports::Trouble;
use kaas_fakes::discord::{Options, permissions};

use crate::support::{Office, definition, settings};

fn wrong(all: &[Checked]) -> Vec<String> {
    all.iter().filter_map(|one| one.found.clone().err()).collect()
}

#[tokio::test]
async fn everything_is_well_and_each_thing_is_named() {
    let office = Office::quiet(Options::hurried()).await;
    let all = office.chat.check().await;
    assert_eq!(wrong(&all), Vec::<String>::new());
    let names: Vec<&str> = all.iter().map(|one| one.what.as_str()).collect();
    let role = format!("the role {}", office.role);
    let rights = [
        "View Channel",
        "Send Messages",
        "Embed Links",
        "Attach Files",
        "Read Message History",
        "Add Reactions",
        "Create Public Threads",
        "Send Messages in Threads",
    ];
    let expected = ["the token", "the application", "the server", &role, "the channel"];
    assert_eq!(names, [&expected[..], &rights[..]].concat());
}

#[tokio::test]
async fn each_right_that_is_missing_is_named_with_its_reason() {
    let office = Office::quiet(Options::hurried()).await;
    for (right, name) in [
        (permissions::SEND_MESSAGES, "Send Messages"),
        (permissions::ATTACH_FILES, "Attach Files"),
        (permissions::CREATE_PUBLIC_THREADS, "Create Public Threads"),
        (permissions::SEND_MESSAGES_IN_THREADS, "Send Messages in Threads"),
        (permissions::READ_MESSAGE_HISTORY, "Read Message History"),
    ] {
        office.discord.deny(office.channel, right);
        let told = wrong(&office.chat.check().await);
        assert!(
            told.len() == 1 && told[0].contains(&format!("lacks {name} in #clusters, which it needs for")),
            "{told:?}"
        );
        office.discord.allow(office.channel, right);
    }
    office.discord.deny(office.channel, permissions::VIEW_CHANNEL);
    let told = wrong(&office.chat.check().await);
    assert!(told.len() == 1 && told[0].contains("View Channel"), "{told:?}");
}

#[tokio::test]
async fn what_is_configured_wrong_is_named() {
    let office = Office::quiet(Options::hurried()).await;
    let right = || settings(&office.discord, office.channel, office.role, &[]);
    let everybody = office.discord.guild().to_string();
    for (settings, word) in [
        (Settings { bot_token: "wrong".to_owned().into(), ..right() }, "the token is not valid"),
        (Settings { server: "5".to_owned(), ..right() }, "no such server"),
        (Settings { channel: "5".to_owned(), ..right() }, "id of a text channel"),
        (Settings { roles: vec!["5".to_owned()], ..right() }, "has no role 5"),
        (Settings { roles: vec![everybody], ..right() }, "everybody"),
    ] {
        let chat = DiscordChat::new(settings, SystemClock::shared()).expect("a chat");
        let told = wrong(&chat.check().await);
        assert!(told.len() == 1 && told[0].contains(word), "{word}: {told:?}");
    }
}

#[tokio::test]
async fn the_command_is_registered_once_and_again_when_it_differs() {
    let office = Office::quiet(Options::hurried()).await;
    let mut definition = definition();
    assert_eq!(office.chat.register(&definition).await.expect("registered"), Registered::Now);
    assert_eq!(office.chat.register(&definition).await.expect("registered"), Registered::Already);
    definition.catalogue.classes[0].sizes[0].workers_max = 7;
    assert_eq!(office.chat.register(&definition).await.expect("registered"), Registered::Now);
    let puts = office.discord.calls().iter().filter(|call| call.method == "PUT").count();
    assert_eq!(puts, 2);
    assert_eq!(office.discord.commands().len(), 1);
    office.discord.go_down();
    assert!(matches!(office.chat.register(&definition).await, Err(Trouble::Passing { .. })));
}
