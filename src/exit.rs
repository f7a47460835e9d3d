//! How a run ended, as the process' exit status says it.

/// How a run of the command line ended: the process's exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It did what was asked (status 0).
    Done,
    /// It failed (status 1).
    Failed,
    /// It was asked for something that makes no sense (status 2).
    Misuse,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::from(0),
            Exit::Failed => Self::from(1),
            Exit::Misuse => Self::from(2),
        }
    }
}
