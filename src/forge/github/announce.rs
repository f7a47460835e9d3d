//! Announcing a pull request: its labels, and whose review is asked for. As well as it goes: what is missing here is no reason to stop.

use http::Method;
use serde_json::{Value, json};

use super::GitHub;
use super::failure::{Endpoint, Failure};
use crate::ports::{Answer, Trouble};

const LABEL: Endpoint = Endpoint { name: "issues/labels", does: "label pull requests", needs: "pull_requests=write" };
const REVIEWERS: Endpoint = Endpoint { name: "pulls/reviewers", does: "ask for reviews", needs: "pull_requests=write" };

impl GitHub {
    pub(super) async fn write_announcement(&self, number: u64) -> Answer<()> {
        let (labelled, asked) = tokio::join!(self.label(number), self.ask_for_reviews(number));
        labelled?;
        asked
    }

    /// Labels the pull request; a label that it has stays.
    async fn label(&self, number: u64) -> Answer<()> {
        if self.labels.is_empty() {
            return Ok(());
        }
        let path = format!("issues/{number}/labels");
        let labelled = self.api.write::<Value>(&LABEL, Method::POST, &path, &json!({ "labels": self.labels })).await;
        settled(labelled, |failure| {
            tracing::warn!(pull = number, github.failure = %failure, "a pull request could not be labelled");
        })
    }

    /// Asks for reviews. GitHub refuses all where one cannot be asked, so each is asked then.
    async fn ask_for_reviews(&self, number: u64) -> Answer<()> {
        if self.reviewers.is_empty() {
            return Ok(());
        }
        let path = format!("pulls/{number}/requested_reviewers");
        let all: Vec<&str> = self.reviewers.iter().map(String::as_str).collect();
        let answer = self.api.write::<Value>(&REVIEWERS, Method::POST, &path, &asked(&all)).await;
        if all.len() == 1 || !answer.as_ref().is_err_and(|failure| matches!(failure.refused(), Some((422, _)))) {
            return settled(answer, |failure| {
                tracing::warn!(pull = number, github.failure = %failure, "reviews could not be asked for");
            });
        }
        for one in &all {
            let answer = self.api.write::<Value>(&REVIEWERS, Method::POST, &path, &asked(&[one])).await;
            settled(answer, |failure| {
                tracing::warn!(pull = number, reviewer = one, github.failure = %failure, "a review could not be asked for");
            })?;
        }
        Ok(())
    }
}

/// What GitHub refuses is said in the log and left at that; where it does not answer, a later attempt asks again.
fn settled(answer: Result<Value, Failure>, refused: impl FnOnce(&Failure)) -> Answer<()> {
    match answer {
        Ok(_) => Ok(()),
        Err(failure) if failure.refused().is_some() => {
            refused(&failure);
            Ok(())
        }
        Err(failure) => Err(Trouble::from(failure)),
    }
}

/// Logins, and teams as `org/team`, as GitHub takes them.
fn asked(reviewers: &[&str]) -> Value {
    let (teams, people): (Vec<&str>, Vec<&str>) = reviewers.iter().copied().partition(|name| name.contains('/'));
    let teams: Vec<_> = teams.iter().filter_map(|team| team.rsplit('/').next()).collect();
    json!({ "reviewers": people, "team_reviewers": teams })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn teams_and_people_are_asked_apart() {
        assert_eq!(
            asked(&["bob-b", "acme/platform", "ccziz"]),
            json!({ "reviewers": ["bob-b", "ccziz"], "team_reviewers": ["platform"] })
        );
    }
}
