//! The mirror: fetched with real git, with a token that is nowhere to be found.

use std::path::Path;
use std::time::Duration;

use kaas::ports::Forge as _;

use crate::desk::{As, Desk, MOMENT, call, lasting, passing, soon, wanted};

fn git(dir: &Path, args: &[&str]) -> String {
    #[expect(clippy::disallowed_methods, reason = "the test looks for itself, with plain git")]
    let out = std::process::Command::new("git").arg("-C").arg(dir).args(args).output().expect("git");
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("text").trim().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_mirror_follows_main_alone() {
    for who in [As::App, As::Token] {
        let desk = Desk::with(who, |_| {}).await;
        soon(desk.github.open(&call(1), &wanted())).await.expect("opened");
        let mirror = soon(desk.github.mirror()).await.expect("fetched");
        assert_eq!(Some(mirror.base.to_string()), desk.fake.head("main"));
        assert_eq!(git(&mirror.path, &["show", "main:modules/m/main.tf"]), "# module");
        assert_eq!(git(&mirror.path, &["for-each-ref", "--format=%(refname)"]), "refs/heads/main");
        let fetches = desk.count("POST", "git-upload-pack");
        soon(desk.github.mirror()).await.expect("fetched");
        assert_eq!(desk.count("POST", "git-upload-pack"), fetches, "what is there is not fetched again");
        let new = desk.fake.push("adm1n", "main", "modules/m/main.tf", Some("# newer\n")).expect("pushed");
        desk.clock.advance(MOMENT);
        assert_eq!(soon(desk.github.mirror()).await.expect("fetched").base.as_str(), new);
        assert_eq!(git(&mirror.path, &["show", "main:modules/m/main.tf"]), "# newer");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_token_is_in_no_argument_file_or_url() {
    let mut token = String::new();
    let desk = Desk::with(As::Token, |settings| {
        use secrecy::ExposeSecret as _;
        if let kaas::forge::github::Auth::Token(secret) = &settings.auth {
            token = secret.expose_secret().to_owned();
        }
    })
    .await;
    assert!(token.len() > 20);
    // Slow enough to be watched.
    desk.fake.latency(Duration::from_millis(250));
    let github = desk.github.clone();
    let fetch = tokio::spawn(async move { github.mirror().await });
    let mut seen = Vec::new();
    for _ in 0..600 {
        for entry in std::fs::read_dir("/proc").expect("processes").flatten() {
            let Ok(line) = std::fs::read(entry.path().join("cmdline")) else { continue };
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            assert!(!line.contains(&token), "a process shows the token: {line}");
            if line.contains("fetch") && line.contains("acme/clusters.git") {
                seen.push(line);
            }
        }
        if fetch.is_finished() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mirror = soon(fetch).await.expect("no panic").expect("fetched");
    assert!(!seen.is_empty(), "the fetch was watched");
    let mut files = 0;
    let mut open = vec![desk.root.path().to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            if entry.path().is_dir() {
                open.push(entry.path());
                continue;
            }
            files += 1;
            let bytes = std::fs::read(entry.path()).expect("a file");
            assert!(!bytes.windows(token.len()).any(|window| window == token.as_bytes()), "{}", entry.path().display());
        }
    }
    assert!(files > 3 && !git(&mirror.path, &["config", "--list"]).contains("x-access-token"));
    let urls = desk.fake.calls();
    assert!(
        urls.iter().any(|call| call.path.contains("upload-pack"))
            && urls.iter().all(|call| !call.path.contains(&token))
    );
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn no_secret_is_logged_however_much_is() {
    // In a process of its own: what other tests do on their threads would be missing from the log, or in it.
    #[expect(clippy::disallowed_methods, reason = "the test itself, alone in a process")]
    let mut command = std::process::Command::new(std::env::current_exe().expect("this test"));
    let out = command.args(["--exact", "--ignored", "mirror::all_is_logged_and_no_secret"]).output().expect("started");
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&out.stderr));
}

#[tokio::test]
#[ignore = "runs only in the process of `no_secret_is_logged_however_much_is`"]
async fn all_is_logged_and_no_secret() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let mut secret = String::new();
    let desk = Desk::with(As::Token, |settings| {
        use secrecy::ExposeSecret as _;
        if let kaas::forge::github::Auth::Token(token) = &settings.auth {
            secret = token.expose_secret().to_owned();
        }
    })
    .await;
    let app = desk.another();
    for forge in [&desk.github, &app] {
        soon(forge.open(&call(1), &wanted())).await.expect("opened");
        soon(forge.mirror()).await.expect("fetched");
    }
    desk.fake.fault("POST", "*/comments", 1, kaas_fakes::github::FaultKind::Status(401));
    lasting(soon(desk.github.comment(&call(1), 1, "kaas:plan", "x")).await);
    desk.fake.revoke_tokens();
    lasting(soon(desk.github.read(crate::desk::BRANCH, crate::desk::FOLDER)).await);
    let text = String::from_utf8_lossy(&log.0.lock().expect("no panic")).into_owned();
    assert!(text.contains("/repos/acme/clusters"), "the calls are in the log");
    assert!(
        !text.contains(&secret) && !text.contains("ghs_") && !text.contains("PRIVATE KEY"),
        "a secret is in the log"
    );
}

#[tokio::test]
async fn what_keeps_git_from_fetching_is_named() {
    let desk = Desk::new().await;
    desk.fake.down(Some(kaas_fakes::github::FaultKind::Status(503)));
    assert_eq!(passing(soon(desk.github.mirror()).await).0, "GitHub does not answer");
    desk.fake.heal();
    desk.fake.fault("*", "*info/refs*", 9, kaas_fakes::github::FaultKind::Status(503));
    assert_eq!(passing(soon(desk.github.mirror()).await).0, "The modules could not be fetched from GitHub");
    desk.fake.heal();
    let desk = Desk::with(As::App, |settings| {
        settings.git_url = Some(format!("{}/elsewhere.git", settings.api_url.trim_end_matches("/api/v3")));
    })
    .await;
    let line = lasting(soon(desk.github.mirror()).await);
    assert!(line.contains("no access to it"), "{line}");
    let desk = Desk::with(As::App, |settings| settings.base = "trunk".to_owned()).await;
    lasting(soon(desk.github.mirror()).await);
}

#[tokio::test]
async fn a_mirror_that_a_kill_left_behind_is_used_or_made_anew() {
    let desk = Desk::new().await;
    // Killed while it was made.
    let aside = desk.root.path().join("data/mirror.git.new/objects");
    std::fs::create_dir_all(&aside).expect("made");
    let mirror = soon(desk.github.mirror()).await.expect("fetched");
    assert!(!desk.root.path().join("data/mirror.git.new").exists());
    // Killed while it was fetched into: a lock nobody holds any more.
    let lock = mirror.path.join("refs/heads/main.lock");
    std::fs::write(&lock, "").expect("locked");
    desk.fake.push("adm1n", "main", "README.md", Some("newer\n")).expect("pushed");
    desk.clock.advance(MOMENT);
    passing(soon(desk.github.mirror()).await);
    assert!(lock.exists(), "it is young: somebody may hold it");
    desk.clock.advance(Duration::from_secs(3600));
    passing(soon(desk.github.mirror()).await);
    assert_eq!(Some(soon(desk.github.mirror()).await.expect("fetched").base.to_string()), desk.fake.head("main"));
    // A power cut: an object that main needs is empty.
    let packs = mirror.path.join("objects");
    let mut open = vec![packs];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            if entry.path().is_dir() {
                open.push(entry.path());
            } else {
                std::fs::remove_file(entry.path()).expect("removed");
            }
        }
    }
    desk.fake.push("adm1n", "main", "README.md", Some("newest\n")).expect("pushed");
    desk.clock.advance(MOMENT);
    for _ in 0..3 {
        if soon(desk.github.mirror()).await.is_ok() {
            break;
        }
    }
    let mirror = soon(desk.github.mirror()).await.expect("made anew");
    assert_eq!(git(&mirror.path, &["show", "main:README.md"]), "newest");
    git(&mirror.path, &["fsck", "--strict"]);
}
