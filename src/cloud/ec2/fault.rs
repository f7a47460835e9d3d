//! What goes wrong with a call to AWS, in one neutral line: no ARN, no account and no secret is ever in it.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::ports::Trouble;

/// The longest code that is told.
const CODE_MAX: usize = 60;

/// Why a call brought nothing, or not all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// One line: `UnauthorizedOperation`, `no answer in time`.
    pub line: String,
    /// AWS' own word, where it said one.
    pub code: Option<String>,
    /// Whether it may work later.
    pub passing: bool,
}

impl Fault {
    /// AWS said so.
    pub fn said(code: &str, status: u16) -> Self {
        let code: String =
            code.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')).take(CODE_MAX).collect();
        if code.is_empty() {
            return Self::unreadable(status);
        }
        let busy = ["Throttl", "RequestLimitExceeded", "TooManyRequests", "Unavailable", "InternalError"];
        let passing = status >= 500 || busy.iter().any(|word| code.contains(word));
        Self { line: code.clone(), code: Some(code), passing }
    }

    /// What came is no answer of AWS: a page of a proxy, say.
    pub fn unreadable(status: u16) -> Self {
        Self { line: format!("HTTP {status} without a word that kaas can read"), code: None, passing: true }
    }

    /// Nothing came.
    pub fn late() -> Self {
        Self { line: "no answer in time".to_owned(), code: None, passing: true }
    }

    /// Nobody is there.
    pub fn unreachable() -> Self {
        Self { line: "it cannot be reached".to_owned(), code: None, passing: true }
    }

    /// kaas itself lacks something.
    pub fn lacking(what: &str) -> Self {
        Self { line: what.to_owned(), code: None, passing: false }
    }

    /// A list that does not end.
    pub fn endless() -> Self {
        Self { line: "a list without end".to_owned(), code: None, passing: false }
    }

    /// What a call of the SDK ended in.
    pub fn of<E: ProvideErrorMetadata + Error + 'static>(error: &SdkError<E, HttpResponse>) -> Self {
        let status = error.raw_response().map(|response| response.status().as_u16());
        match (error, status) {
            (SdkError::ServiceError(service), status) => {
                Self::said(service.err().code().unwrap_or_default(), status.unwrap_or(500))
            }
            (SdkError::ResponseError(_), Some(status)) => Self::unreadable(status),
            (SdkError::TimeoutError(_), _) => Self::late(),
            _ if is_of_credentials(error) => Self::lacking("kaas has no credentials for AWS"),
            (SdkError::DispatchFailure(failure), _) if failure.is_timeout() => Self::late(),
            (SdkError::DispatchFailure(_), _) => Self::unreachable(),
            _ => Self::lacking("the call could not be made"),
        }
    }

    /// Whether AWS said one of these words.
    pub fn is(&self, codes: &[&str]) -> bool {
        self.code.as_deref().is_some_and(|code| codes.contains(&code))
    }

    /// As a port's trouble.
    pub fn trouble(self, what: &str) -> Trouble {
        let line = format!("EC2 did not tell kaas about {what}: {}", self.line);
        match self.passing {
            true => Trouble::Passing { line, wait: None, source: None },
            false => Trouble::Lasting { line, source: None },
        }
    }
}

fn is_of_credentials(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| (*error).source()).any(|error| error.is::<CredentialsError>())
}
