//! serenity 0.12.5, the client that kaas speaks with, against the stand-in: everything that is answered is understood.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use serenity::all::{
    ActionRowComponent, ButtonStyle, ChannelId, ClientBuilder, Context, CreateActionRow, CreateAllowedMentions,
    CreateAttachment, CreateAutocompleteResponse, CreateButton, CreateCommand, CreateCommandOption, CreateEmbed,
    CreateInputText, CreateInteractionResponse, CreateInteractionResponseFollowup, CreateInteractionResponseMessage,
    CreateMessage, CreateModal, CreateThread, EditInteractionResponse, EditMessage, EditThread, EventHandler,
    GatewayIntents, GuildId, Http, HttpBuilder, InputTextStyle, Interaction, MessageId, Nonce, Reaction, ReactionType,
    Ready, UserId,
};
use tokio::sync::mpsc;

use super::client::PATIENCE;
use crate::discord::{FakeDiscord, Id, Options, permissions};

/// What the client heard, in the order in which it did.
struct Handler(mpsc::UnboundedSender<String>);

#[serenity::async_trait]
impl EventHandler for Handler {
    async fn ready(&self, _: Context, ready: Ready) {
        self.0.send(format!("ready {}", ready.user.name)).unwrap();
    }

    async fn resume(&self, _: Context, _: serenity::all::ResumedEvent) {
        self.0.send("resumed".to_string()).unwrap();
    }

    async fn reaction_add(&self, _: Context, reaction: Reaction) {
        let member = reaction.member.map_or("nobody".to_string(), |member| member.user.name);
        self.0.send(format!("{member} + {}", reaction.emoji)).unwrap();
    }

    async fn reaction_remove(&self, _: Context, reaction: Reaction) {
        let is_member = reaction.member.is_some();
        self.0.send(format!("- {} {is_member}", reaction.emoji)).unwrap();
    }

    async fn interaction_create(&self, context: Context, interaction: Interaction) {
        let told = answer(&context.http, &interaction).await.unwrap_or_else(|error| format!("failed: {error}"));
        self.0.send(told).unwrap();
    }
}

/// What the app does with each doing.
async fn answer(http: &Arc<Http>, interaction: &Interaction) -> serenity::Result<String> {
    match interaction {
        Interaction::Command(command) if command.data.options()[0].name == "form" => {
            let field = CreateInputText::new(InputTextStyle::Paragraph, "Reason", "reason").required(true);
            let modal = CreateModal::new("kaas:reason", "Why").components(vec![CreateActionRow::InputText(field)]);
            command.create_response(http, CreateInteractionResponse::Modal(modal)).await?;
            Ok("form".to_string())
        }
        Interaction::Command(command) => {
            command.defer_ephemeral(http).await?;
            command.edit_response(http, EditInteractionResponse::new().content("On it.")).await?;
            let more = CreateInteractionResponseFollowup::new().content("More.").ephemeral(true);
            command.create_followup(http, more).await?;
            let read = command.get_response(http).await?;
            let who = &command.member.as_ref().expect("a member").user.name;
            Ok(format!("command of {who}: {:?}, answered {}", command.data.options(), read.content))
        }
        Interaction::Autocomplete(typing) => {
            let choices = CreateAutocompleteResponse::new().add_string_choice("North", "north");
            typing.create_response(http, CreateInteractionResponse::Autocomplete(choices)).await?;
            Ok(format!("typing {:?}", typing.data.autocomplete().map(|option| option.value)))
        }
        Interaction::Component(press) => {
            let message = CreateInteractionResponseMessage::new().content("Noted.").components(vec![]);
            press.create_response(http, CreateInteractionResponse::UpdateMessage(message)).await?;
            Ok(format!("pressed {} on {}", press.data.custom_id, press.message.id))
        }
        Interaction::Modal(form) => {
            let ActionRowComponent::InputText(field) = &form.data.components[0].components[0] else { panic!() };
            let value = field.value.clone().unwrap_or_default();
            let message = CreateInteractionResponseMessage::new().content("Thanks.").ephemeral(true);
            form.create_response(http, CreateInteractionResponse::Message(message)).await?;
            Ok(format!("form {} with {value}", form.data.custom_id))
        }
        _ => Ok("other".to_string()),
    }
}

