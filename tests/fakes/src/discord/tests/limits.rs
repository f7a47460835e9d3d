//! Every limit once: what fits is taken, one more is refused with its place and its code.

use serde_json::{Value, json};

use super::client::{Office, definition};

fn long(length: usize) -> String {
    // Two bytes each: characters are counted, not bytes.
    "ü".repeat(length)
}

fn button(n: usize) -> Value {
    json!({ "type": 2, "style": 1, "label": "go", "custom_id": format!("b{n}") })
}

fn row(parts: Vec<Value>) -> Value {
    json!({ "type": 1, "components": parts })
}

fn with_button(change: impl FnOnce(&mut Value)) -> Value {
    let mut one = button(0);
    change(&mut one);
    json!({ "content": "x", "components": [row(vec![one])] })
}

fn embed(change: impl FnOnce(&mut Value)) -> Value {
    let mut one = json!({ "title": "x" });
    change(&mut one);
    json!({ "embeds": [one] })
}

/// Makes a body with something of this length.
type Make = Box<dyn Fn(usize) -> Value>;

fn messages() -> Vec<(&'static str, usize, &'static str, Make)> {
    let buttons = |count: usize| json!({ "content": "x", "components": [row((0..count).map(button).collect())] });
    let rows = |count: usize| json!({ "content": "x", "components": (0..count).map(|n| row(vec![button(n)])).collect::<Vec<_>>() });
    let options = |count: usize| {
        let all: Vec<Value> = (0..count).map(|n| json!({ "label": n.to_string(), "value": n.to_string() })).collect();
        with_button(|b| *b = json!({ "type": 3, "custom_id": "s", "options": all }))
    };
    let fields = |count: usize| embed(|e| e["fields"] = json!(vec![json!({ "name": "n", "value": "v" }); count]));
    let field = |key: &'static str, n: usize| {
        let mut one = json!({ "name": "n", "value": "v" });
        one[key] = json!(long(n));
        embed(move |e| e["fields"] = json!([one]))
    };
    let attached = |count: usize| {
        let all: Vec<Value> = (0..count).map(|n| json!({ "id": n, "filename": "a" })).collect();
        json!({ "content": "x", "attachments": all })
    };
    vec![
        ("content", 2000, "BASE_TYPE_MAX_LENGTH", Box::new(|n| json!({ "content": long(n) }))),
        ("nonce", 25, "BASE_TYPE_MAX_LENGTH", Box::new(|n| json!({ "content": "x", "nonce": long(n) }))),
        ("embeds", 10, "BASE_TYPE_MAX_LENGTH", Box::new(|n| json!({ "embeds": vec![json!({ "title": "x" }); n] }))),
        ("embeds.0.title", 256, "BASE_TYPE_MAX_LENGTH", Box::new(|n| embed(|e| e["title"] = json!(long(n))))),
        (
            "embeds.0.description",
            4096,
            "BASE_TYPE_MAX_LENGTH",
            Box::new(|n| embed(|e| e["description"] = json!(long(n)))),
        ),
        (
            "embeds.0.footer.text",
            2048,
            "BASE_TYPE_MAX_LENGTH",
            Box::new(|n| embed(|e| e["footer"] = json!({ "text": long(n) }))),
        ),
        (
            "embeds.0.author.name",
            256,
            "BASE_TYPE_MAX_LENGTH",
            Box::new(|n| embed(|e| e["author"] = json!({ "name": long(n) }))),
        ),
        ("embeds.0.fields", 25, "BASE_TYPE_MAX_LENGTH", Box::new(fields)),
        ("embeds.0.fields.0.name", 256, "BASE_TYPE_BAD_LENGTH", Box::new(move |n| field("name", n))),
        ("embeds.0.fields.0.value", 1024, "BASE_TYPE_BAD_LENGTH", Box::new(move |n| field("value", n))),
        ("components", 5, "BASE_TYPE_MAX_LENGTH", Box::new(rows)),
        ("components.0.components", 5, "BASE_TYPE_BAD_LENGTH", Box::new(buttons)),
        (
            "components.0.components.0.label",
            80,
            "BASE_TYPE_MAX_LENGTH",
            Box::new(|n| with_button(|b| b["label"] = json!(long(n)))),
        ),
        (
            "components.0.components.0.custom_id",
            100,
            "BASE_TYPE_BAD_LENGTH",
            Box::new(|n| with_button(|b| b["custom_id"] = json!(long(n)))),
        ),
        ("components.0.components.0.options", 25, "BASE_TYPE_BAD_LENGTH", Box::new(options)),
        (
            "allowed_mentions.users",
            100,
            "BASE_TYPE_MAX_LENGTH",
            Box::new(|n| json!({ "content": "x", "allowed_mentions": { "users": vec!["1"; n] } })),
        ),
        ("attachments", 10, "BASE_TYPE_MAX_LENGTH", Box::new(attached)),
    ]
}

