//! git over smart HTTP: `git http-backend` as CGI on the bare repository, behind Basic auth.

use std::sync::Mutex;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use bytes::Bytes;

use super::answer::Answer;
use super::auth::{Actor, Level, Rank};
use super::git::run;
use super::world::World;

/// One request of git.
#[derive(Debug)]
pub(super) struct GitAsk {
    pub(super) method: String,
    /// `/info/refs`, `/git-upload-pack`, `/git-receive-pack`.
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl GitAsk {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    fn pushes(&self) -> bool {
        self.path == "/git-receive-pack" || self.query.contains("service=git-receive-pack")
    }
}

/// The path within the repository, if this is a path of git: `/acme/clusters.git/info/refs`.
pub(super) fn path_in<'a>(world: &World, path: &'a str) -> Option<&'a str> {
    let rest = path.strip_prefix('/')?.strip_prefix(&world.full_name())?;
    let rest = rest.strip_prefix(".git").unwrap_or(rest);
    matches!(rest, "/info/refs" | "/git-upload-pack" | "/git-receive-pack").then_some(rest)
}

/// Answers a request of git. Blocks while git works.
pub(super) fn answer(shared: &Mutex<World>, ask: &GitAsk) -> Response<Body> {
    let mut world = super::lock(shared);
    let actor = match admit(&world, ask) {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    let login = actor.login().to_owned();
    let mut command = world.git.command();
    command
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", world.git.root())
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", format!("/{}.git{}", world.full_name(), ask.path))
        .env("REQUEST_METHOD", &ask.method)
        .env("QUERY_STRING", &ask.query)
        .env("CONTENT_TYPE", ask.header("content-type").unwrap_or_default())
        .env("CONTENT_LENGTH", ask.body.len().to_string())
        .env("REMOTE_ADDR", "127.0.0.1")
        .env("FAKE_PROTECTED", world.closed_to(&login).join(" "));
    if !login.is_empty() {
        command.env("REMOTE_USER", &login);
    }
    for (name, variable) in [("content-encoding", "HTTP_CONTENT_ENCODING"), ("git-protocol", "GIT_PROTOCOL")] {
        if let Some(value) = ask.header(name) {
            command.env(variable, value);
        }
    }
    let out = if ask.pushes() {
        // Nobody else moves a branch meanwhile, so that what moved was moved by this one.
        let out = run(command, &ask.body);
        world.observe(&login);
        out
    } else {
        drop(world);
        run(command, &ask.body)
    };
    match out {
        Ok(out) => parse(&out),
        Err(error) => plain(500, &format!("{error:#}")),
    }
}

fn admit(world: &World, ask: &GitAsk) -> Result<Actor, Box<Response<Body>>> {
    let unknown = |answer: &Answer| {
        let mut response = plain(401, &answer.words());
        response.headers_mut().insert("www-authenticate", HeaderValue::from_static("Basic realm=\"GitHub\""));
        Box::new(response)
    };
    let actor = world.authenticate(ask.header("authorization")).map_err(|answer| unknown(&answer))?;
    if actor == Actor::Nobody && (world.private || ask.pushes()) {
        return Err(unknown(&super::answer::refused(401, "Requires authentication")));
    }
    world
        .allow(&actor, &["contents"], Level::Read, Rank::Read)
        .map_err(|_| Box::new(plain(404, "remote: Repository not found.\n")))?;
    if ask.pushes() {
        world.allow(&actor, &["contents"], Level::Write, Rank::Write).map_err(|_| {
            Box::new(plain(
                403,
                &format!("remote: Permission to {}.git denied to {}.\n", world.full_name(), actor.login()),
            ))
        })?;
    }
    Ok(actor)
}

fn plain(status: u16, words: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(words.to_owned()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert("content-type", HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

// Header lines, an empty line, the body.
fn parse(out: &[u8]) -> Response<Body> {
    let Some(end) = out.windows(4).position(|window| window == b"\r\n\r\n") else {
        return plain(500, "git http-backend answered without headers");
    };
    let mut response = Response::new(Body::from(out[end + 4..].to_vec()));
    for line in String::from_utf8_lossy(&out[..end]).lines() {
        let Some((name, value)) = line.split_once(": ") else { continue };
        if name.eq_ignore_ascii_case("status") {
            let code = value.split(' ').next().and_then(|code| code.parse().ok()).unwrap_or(500);
            *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        } else if let (Ok(name), Ok(value)) = (axum::http::HeaderName::try_from(name), HeaderValue::from_str(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