/// A client against a guild, and what it hears.
async fn run(discord: &FakeDiscord) -> (Arc<Http>, mpsc::UnboundedReceiver<String>) {
    let intents = GatewayIntents::GUILDS | GatewayIntents::GUILD_MESSAGE_REACTIONS;
    let (mut client, heard) = client(discord, discord.token(), intents).await;
    let http = client.http.clone();
    tokio::spawn(async move { client.start().await });
    (http, heard)
}

async fn client(
    discord: &FakeDiscord,
    token: &str,
    intents: GatewayIntents,
) -> (serenity::Client, mpsc::UnboundedReceiver<String>) {
    let (sender, heard) = mpsc::unbounded_channel();
    let http = HttpBuilder::new(token)
        .proxy(discord.url())
        .ratelimiter_disabled(true)
        .application_id(discord.application().0.into())
        .build();
    let builder = ClientBuilder::new_with_http(http, intents).event_handler(Handler(sender));
    (builder.await.expect("a client"), heard)
}

async fn next(heard: &mut mpsc::UnboundedReceiver<String>) -> String {
    tokio::time::timeout(PATIENCE, heard.recv()).await.expect("in time").expect("the client runs")
}

async fn register(discord: &FakeDiscord, http: &Http) {
    use serenity::all::CommandOptionType::{Integer, Role, String, SubCommand, User};
    let name = CreateCommandOption::new(String, "name", "Its name").required(true);
    let size = CreateCommandOption::new(String, "size", "Size").add_string_choice("small", "small");
    let region = CreateCommandOption::new(String, "region", "Where").set_autocomplete(true);
    let workers = CreateCommandOption::new(Integer, "workers", "Nodes").min_int_value(1).max_int_value(50);
    let owner = CreateCommandOption::new(User, "owner", "Whose");
    let team = CreateCommandOption::new(Role, "team", "Which");
    let request = [name, size, region, workers, owner, team]
        .into_iter()
        .fold(CreateCommandOption::new(SubCommand, "request", "A cluster"), CreateCommandOption::add_sub_option);
    let form = CreateCommandOption::new(SubCommand, "form", "A form");
    let kaas = CreateCommand::new("kaas")
        .description("Kubernetes clusters")
        .contexts(vec![serenity::all::InteractionContext::Guild])
        .add_option(request)
        .add_option(form);
    let guild = GuildId::new(discord.guild().0);
    let set = guild.set_commands(http, vec![kaas]).await.expect("commands");
    assert_eq!((set.len(), set[0].options.len()), (1, 2));
    assert_eq!(guild.get_commands(http).await.expect("commands")[0].id, set[0].id);
}

