//! The questions to AWS' other services, each signed by itself: is there that instance profile, does that key work, how high is that quota, which load
//! balancers carry tags.

use std::time::{Duration, SystemTime};

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use serde_json::{Value, json};

use super::fault::Fault;
use super::read::{Asked, PAGES_MAX};
use super::rows::Balancer;
use super::session::Session;

/// The largest answer that is read, in bytes.
const BODY_MAX: usize = 8 << 20;

/// Of a KMS key, what decides whether volumes can be encrypted with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeyState {
    /// `Enabled`, `PendingDeletion` …
    pub state: String,
    /// `SYMMETRIC_DEFAULT`, or one that does not encrypt volumes.
    pub spec: String,
}

/// A call.
struct Ask<'a> {
    service: &'a str,
    region: &'a str,
    host: String,
    /// `X-Amz-Target`, for the services that speak JSON.
    target: Option<&'a str>,
    body: String,
}

impl Session {
    /// Whether an instance profile exists, and whether it has a role.
    pub async fn profile_has_role(&self, region: &str, name: &str) -> Result<bool, Fault> {
        // IAM is one for all regions of a partition.
        let (home, host) = match region {
            _ if region.starts_with("cn-") => ("cn-north-1", "iam.cn-north-1.amazonaws.com.cn"),
            _ if region.starts_with("us-gov-") => ("us-gov-west-1", "iam.us-gov.amazonaws.com"),
            _ => ("us-east-1", "iam.amazonaws.com"),
        };
        let body = format!("Action=GetInstanceProfile&Version=2010-05-08&InstanceProfileName={}", form_encoded(name));
        let ask = Ask { service: "iam", region: home, host: host.to_owned(), target: None, body };
        Ok(self.call(&ask).await?.contains("<RoleName>"))
    }

    /// Whether a KMS key can be used.
    pub async fn key_state(&self, region: &str, key: &str) -> Result<KeyState, Fault> {
        let answer = self.json("kms", region, "TrentService.DescribeKey", &json!({ "KeyId": key })).await?;
        let text = |name: &str| answer["KeyMetadata"][name].as_str().unwrap_or_default().to_owned();
        let spec = if text("KeySpec").is_empty() { text("CustomerMasterKeySpec") } else { text("KeySpec") };
        Ok(KeyState { state: text("KeyState"), spec })
    }

    /// How high a quota of EC2 is.
    pub async fn quota(&self, region: &str, code: &str) -> Result<u32, Fault> {
        let ask = json!({ "ServiceCode": "ec2", "QuotaCode": code });
        let mut answer = self.json("servicequotas", region, "ServiceQuotasV20190624.GetServiceQuota", &ask).await;
        if answer.as_ref().is_err_and(|fault| fault.is(&["NoSuchResourceException"])) {
            // Never asked to be raised: then it is what AWS gives everybody.
            answer = self.json("servicequotas", region, "ServiceQuotasV20190624.GetAWSDefaultServiceQuota", &ask).await;
        }
        let value = answer?["Quota"]["Value"].as_f64().filter(|value| (0.0..=f64::from(u32::MAX)).contains(value));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the bounds were just looked at")]
        value.map(|value| value as u32).ok_or_else(|| Fault::lacking("a quota without a value"))
    }

    /// Everything of a region that belongs to load balancers and carries, or carried, a tag.
    pub async fn balancers(&self, region: &str) -> Asked<Balancer> {
        let (mut rows, mut fault, mut token, mut seen) = (Vec::new(), None, String::new(), 0);
        loop {
            let ask = json!({
                "ResourceTypeFilters": ["elasticloadbalancing:loadbalancer", "elasticloadbalancing:targetgroup"],
                "ResourcesPerPage": 100, "PaginationToken": token,
            });
            match self.json("tagging", region, "ResourceGroupsTaggingAPI_20170126.GetResources", &ask).await {
                Ok(page) => {
                    rows.extend(page["ResourceTagMappingList"].as_array().into_iter().flatten().map(balancer));
                    page["PaginationToken"].as_str().unwrap_or_default().clone_into(&mut token);
                }
                Err(why) => {
                    fault = Some(why);
                    break;
                }
            }
            seen += 1;
            if token.is_empty() {
                break;
            }
            if seen >= PAGES_MAX {
                fault = Some(Fault::endless());
                break;
            }
        }
        let call = format!("GetResources {region} elasticloadbalancing");
        Asked { call, what: format!("load balancers in {region}"), rows, fault }
    }

