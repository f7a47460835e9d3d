//! Files in three steps: a url to upload to, the bytes, and the completion that shows them in a channel or thread.

use serde_json::{Value, json};

use super::chat::{thread, writable};
use super::{Answer, Args, Refusal};
use crate::slack::ids::FileId;
use crate::slack::records::File;
use crate::slack::shape;
use crate::slack::world::{BOT_USER, Draft, World};

pub(super) fn upload_url(world: &mut World, args: &Args) -> Answer {
    let name = args.need("filename")?;
    let length = args.number("length").filter(|length| *length > 0).ok_or("invalid_arguments")?;
    let length = usize::try_from(length).map_err(|_| "invalid_arguments")?;
    let id = FileId(format!("F{}", world.next()));
    let file = File { id: id.clone(), title: name.clone(), name, length, content: None, complete: false };
    world.files.insert(id.0.clone(), file);
    Ok(json!({ "upload_url": format!("{}/upload/{id}", world.url), "file_id": id }))
}

/// Takes the bytes of a file, which are to be as many as announced.
pub(crate) fn upload(world: &mut World, id: &str, content: Vec<u8>) -> Answer {
    let file = world.files.get_mut(id).ok_or("file_not_found")?;
    if file.complete || content.len() != file.length {
        return Err("malformed_file".into());
    }
    let size = content.len();
    file.content = Some(content);
    Ok(Value::String(format!("OK - {size}")))
}

pub(super) fn complete(world: &mut World, args: &Args) -> Answer {
    let listed = match args.json("files")? {
        Some(Value::Array(files)) if !files.is_empty() => files,
        _ => return Err("invalid_arguments".into()),
    };
    let mut ids = Vec::new();
    for item in &listed {
        let id = item["id"].as_str().ok_or("invalid_arguments")?;
        let file = world.files.get(id).ok_or("file_not_found")?;
        if file.complete {
            return Err("file_update_failed".into());
        }
        if file.content.is_none() {
            return Err("upload_not_found".into());
        }
        ids.push((FileId(id.to_string()), item["title"].as_str().map(ToString::to_string)));
    }
    let place = match args.text("channel_id").or_else(|| args.text("channels")) {
        None => None,
        Some(named) => {
            let channel = writable(world, &named)?;
            Some((thread(world, &channel.id, args)?, channel))
        }
    };
    for (id, title) in &ids {
        if let Some(file) = world.files.get_mut(&id.0) {
            file.complete = true;
            file.title = title.clone().unwrap_or_else(|| file.title.clone());
        }
    }
    if let Some((thread_ts, channel)) = place {
        world.put(Draft {
            thread_ts,
            files: ids.iter().map(|(id, _)| id.clone()).collect(),
            ..Draft::text(&channel.id, BOT_USER, &args.text("initial_comment").unwrap_or_default())
        });
    }
    let known: Result<Vec<Value>, Refusal> = ids
        .iter()
        .map(|(id, _)| {
            world.files.get(&id.0).map(|file| shape::file(world, file)).ok_or_else(|| "file_not_found".into())
        })
        .collect();
    Ok(json!({ "files": known? }))
}