#[tokio::test]
async fn a_life_with_serenity() {
    let discord = FakeDiscord::start_with(Options::hurried()).await;
    let (alice, bob) = (discord.add_user("alice"), discord.add_user("bob"));
    let role = discord.add_role("platform");
    discord.grant(bob, role);
    let channel = discord.add_channel("clusters");
    let (http, mut heard) = run(&discord).await;
    assert_eq!(next(&mut heard).await, "ready kaas");
    register(&discord, &http).await;

    // A command with every type of option; its answer is private, and so is what follows.
    let options = [
        ("name", json!("demo")),
        ("workers", json!(3)),
        ("owner", json!(bob.to_string())),
        ("team", json!(role.to_string())),
    ];
    let outcome = discord.slash(alice, channel, "/kaas request", &options).await.unwrap();
    assert!(outcome.is_acked() && outcome.is_private());
    let told = next(&mut heard).await;
    for part in ["alice", "demo", "3", "bob", "platform", "answered On it."] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let texts: Vec<String> = discord.private_to(alice).into_iter().map(|message| message.content).collect();
    assert_eq!(texts, ["On it.", "More."]);
    assert!(discord.messages(channel).is_empty() && discord.private_to(bob).is_empty());

    let options = [("name", json!("demo"))];
    let choices = discord.autocomplete(alice, channel, "kaas request", &options, ("region", "no")).await.unwrap();
    assert_eq!(choices, [("North".to_string(), json!("north"))]);
    assert!(next(&mut heard).await.contains("no"));

    // A card with buttons, edited by whoever presses; a thread at it, with a file; a nonce.
    let place = ChannelId::new(channel.0);
    let button = CreateButton::new("kaas:v1:approve").label("Approve").style(ButtonStyle::Success);
    let embed = CreateEmbed::new().title("demo").description("A cluster").field("Size", "small", true);
    let mut card = CreateMessage::new()
        .content(format!("<@{bob}> please"))
        .embed(embed)
        .components(vec![CreateActionRow::Buttons(vec![button])])
        .allowed_mentions(CreateAllowedMentions::new().users([UserId::new(bob.0)]))
        .nonce(Nonce::String("change-1".to_string()))
        .enforce_nonce(true);
    let sent = place.send_message(&http, card.clone()).await.expect("a card");
    card = card.content("again");
    assert_eq!(place.send_message(&http, card).await.expect("the same card").id, sent.id);
    let card = discord.last(channel).unwrap();
    assert_eq!((card.pings.as_slice(), card.embeds.len()), (&[bob][..], 1));
    let thread = CreateThread::new("demo").auto_archive_duration(serenity::all::AutoArchiveDuration::OneWeek);
    let thread = place.create_thread_from_message(&http, sent.id, thread).await.expect("a thread");
    assert_eq!(thread.id.get(), sent.id.get());
    let file = CreateAttachment::bytes("Plan: 1 to add", "plan.txt");
    let plan = CreateMessage::new().content("The plan").add_file(file);
    thread.id.send_message(&http, plan).await.expect("a file");
    assert_eq!(discord.messages(Id(thread.id.get()))[0].files[0].text(), "Plan: 1 to add");
    thread.id.edit_thread(&http, EditThread::new().archived(true)).await.expect("archived");
    assert!(discord.thread(card.id).unwrap().archived);
    let history = thread.id.messages(&http, serenity::all::GetMessages::new().limit(10)).await.expect("messages");
    assert_eq!(history.len(), 2);

    let outcome = discord.press(bob, channel, card.id, &card.button("Approve").unwrap()).await.unwrap();
    assert_eq!(outcome.answer, Some(7));
    assert_eq!(next(&mut heard).await, format!("pressed kaas:v1:approve on {}", card.id));
    let after = discord.message(channel, card.id).unwrap();
    assert!(after.buttons().is_empty() && after.content == "Noted." && after.edits.len() == 1);

    // A form, and what was filled in.
    discord.slash(alice, channel, "kaas form", &[]).await.unwrap();
    assert_eq!(next(&mut heard).await, "form");
    assert_eq!(discord.modal(alice).unwrap().texts(), ["Why", "Reason"]);
    discord.submit(alice, &[("reason", "because")]).await.unwrap();
    assert_eq!(next(&mut heard).await, "form kaas:reason with because");
    assert!(discord.modal(alice).is_none());

    // Reactions, heard and read.
    discord.react(bob, channel, card.id, "✅").unwrap();
    assert_eq!(next(&mut heard).await, "bob + ✅");
    let emoji = ReactionType::Unicode("✅".to_string());
    let message = MessageId::new(card.id.0);
    let users = place.reaction_users(&http, message, emoji.clone(), Some(100), None).await.expect("users");
    assert_eq!(users.iter().map(|user| user.id.get()).collect::<Vec<_>>(), [bob.0]);
    discord.unreact(bob, channel, card.id, "✅").unwrap();
    assert_eq!(next(&mut heard).await, "- ✅ false");
    place.create_reaction(&http, message, emoji).await.expect("a reaction");
    assert_eq!(next(&mut heard).await, "kaas + ✅");

    // The guild, its people, the bot itself, a direct message.
    let guild = GuildId::new(discord.guild().0);
    discord.time_out(bob, Duration::from_secs(60));
    let member = guild.member(&http, UserId::new(bob.0)).await.expect("bob");
    assert!(member.communication_disabled_until.is_some() && member.roles.len() == 1);
    assert_eq!(guild.roles(&http).await.expect("roles").len(), 3);
    assert_eq!(
        guild.to_partial_guild(&http).await.expect("a guild").owner_id.get(),
        discord.person("owner").unwrap().id.0
    );
    assert_eq!(http.get_current_user().await.expect("the bot").id.get(), discord.bot().0);
    assert_eq!(http.get_current_application_info().await.expect("the application").id.get(), discord.application().0);
    let dm = UserId::new(alice.0).create_dm_channel(&http).await.expect("a direct message");
    dm.id.say(&http, "It is ready.").await.expect("said");
    assert_eq!(discord.dms(alice)[0].content, "It is ready.");
    let channels = guild.channels(&http).await.expect("channels");
    assert!(channels.contains_key(&place));
    let read = http.get_channel(place).await.expect("a channel").guild().expect("of a guild");
    assert_eq!(read.name, "clusters");
    let edit = EditMessage::new().content("over").components(vec![]);
    place.edit_message(&http, message, edit).await.expect("an edit");

    // What is refused has a code that the client reads.
    discord.deny(channel, permissions::SEND_MESSAGES);
    let error = place.say(&http, "hello").await.expect_err("no permission");
    assert!(format!("{error:?}").contains("50013"), "{error:?}");
}