#[tokio::test]
async fn a_message_takes_what_fits_and_refuses_one_more() {
    let office = Office::open().await;
    let path = format!("/channels/{}/messages", office.channel);
    for (at, most, code, make) in messages() {
        if at != "attachments" {
            let (status, answer) = office.call("POST", &path, make(most)).await;
            assert_eq!(status, 200, "{at} {most}: {answer}");
        }
        let (status, answer) = office.call("POST", &path, make(most + 1)).await;
        assert_eq!((status, &answer["code"]), (400, &json!(50035)), "{at}: {answer}");
        let pointer = format!("/errors/{}/_errors/0/code", at.replace('.', "/"));
        assert_eq!(answer.pointer(&pointer), Some(&json!(code)), "{at}: {answer}");
    }
}

#[tokio::test]
async fn what_holds_over_several_parts_is_refused_too() {
    let office = Office::open().await;
    let path = format!("/channels/{}/messages", office.channel);
    let two = |n: usize| json!({ "embeds": [{ "description": long(4000) }, { "description": long(n) }] });
    let same = row(vec![button(1), button(1)]);
    let plain = |more: Value| {
        let mut body = json!({ "content": "x" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let link = |more: Value| {
        with_button(move |b| {
            *b = json!({ "type": 2, "style": 5, "label": "go" });
            b.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        })
    };
    assert_eq!(office.call("POST", &path, two(2000)).await.0, 200);
    assert_eq!(office.call("POST", &path, link(json!({ "url": "https://bank.example" }))).await.0, 200);
    let input = json!({ "type": 4, "style": 1, "label": "x", "custom_id": "i" });
    let both = json!({ "allowed_mentions": { "parse": ["users"], "users": ["1"] } });
    let without_label = with_button(|b| {
        b.as_object_mut().unwrap().remove("label");
    });
    for (what, body, code) in [
        ("6000 characters over all embeds", two(2001), 50035),
        ("a custom id twice", plain(json!({ "components": [same] })), 50035),
        ("a link without a url", link(json!({})), 50035),
        ("a link with a custom id", link(json!({ "url": "https://a.example", "custom_id": "a" })), 50035),
        ("a button without a label", without_label, 50035),
        ("a text field in a message", plain(json!({ "components": [row(vec![input])] })), 50035),
        ("all users and these users", plain(both), 50035),
        ("an embed's url that is none", embed(|e| e["url"] = json!("javascript:x")), 50035),
        ("a file that was not sent", plain(json!({ "attachments": [{ "id": 0, "filename": "a" }] })), 50035),
        ("a reply to nothing", plain(json!({ "message_reference": { "message_id": "1" } })), 50035),
        ("an unknown field", plain(json!({ "colour": "red" })), 50035),
        ("a wrong type", json!({ "content": 7 }), 50035),
        ("nothing at all", json!({}), 50006),
        ("only blanks", json!({ "content": " \n" }), 50006),
    ] {
        assert_eq!(office.refused("POST", &path, body).await, (400, code), "{what}");
    }
}

#[tokio::test]
async fn a_command_takes_what_fits_and_refuses_one_more() {
    let office = Office::open().await;
    let path = office.commands_path();
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut all = definition();
        change(&mut all[0]);
        all
    };
    let option = |n: usize| json!({ "type": 3, "name": format!("o{n}"), "description": "x" });
    let flat = |change: &dyn Fn(&mut Value)| {
        let mut one = option(0);
        change(&mut one);
        json!([{ "name": "kaas", "description": "x", "options": [one] }])
    };
    let many = |count: usize| json!([{ "name": "kaas", "description": "x", "options": (0..count).map(option).collect::<Vec<_>>() }]);
    let choices = |count: usize| {
        let all: Vec<Value> = (0..count).map(|n| json!({ "name": format!("c{n}"), "value": "v" })).collect();
        flat(&|o| o["choices"] = json!(all))
    };
    let large = |length: usize| {
        // 25 options of 25 choices each would be far more: the whole is counted.
        let all: Vec<Value> =
            (0..25).map(|n| json!({ "name": format!("{n:0100}"), "value": "v".repeat(length) })).collect();
        let options: Vec<Value> = (0..2)
            .map(|n| {
                let mut one = option(n);
                one["choices"] = json!(all);
                one
            })
            .collect();
        json!([{ "name": "kaas", "description": "x", "options": options }])
    };
    for fits in [many(25), choices(25), large(59)] {
        let (status, answer) = office.call("PUT", &path, fits).await;
        assert_eq!(status, 200, "{answer}");
    }
    for (what, body) in [
        ("a name in upper case", changed(&|c| c["name"] = json!("Kaas"))),
        ("a name with a blank", changed(&|c| c["name"] = json!("ka as"))),
        ("a name of 33", changed(&|c| c["name"] = json!("k".repeat(33)))),
        ("a description of 101", changed(&|c| c["description"] = json!(long(101)))),
        ("no description", changed(&|c| c["description"] = json!(""))),
        ("26 options", many(26)),
        ("26 choices", choices(26)),
        ("8000 characters of all", large(100)),
        ("a choice of 101", flat(&|o| o["choices"] = json!([{ "name": "a", "value": "v".repeat(101) }]))),
        ("a choice of another type", flat(&|o| o["choices"] = json!([{ "name": "a", "value": 1 }]))),
        (
            "choices and autocomplete",
            flat(&|o| {
                o["choices"] = json!([{ "name": "a", "value": "a" }]);
                o["autocomplete"] = json!(true);
            }),
        ),
        ("bounds of a text", flat(&|o| o["min_value"] = json!(1))),
        (
            "bounds upside down",
            flat(&|o| {
                o["min_length"] = json!(3);
                o["max_length"] = json!(2);
            }),
        ),
        ("a length of 6001", flat(&|o| o["max_length"] = json!(6001))),
        ("required after optional", {
            let mut last = option(1);
            last["required"] = json!(true);
            json!([{ "name": "kaas", "description": "x", "options": [option(0), last] }])
        }),
        ("a name twice", json!([{ "name": "kaas", "description": "x", "options": [option(0), option(0)] }])),
        ("a command twice", json!([definition()[0], definition()[0]])),
        ("sub-commands beside options", changed(&|c| c["options"].as_array_mut().unwrap().push(option(0)))),
        ("sub-commands too deep", {
            let inner = json!({ "type": 1, "name": "c", "description": "x" });
            let sub = json!({ "type": 1, "name": "b", "description": "x", "options": [inner] });
            let group = json!({ "type": 2, "name": "a", "description": "x", "options": [sub] });
            json!([{ "name": "kaas", "description": "x", "options": [group] }])
        }),
        ("no context", changed(&|c| c["contexts"] = json!([]))),
    ] {
        assert_eq!(office.refused("PUT", &path, body).await, (400, 50035), "{what}");
    }
    // What serenity sends beyond the published description is taken, and not kept.
    let loose = flat(&|o| {
        for (key, value) in
            [("options", json!([])), ("choices", json!([])), ("channel_types", json!([])), ("min_value", Value::Null)]
        {
            o[key] = value;
        }
    });
    let (status, answer) = office.call("PUT", &path, loose).await;
    assert_eq!((status, answer[0]["options"][0].as_object().unwrap().len()), (200, 3), "{answer}");
}

#[tokio::test]
async fn two_hundred_commands_may_be_made_in_a_day() {
    let office = Office::open().await;
    let path = office.commands_path();
    let named = |name: String| json!([{ "name": name, "description": "x" }]);
    // One was made when the office opened; the same again makes none.
    for n in 1..200 {
        assert_eq!(office.call("PUT", &path, named(format!("k{n}"))).await.0, 200);
    }
    assert_eq!(office.call("PUT", &path, named("k199".into())).await.0, 200);
    let (status, answer) = office.call("PUT", &path, named("more".into())).await;
    assert_eq!((status, &answer["code"]), (429, &json!(30034)), "{answer}");
    assert!(answer["retry_after"].as_f64().unwrap() > 86_000.0);
    office.discord.pass(std::time::Duration::from_secs(86_401));
    assert_eq!(office.call("PUT", &path, named("more".into())).await.0, 200);
}

#[tokio::test]
async fn files_are_of_ten_mebibytes_at_most() {
    let office = Office::open().await;
    let url = format!("{}/api/v10/channels/{}/messages", office.discord.url(), office.channel);
    let send = async |length: usize| {
        let mut body = Vec::new();
        body.extend(
            b"--b\r\ncontent-disposition: form-data; name=\"payload_json\"\r\ncontent-type: application/json\r\n\r\n",
        );
        body.extend(b"{\"content\":\"plan\"}\r\n--b\r\ncontent-disposition: form-data; name=\"files[0]\"; filename=\"plan.txt\"\r\n\r\n");
        body.extend(vec![b'x'; length]);
        body.extend(b"\r\n--b--\r\n");
        let request = office.http.post(&url).header("authorization", format!("Bot {}", office.discord.token()));
        let answer = request.header("content-type", "multipart/form-data; boundary=b").body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let (status, answer) = send(10 * 1024 * 1024).await;
    assert_eq!((status, &answer["attachments"][0]["size"]), (200, &json!(10 * 1024 * 1024)));
    let read = office.http.get(answer["attachments"][0]["url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(read.bytes().await.unwrap().len(), 10 * 1024 * 1024);
    let (status, answer) = send(10 * 1024 * 1024 + 1).await;
    assert_eq!((status, &answer["code"]), (413, &json!(40005)));
}
