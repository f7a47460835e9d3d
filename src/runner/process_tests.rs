//! Children that behave, and children that do not.

use super::*;

/// Lets children be interrupted where these tests were started with SIGINT ignored, as a shell does with what it starts by `&`: exec leaves an ignored
/// signal ignored, and gives a caught one its default back. The kaas command catches it.
pub(crate) fn catch_ignored_sigint() {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return };
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).expect("what is ignored");
    let ignored = u64::from_str_radix(ignored.trim(), 16).expect("a mask");
    if ignored & 1 << (Signal::SIGINT as u32 - 1) != 0 {
        let interrupt = tokio::signal::unix::SignalKind::interrupt();
        drop(tokio::signal::unix::signal(interrupt).expect("a signal that can be caught"));
    }
}

fn sh(script: &str) -> Spec {
    catch_ignored_sigint();
    Spec {
        program: PathBuf::from("/bin/sh"),
        args: vec!["-c".into(), script.into()],
        environment: vec![("PATH".into(), SecretString::from("/usr/bin:/bin")), ("MARK".into(), "given".into())],
        dir: std::env::temp_dir(),
        stdin: None,
        time: Duration::from_secs(30),
        grace: Duration::from_millis(300),
        keep_max: 1000,
        output: None,
        watch: None,
    }
}

async fn lines(spec: Spec, stop: &CancellationToken) -> (Ended, Vec<(From, String)>) {
    let mut seen = Vec::new();
    let ended = run(spec, stop, &mut |from, line| seen.push((from, line.to_owned()))).await.unwrap();
    (ended, seen)
}

#[tokio::test]
async fn a_child_sees_only_what_it_is_given() {
    let (ended, seen) =
        lines(sh("/usr/bin/env | grep -v '^_=\\|^PWD=\\|^SHLVL=\\|^OLDPWD='; cat"), &CancellationToken::new()).await;
    assert!(ended.ok());
    let mut names: Vec<_> = seen.into_iter().map(|(_, line)| line).collect();
    names.sort();
    assert_eq!(names, ["MARK=given", "PATH=/usr/bin:/bin"]);
}

#[tokio::test]
async fn both_outputs_arrive_line_by_line_and_a_last_line_needs_no_end() {
    let (ended, seen) = lines(sh("echo one; echo two >&2; printf three; exit 7"), &CancellationToken::new()).await;
    assert_eq!(ended.status.code(), Some(7));
    assert_eq!(ended.why, Why::Itself);
    assert!(!ended.ok());
    let of = |which| seen.iter().filter(|(from, _)| *from == which).map(|(_, l)| l.as_str()).collect::<Vec<_>>();
    assert_eq!(of(From::Out), ["one", "three"]);
    assert_eq!(of(From::Err), ["two"]);
}

#[tokio::test]
async fn an_endless_line_of_garbage_is_cut_and_the_next_line_is_whole() {
    let script = "head -c 100000000 /dev/zero | tr '\\0' '\\377'; echo; echo after";
    let (ended, seen) = lines(sh(script), &CancellationToken::new()).await;
    assert!(ended.ok());
    assert_eq!(seen.len(), 2);
    assert!(seen[0].1.ends_with(&format!("({} bytes cut)", 100_000_000 - LINE_MAX)), "{}", seen[0].1.len());
    assert_eq!(seen[1].1, "after");
}

#[tokio::test]
async fn a_child_that_heeds_sigint_ends_in_order() {
    let stop = CancellationToken::new();
    let script = "trap 'echo bye; exit 3' INT; echo up; while :; do sleep 0.05; done";
    let mut spec = sh(script);
    spec.grace = Duration::from_secs(20);
    let mut seen = Vec::new();
    let ended = run(spec, &stop, &mut |_, line| {
        seen.push(line.to_owned());
        stop.cancel();
    })
    .await
    .unwrap();
    assert_eq!((ended.why, ended.status.code()), (Why::Stopped, Some(3)));
    assert_eq!(seen, ["up", "bye"]);
}

#[tokio::test]
async fn a_deaf_child_and_its_children_are_killed_after_the_grace_period() {
    let mut spec = sh("trap '' INT; sleep 1000 & echo $!; sleep 1000; sleep 1000");
    spec.time = Duration::from_millis(300);
    let (ended, seen) = lines(spec, &CancellationToken::new()).await;
    assert_eq!(ended.why, Why::TimedOut);
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&ended.status), Some(9));
    let grandchild = Pid::from_raw(seen[0].1.parse().unwrap());
    let gone = async {
        // Reaped by init, so it may be a zombie for a moment.
        while nix::sys::signal::kill(grandchild, None).is_ok() && !is_zombie(grandchild) {
            sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.expect("the grandchild is gone");
}

#[tokio::test]
async fn output_held_open_by_a_daemon_does_not_hold_the_run() {
    let (ended, seen) = lines(sh("sleep 1000 & echo done"), &CancellationToken::new()).await;
    assert!(ended.ok());
    assert_eq!(seen[0].1, "done");
}

#[tokio::test]
async fn what_is_kept_is_bounded() {
    let mut spec = sh("echo '{\"a\":1}'; echo note >&2");
    let stop = CancellationToken::new();
    let mut notes = Vec::new();
    let ended = run_keeping(spec, &stop, &mut |_, line| notes.push(line.to_owned())).await.unwrap();
    assert_eq!((ended.kept.as_slice(), notes.as_slice()), (&b"{\"a\":1}\n"[..], &["note".to_owned()][..]));
    spec = sh("while :; do echo 0123456789012345678901234567890123456789; done");
    let ended = run_keeping(spec, &stop, &mut |_, _| ()).await.unwrap();
    assert_eq!(ended.why, Why::TooMuch);
    assert!(ended.kept.len() <= 1000);
}

#[tokio::test]
async fn files_are_read_along_and_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.out");
    for _ in 0..2 {
        let mut spec = sh("echo one; sleep 0.1; echo two >&2; sleep 0.1; printf three");
        spec.output = Some(path.clone());
        let (ended, seen) = lines(spec, &CancellationToken::new()).await;
        assert!(ended.ok());
        let seen: Vec<_> = seen.iter().map(|(from, line)| (*from, line.as_str())).collect();
        assert_eq!(seen, [(From::Out, "one"), (From::Err, "two"), (From::Out, "three")]);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\nthree");
    }
    let mut spec = sh("while :; do echo 0123456789012345678901234567890123456789; done");
    spec.output = Some(path);
    let (ended, _) = lines(spec, &CancellationToken::new()).await;
    assert_eq!(ended.why, Why::TooMuch);
}

#[tokio::test]
async fn a_dropped_run_asks_its_child_to_end() {
    let dir = tempfile::tempdir().unwrap();
    let mark = dir.path().join("bye");
    let script = format!("trap 'echo x > {}; exit' INT; echo up; while :; do sleep 0.05; done", mark.display());
    let (up, is_up) = tokio::sync::oneshot::channel();
    let task = tokio::spawn(async move {
        let mut up = Some(up);
        let stop = CancellationToken::new();
        let mut on_line = |_: From, _: &str| {
            let _ = up.take().map(|up| up.send(()));
        };
        run(sh(&script), &stop, &mut on_line).await
    });
    is_up.await.unwrap();
    task.abort();
    let done = async {
        while !mark.exists() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), done).await.expect("the child was asked to end");
}

#[tokio::test]
async fn a_missing_program_is_an_error() {
    let mut spec = sh("");
    spec.program = PathBuf::from("/nowhere/terraform");
    let error = run(spec, &CancellationToken::new(), &mut |_, _| ()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
}

fn is_zombie(pid: Pid) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "))
}