#[tokio::test]
async fn serenity_resumes_and_misses_nothing_and_starts_anew_after_an_invalid_session() {
    let discord = FakeDiscord::start_with(Options::hurried()).await;
    let alice = discord.add_user("alice");
    let channel = discord.add_channel("clusters");
    let (http, mut heard) = run(&discord).await;
    assert_eq!(next(&mut heard).await, "ready kaas");
    let place = ChannelId::new(channel.0);
    let card = Id(place.say(&http, "a card").await.expect("a card").id.get());
    discord.reconnect_all();
    discord.react(alice, channel, card, "✅").unwrap();
    let both = [next(&mut heard).await, next(&mut heard).await];
    assert!(both.contains(&"alice + ✅".to_string()) && both.contains(&"resumed".to_string()), "{both:?}");
    assert_eq!((discord.resumes(), discord.identifies()), (1, 1));
    discord.invalidate_all(false);
    assert_eq!(next(&mut heard).await, "ready kaas");
    assert_eq!(discord.identifies(), 2);
}

#[tokio::test]
async fn serenity_ends_where_it_is_not_let_in() {
    let discord = FakeDiscord::start_with(Options::hurried()).await;
    let ours = GatewayIntents::GUILDS | GatewayIntents::GUILD_MESSAGE_REACTIONS;
    for (token, intents, why) in [
        ("MTIz.YWJj.ZGVm", ours, "InvalidAuthentication"),
        (discord.token(), ours | GatewayIntents::MESSAGE_CONTENT, "DisallowedGatewayIntents"),
    ] {
        let (mut client, _heard) = client(&discord, token, intents).await;
        let ended = tokio::time::timeout(PATIENCE, client.start()).await;
        assert!(format!("{ended:?}").contains(why), "{why}: {ended:?}");
    }
    assert_eq!(discord.identifies(), 0);
}

#[tokio::test]
async fn serenity_leaves_a_zombie_and_has_missed_what_happened() {
    let options = Options { heartbeat: Duration::from_millis(300), ..Options::hurried() };
    let discord = FakeDiscord::start_with(options).await;
    let alice = discord.add_user("alice");
    let channel = discord.add_channel("clusters");
    let (http, mut heard) = run(&discord).await;
    assert_eq!(next(&mut heard).await, "ready kaas");
    let card = Id(ChannelId::new(channel.0).say(&http, "a card").await.expect("a card").id.get());
    discord.zombie(true);
    discord.react(alice, channel, card, "✅").unwrap();
    // It notices that its heartbeats are not answered, and asks anew.
    let noticed = async {
        while discord.identifies() < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, noticed).await.expect("a new session");
    discord.zombie(false);
    discord.cut_all();
    let mut told = Vec::new();
    while !told.contains(&"ready kaas".to_string()) {
        told.push(next(&mut heard).await);
    }
    assert!(!told.contains(&"alice + ✅".to_string()), "{told:?}");
    assert_eq!(discord.message(channel, card).unwrap().reacted("✅"), [alice]);
}