    async fn json(&self, service: &str, region: &str, target: &str, body: &Value) -> Result<Value, Fault> {
        let host = format!("{service}.{region}.{}", domain(region));
        let ask = Ask { service, region, host, target: Some(target), body: body.to_string() };
        serde_json::from_str(&self.call(&ask).await?).map_err(|_| Fault::unreadable(200))
    }

    /// Asks, and asks again while it may help.
    async fn call(&self, ask: &Ask<'_>) -> Result<String, Fault> {
        let patience = self.way.patience;
        let mut wait = patience.wait;
        for _ in 1..patience.tries {
            match self.once(ask).await {
                Err(fault) if fault.passing => tokio::time::sleep(wait).await,
                end => return end,
            }
            wait = wait.saturating_mul(2).min(Duration::from_secs(10));
        }
        self.once(ask).await
    }

    async fn once(&self, ask: &Ask<'_>) -> Result<String, Fault> {
        let url = match &self.way.endpoint_url {
            Some(url) => format!("{}/", url.trim_end_matches('/')),
            None => format!("https://{}/", ask.host),
        };
        let kind = match ask.target {
            Some(_) => "application/x-amz-json-1.1",
            None => "application/x-www-form-urlencoded; charset=utf-8",
        };
        let mut headers = vec![("content-type", kind)];
        headers.extend(ask.target.map(|target| ("x-amz-target", target)));
        let odd = |_| Fault::lacking("the call could not be signed");
        let identity = self.credentials().await?.into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(ask.region)
            .name(ask.service)
            .time(SystemTime::from(self.clock.now()))
            .settings(SigningSettings::default())
            .build()
            .map_err(|_| Fault::lacking("the call could not be signed"))?
            .into();
        let body = SignableBody::Bytes(ask.body.as_bytes());
        let signable = SignableRequest::new("POST", &url, headers.iter().copied(), body).map_err(odd)?;
        let (instructions, _) = sign(signable, &params).map_err(odd)?.into_parts();
        let mut request = self.http.post(&url).body(ask.body.clone());
        for (name, value) in headers.into_iter().chain(instructions.headers()) {
            request = request.header(name, value);
        }
        let gone = |error: reqwest::Error| if error.is_timeout() { Fault::late() } else { Fault::unreachable() };
        let mut answer = request.send().await.map_err(gone)?;
        let status = answer.status().as_u16();
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(gone)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > BODY_MAX {
                return Err(Fault::lacking("an answer that is too long"));
            }
        }
        let text = String::from_utf8(bytes).map_err(|_| Fault::unreadable(status))?;
        if status == 200 { Ok(text) } else { Err(Fault::said(&code(&text), status)) }
    }
}

/// What AWS calls the error: of JSON `__type`, of XML `<Code>`.
fn code(text: &str) -> String {
    if let Ok(error) = serde_json::from_str::<Value>(text) {
        let word = error["__type"].as_str().or_else(|| error["code"].as_str()).unwrap_or_default();
        return word.rsplit('#').next().unwrap_or_default().to_owned();
    }
    let inside = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    inside.map(|(code, _)| code.to_owned()).unwrap_or_default()
}

fn balancer(row: &Value) -> Balancer {
    let tag = |tag: &Value| Some((tag["Key"].as_str()?.to_owned(), tag["Value"].as_str()?.to_owned()));
    Balancer {
        arn: row["ResourceARN"].as_str().unwrap_or_default().to_owned(),
        tags: row["Tags"].as_array().into_iter().flatten().filter_map(tag).collect(),
    }
}

/// Where a partition's services live.
fn domain(region: &str) -> &'static str {
    match region {
        _ if region.starts_with("cn-") => "amazonaws.com.cn",
        _ if region.starts_with("eusc-") => "amazonaws.eu",
        _ => "amazonaws.com",
    }
}

fn form_encoded(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_both_languages_are_read() {
        assert_eq!(code(r#"{"__type":"com.amazonaws.kms#NotFoundException","message":"x"}"#), "NotFoundException");
        assert_eq!(code("<ErrorResponse><Error><Code>NoSuchEntity</Code></Error></ErrorResponse>"), "NoSuchEntity");
        assert_eq!(code("<html><h1>Bad gateway</h1></html>"), "");
        assert_eq!(form_encoded("kaas+nodes=a@b,c"), "kaas%2Bnodes%3Da%40b%2Cc");
    }

    #[test]
    fn every_partition_has_its_hosts() {
        assert_eq!(domain("eu-west-1"), "amazonaws.com");
        assert_eq!(domain("cn-north-1"), "amazonaws.com.cn");
        assert_eq!(domain("eusc-de-east-1"), "amazonaws.eu");
    }
}
