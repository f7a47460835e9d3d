//! What yields to what where there is not enough of a processor: people are answered first, then terraform works, then git.

use rustix::process::{Pid, getpriority_process, setpriority_pgrp, setpriority_process};

/// How much terraform yields to kaas: a niceness, as of `nice(1)`.
pub const TERRAFORM: i32 = 5;
/// How much git yields. Nobody waits for what it does as long as terraform plans beside it.
pub const GIT: i32 = 10;

/// Has a child yield. Where it has ended already, or the system refuses, nothing but speed is lost.
pub fn yields(child: Option<u32>, by: i32) {
    lower(child, by, setpriority_process);
}

/// Has a whole process group yield, by the id of its first process.
pub fn group_yields(first: Option<u32>, by: i32) {
    lower(first, by, setpriority_pgrp);
}

fn lower(id: Option<u32>, by: i32, set: fn(Option<Pid>, i32) -> rustix::io::Result<()>) {
    let Some(id) = id.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) else { return };
    let lowered = getpriority_process(None).and_then(|own| set(Some(id), own + by));
    if let Err(refused) = lowered {
        tracing::debug!(%refused, "a child does not yield");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_yields() {
        #[expect(clippy::disallowed_methods, reason = "a child to look at")]
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("a child");
        let pid = Pid::from_child(&child);
        let own = getpriority_process(None).expect("our own");
        yields(Some(child.id()), GIT);
        assert_eq!(getpriority_process(Some(pid)), Ok((own + GIT).min(19)));
        child.kill().and_then(|()| child.wait()).expect("its end");
        yields(Some(child.id()), GIT);
        group_yields(None, TERRAFORM);
    }
}
