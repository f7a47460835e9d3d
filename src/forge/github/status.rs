//! Statuses of a head: `kaas/plan` and `kaas/approval`, so that whoever looks at the pull request on GitHub sees how far it is, and branch rules can ask
//! for them.

use http::Method;
use serde::de::IgnoredAny;
use serde_json::json;

use super::GitHub;
use super::failure::{Endpoint, Failure};
use super::rounds::Round;
use super::shapes::CombinedStatus;
use crate::lifecycle::HeadSha;
use crate::ports::{Answer, Call, StatusState};

/// The longest description, in characters: GitHub's limit.
const DESCRIPTION_MAX: usize = 140;
/// How often all is looked at before it is left to a later attempt.
const ROUNDS: u32 = 3;

const READ: Endpoint = Endpoint { name: "statuses/get", does: "read statuses", needs: "statuses=read" };
const CREATE: Endpoint = Endpoint { name: "statuses/create", does: "set statuses", needs: "statuses=write" };

impl GitHub {
    pub(super) async fn write_status(
        &self,
        call: &Call,
        head: &HeadSha,
        context: &str,
        state: StatusState,
        description: &str,
    ) -> Answer<()> {
        let word = match state {
            StatusState::Pending => "pending",
            StatusState::Success => "success",
            StatusState::Failure => "failure",
        };
        let description = &cut(description);
        let once = |_| async { Round::of(self.status_once(head, context, word, description).await) };
        self.in_rounds(call, ROUNDS, once).await
    }

    async fn status_once(&self, head: &HeadSha, context: &str, word: &str, description: &str) -> Result<(), Failure> {
        let there: CombinedStatus = self.api.get(&READ, &format!("commits/{head}/status?per_page=100")).await?;
        let same = there.statuses.iter().any(|status| {
            status.context == context
                && status.state == word
                && status.description.as_deref().unwrap_or_default() == description
        });
        if same {
            return Ok(());
        }
        let body = json!({ "state": word, "context": context, "description": description });
        self.api.write::<IgnoredAny>(&CREATE, Method::POST, &format!("statuses/{head}"), &body).await.map(drop)
    }
}

/// A description that GitHub takes, on one line.
fn cut(description: &str) -> String {
    let line = description.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(DESCRIPTION_MAX) {
        None => line,
        Some(_) => line.chars().take(DESCRIPTION_MAX - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_fits() {
        assert_eq!(cut("1 of 2\napprovals"), "1 of 2 approvals");
        assert_eq!(cut(&"ä".repeat(140)).chars().count(), 140);
        let long = cut(&"ä".repeat(141));
        assert!(long.chars().count() == 140 && long.ends_with('…'));
    }
}
