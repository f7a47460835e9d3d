//! What is suggested to people who are typing: names that they may see, those that matter to them first.

use kaas::ports::{SUGGESTIONS_MAX, Standing, Suggest};

use crate::world::story;

#[test]
fn names_while_they_are_typed() {
    story(async |w| {
        w.has_cluster("teal-otter").await;
        w.bob("/kaas request grey-otter size=small").await;
        w.alice("/kaas request blue-crow size=small").await;
        w.bob("/kaas cancel grey-otter").await;
        let clusters = async |who: &str, waiting: bool, typed: &str| {
            w.suggested(who, Standing::Member, &Suggest::Clusters { waiting }, typed).await
        };
        assert_eq!(clusters("alice", false, "").await, ["blue-crow", "teal-otter"], "what is gone is not suggested");
        assert_eq!(clusters("carol", true, "").await, ["blue-crow", "teal-otter"], "what waits for a decision first");
        assert_eq!(clusters("alice", false, "otter").await, ["teal-otter"]);
        assert_eq!(clusters("alice", false, "teel-otter").await, ["teal-otter"], "a slip");
        w.bob("/kaas request amber-ant size=small").await;
        assert_eq!(clusters("bob", false, "").await, ["amber-ant", "blue-crow", "teal-otter"], "one's own first");
        w.bob("/kaas request zany-zebu size=small").await;
        assert_eq!(clusters("bob", false, "").await[..2], ["amber-ant", "zany-zebu"]);
    });
}

#[test]
fn people_roles_and_what_the_catalogue_has() {
    story(async |w| {
        let of = async |who: &str, what: Suggest, typed: &str| w.suggested(who, Standing::Member, &what, typed).await;
        assert_eq!(of("alice", Suggest::People, "bo").await, ["bob"]);
        assert_eq!(of("alice", Suggest::People, "@bo").await, ["bob"]);
        assert_eq!(of("alice", Suggest::Receivers, "bill").await, ["group:billing"]);
        assert_eq!(of("alice", Suggest::Sizes(None), "").await[0], "small");
        assert_eq!(of("alice", Suggest::Sizes(Some("aws".to_owned())), "sm").await, ["small"]);
        assert_eq!(of("alice", Suggest::Classes, "a").await[0], "aws");
        assert_eq!(of("alice", Suggest::Regions(None), "eu").await, ["eu-west-1"]);
        assert!(of("alice", Suggest::Versions(None), "v1").await.iter().all(|version| version.starts_with("v1.")));
        assert!(!of("alice", Suggest::Roles, "").await.is_empty());
        assert_eq!(of("alice", Suggest::Links, "").await, ["confirm", "refuse"], "only admins say it of others");
        let linked = of("dave", Suggest::Links, "").await;
        assert!(linked.contains(&"bob".to_owned()) && linked.len() <= SUGGESTIONS_MAX, "{linked:?}");
    });
}

#[test]
fn nothing_is_suggested_to_whom_nothing_is_shown() {
    story(async |w| {
        w.has_cluster("teal-otter").await;
        for standing in [Standing::Guest, Standing::Outside, Standing::Bot, Standing::Deactivated] {
            for what in [Suggest::Clusters { waiting: false }, Suggest::People, Suggest::Receivers, Suggest::Links] {
                assert!(w.suggested("erin", standing, &what, "").await.is_empty(), "{standing:?} {what:?}");
            }
        }
    });
}
