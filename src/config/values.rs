//! Single values of the file: what a text has to be, lengths of time, dollars, the values of module inputs.
//!
//! Nothing here does I/O. No message holds the value itself, because it could be a secret in the wrong place.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::lifecycle::catalogue::Value;
use crate::lifecycle::form::{Invalid, is_invisible};

type Checked = Result<(), Invalid>;

fn held(ok: bool, problem: &str, hint: &str) -> Checked {
    if ok { Ok(()) } else { Err(Invalid::new(problem, hint)) }
}

fn only(text: &str, max: usize, also: &str) -> bool {
    (1..=max).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || also.as_bytes().contains(&b))
}

/// One line of text that a person can read.
pub fn one_line(text: &str) -> Checked {
    let plain = !text.trim().is_empty() && !text.chars().any(|c| c.is_control() || is_invisible(c));
    held(
        plain && text.len() <= 500,
        "is not one line of text",
        "at most 500 characters, without line breaks or invisible characters",
    )
}

/// A path of this machine.
pub fn path(text: &str) -> Checked {
    let ok = !text.is_empty() && text.len() <= 1024 && !text.chars().any(char::is_control);
    held(ok, "is not a path", "a path; a relative one starts at the folder of this file")
}

/// How a person is known to others.
pub fn person_name(text: &str) -> Checked {
    one_line(text)?;
    held(
        text.chars().count() <= 64 && text.trim() == text,
        "is not a name",
        "at most 64 characters, without blanks at the ends",
    )
}

/// A channel of a chat.
pub fn channel(text: &str) -> Checked {
    let name = text.strip_prefix('#').unwrap_or("");
    held(only(name, 80, "-_"), "is not a channel", "# and then letters, digits, - or _, such as #clusters")
}

/// A time zone that this machine knows.
pub fn time_zone(text: &str) -> Checked {
    held(
        jiff::tz::TimeZone::get(text).is_ok(),
        "is not a time zone",
        "a name of the IANA database, such as Europe/Berlin or UTC",
    )
}

/// The address of a Rancher.
pub fn url(text: &str) -> Checked {
    address(text, "https:// and the host, such as https://rancher.example.com")?;
    let path = text.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
    let part = |name: &str| path.split('/').any(|p| p == name);
    held(!part("v3") && !part("dashboard"), "names a part of Rancher", "the address alone, without /v3 or /dashboard")
}

/// The address of an API.
pub fn api(text: &str) -> Checked {
    address(text, "https://, the host and the path, such as https://github.example.com/api/v3")
}

fn address(text: &str, hint: &'static str) -> Checked {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let rest = rest.ok_or_else(|| Invalid::new("is not an address of the web", hint))?;
    held(!rest.contains('@'), "has credentials in it", "the address alone; secrets have keys of their own")?;
    held(!rest.contains(['?', '#']), "has a query or a fragment in it", hint)?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    };
    let bracketed = name.strip_prefix('[').and_then(|n| n.strip_suffix(']'));
    let named = bracketed.map_or_else(|| only(name, 253, "-."), |ip| ip.parse::<std::net::Ipv6Addr>().is_ok());
    let ported = port.is_none_or(|p| p.parse::<u16>().is_ok());
    held(named && ported, "has no host that could be reached", hint)?;
    let plain = path.is_empty() || only(path, 200, "-_./");
    held(plain, "has a path that nothing can be under", hint)
}

/// An address to listen on.
pub fn listen(text: &str) -> Checked {
    held(
        text.parse::<std::net::SocketAddr>().is_ok(),
        "is not an address to listen on",
        "an IP address and a port, such as 127.0.0.1:3000",
    )
}

/// The id of a Slack channel.
pub fn slack_channel(text: &str) -> Checked {
    let ok = (3..=24).contains(&text.len())
        && text.starts_with(['C', 'G'])
        && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    held(ok, "is not a Slack channel id", "the id at the end of the channel's details, such as C024BE91L")
}

/// A user group of Slack: its handle or its id.
pub fn slack_group(text: &str) -> Checked {
    let ok = match text.strip_prefix('@') {
        Some(handle) => {
            (1..=80).contains(&handle.chars().count())
                && handle.chars().all(|c| c.is_alphanumeric() && !c.is_uppercase() || "-_.".contains(c))
        }
        None => {
            (3..=24).contains(&text.len())
                && text.starts_with('S')
                && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        }
    };
    held(ok, "is not a user group", "its handle, such as @platform, or its id, such as S0614TZR7")
}

/// A repository of GitHub.
pub fn repository(text: &str) -> Checked {
    let ok = text.split_once('/').is_some_and(|(owner, name)| only(owner, 39, "-_") && only(name, 100, "-_."));
    held(ok, "is not a repository", "its owner and its name, such as acme/clusters")
}

/// A branch of git.
pub fn branch(text: &str) -> Checked {
    let ok =
        only(text, 200, "-_./") && !text.starts_with(['-', '/']) && !text.ends_with(['/', '.']) && !text.contains("..");
    held(
        ok && !text.starts_with(crate::render::module::BRANCHES),
        "is not a branch that kaas could merge into",
        "such as main; kaas/ is kaas' own",
    )
}

/// A label of GitHub.
pub fn label(text: &str) -> Checked {
    one_line(text)?;
    held(text.chars().count() <= 50 && !text.contains(','), "is not a label", "at most 50 characters, without a comma")
}

/// A person or a team of GitHub who is asked for a review.
pub fn reviewer(text: &str) -> Checked {
    match text.split_once('/') {
        Some((organisation, team)) => held(
            only(organisation, 39, "-_") && only(team, 100, "-_"),
            "is neither a login nor a team",
            "such as bob-brandt or acme/platform",
        ),
        None => github(text),
    }
}

/// Whether an address is this very machine.
pub fn is_loopback(url: &str) -> bool {
    let host = url.split("://").nth(1).unwrap_or("").split('/').next().unwrap_or("");
    host == "localhost" || host.starts_with("localhost:") || host.starts_with("127.") || host.starts_with("[::1]")
}

/// The name of a cloud credential in Rancher.
pub fn credential(text: &str) -> Checked {
    one_line(text)?;
    held(text.chars().count() <= 100, "is too long for a credential's name", "its name in Rancher, such as acme-aws")
}

/// The id of a role template of Rancher.
pub fn role(text: &str) -> Checked {
    held(only(text, 63, "-."), "is not a role template's id", "letters, digits, - and ., such as cluster-owner")
}

/// The id of a group principal of Rancher.
pub fn principal(text: &str) -> Checked {
    let parts = text.split_once("://");
    let ok = parts.is_some_and(|(kind, id)| only(kind, 40, "_") && !id.is_empty()) && one_line(text).is_ok();
    held(ok, "is not a group principal", "what Rancher shows as its id, such as github_team://1234")?;
    let group = parts.is_some_and(|(kind, _)| !kind.ends_with("_user") && kind != "local");
    held(group, "is a person and not a group", "a group's principal, such as github_team://1234")
}

/// Version constraints as terraform writes them.
pub fn version(text: &str) -> Checked {
    let one = |part: &str| {
        let number = part.trim().trim_start_matches(['=', '!', '>', '<', '~']).trim();
        let operator = part.trim().len() - part.trim().trim_start_matches(['=', '!', '>', '<', '~']).len() <= 2;
        operator && number.starts_with(|c: char| c.is_ascii_digit()) && only(number, 40, ".-")
    };
    let ok = text.len() <= 100 && text.split(',').all(one);
    held(ok, "is not a version constraint", "such as >= 1.5, ~> 14.1 or >= 1.6, < 2.0")
}

/// The beginning of a key in a bucket.
pub fn prefix(text: &str) -> Checked {
    let ok = text.is_empty()
        || (only(text, 500, "-_./") && text.ends_with('/') && !text.starts_with('/') && !text.contains(".."));
    held(ok, "is not the beginning of a key", "letters, digits and - _ . /, ending in /, such as clusters/")
}

/// A folder under `modules/`, or the name of a template.
pub fn module(text: &str) -> Checked {
    let ok = only(text, 100, "-_.") && text.starts_with(|c: char| c.is_ascii_alphanumeric()) && !text.contains("..");
    held(ok, "is not the name of a folder or template", "letters, digits and - _ ., such as aws-rancher-cluster")
}

/// A machine type of a cloud.
pub fn instance_type(text: &str) -> Checked {
    held(only(text, 64, "-_."), "is not a machine type", "letters, digits and - _ ., such as m6i.large")
}

/// A name of terraform: an input or an output.
pub fn identifier(text: &str) -> Checked {
    let ok = only(text, 64, "-_") && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    held(ok, "is not a name of terraform", "letters, digits, _ and -, starting with a letter")
}

/// The path of an attribute of a resource.
pub fn attribute(text: &str) -> Checked {
    let name = |part: &str| only(part, 64, "_-") || part == "*";
    let (names, _) = text.rsplit_once('.').filter(|(_, last)| *last == "**").unwrap_or((text, ""));
    held(
        names.split('.').all(name),
        "is not the path of an attribute",
        "names joined by dots; * is any one name, ** at the end everything below",
    )
}

/// The name of an environment variable.
pub fn environment_name(text: &str) -> Checked {
    let ok = only(text, 128, "_") && !text.starts_with(|c: char| c.is_ascii_digit());
    held(ok, "is not the name of an environment variable", "letters, digits and _, such as ACME_RANCHER_TOKEN")
}

/// Variables that kaas sets itself, or that would change what terraform does or logs behind its back.
const KEPT_BACK: [&str; 9] = ["PATH", "HOME", "TMPDIR", "TF_", "TOFU_", "RANCHER_", "CATTLE_", "LD_", "DYLD_"];

/// An environment variable that terraform may see, or the beginning of some with a `*` behind it.
pub fn pass_environment(text: &str) -> Checked {
    let name = text.strip_suffix('*').unwrap_or(text);
    environment_name(name)?;
    let all = text.ends_with('*');
    let meets = |kept: &str| {
        if kept.ends_with('_') {
            name.starts_with(kept) || (all && kept.starts_with(name))
        } else {
            name == kept || (all && kept.starts_with(name))
        }
    };
    // The simulator's provider speaks without TLS, between two processes of one machine.
    let kept = text != "TF_DISABLE_PLUGIN_TLS" && KEPT_BACK.iter().any(|kept| meets(kept));
    held(
        !kept,
        "is set by kaas alone",
        "variables of the cloud and the network, such as AWS_PROFILE, AWS_* or HTTPS_PROXY",
    )
}

/// A Slack user id.
pub fn slack(text: &str) -> Checked {
    let ok = (3..=24).contains(&text.len())
        && text.starts_with(['U', 'W'])
        && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    held(ok, "is not a Slack user id", "the member id of the profile, such as U024BE7LH")
}

/// A Discord user id.
pub fn discord(text: &str) -> Checked {
    let hint = "the number that \"Copy User ID\" gives, in quotes, such as \"175928847299117063\"";
    held(is_snowflake(text), "is not a Discord user id", hint)
}

/// The id of a Discord server.
pub fn discord_server(text: &str) -> Checked {
    let hint = "the number that \"Copy Server ID\" gives, in quotes, such as \"197038439483310086\"";
    held(is_snowflake(text), "is not the id of a Discord server", hint)
}

/// The id of a Discord channel.
pub fn discord_channel(text: &str) -> Checked {
    let hint = "the number that \"Copy Channel ID\" gives, in quotes, such as \"290926798999357250\"";
    held(is_snowflake(text), "is not the id of a Discord channel", hint)
}

/// The id of a Discord role.
pub fn discord_role(text: &str) -> Checked {
    let hint = "the number that \"Copy Role ID\" gives, in quotes, such as \"417719834231439360\"";
    held(is_snowflake(text), "is not the id of a Discord role", hint)
}

/// Discord's ids: numbers of 64 bits, by the time at which they were given out.
fn is_snowflake(text: &str) -> bool {
    (15..=20).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_digit())
        && text.parse::<u64>().is_ok_and(|id| id > 0)
}

/// A GitHub login.
pub fn github(text: &str) -> Checked {
    let ok = only(text, 39, "-_") && !text.starts_with('-');
    held(ok, "is not a GitHub login", "the login without @: letters, digits and -")
}

/// An e-mail address.
pub fn email(text: &str) -> Checked {
    let ok = text
        .split_once('@')
        .is_some_and(|(who, host)| !who.is_empty() && who.is_ascii() && host.contains('.') && only(host, 253, "-."));
    let plain = one_line(text).is_ok() && !text.contains(char::is_whitespace);
    held(ok && plain, "is not an e-mail address", "such as alice@example.com")
}

/// A user id of Rancher.
pub fn rancher_user(text: &str) -> Checked {
    let ok = only(text, 63, "-") && text.contains('-') && text == text.to_ascii_lowercase();
    held(ok, "is not a Rancher user id", "the id that Rancher shows under Users & Authentication, such as u-abc12")
}

/// A length of time: a number with ms, s, m, h, d or w.
pub fn duration(text: &str) -> Result<Duration, Invalid> {
    let invalid =
        || Invalid::new("is not a length of time", "a number with ms, s, m, h, d or w, such as \"30s\" or \"4h\"");
    let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(invalid)?;
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().map_err(|_| invalid())?;
    let each: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 604_800_000,
        _ => return Err(invalid()),
    };
    // A hundred years are more than any length that the file takes, and less than every type of time holds.
    let millis = number.checked_mul(each).filter(|m| *m <= 3_155_760_000_000).ok_or_else(invalid)?;
    Ok(Duration::from_millis(millis))
}

/// US cents out of dollars: a whole number, a number with decimals, or a text with one.
pub fn cents(value: &toml::Value) -> Result<u64, Invalid> {
    let invalid =
        || Invalid::new("is not an amount of US dollars", "at most two decimals and 1,000,000, such as 103 or 288.75");
    let text = match value {
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Float(number) => number.to_string(),
        toml::Value::String(text) => text.clone(),
        _ => return Err(invalid()),
    };
    let (whole, part) = text.split_once('.').unwrap_or((&text, "0"));
    let digits = |part: &str, max| (1..=max).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole, 7) || !digits(part, 2) {
        return Err(invalid());
    }
    let whole: u64 = whole.parse().map_err(|_| invalid())?;
    let hundredths: u64 = format!("{part:0<2}").parse().map_err(|_| invalid())?;
    Some(whole * 100 + hundredths).filter(|cents| *cents <= 100_000_000).ok_or_else(invalid)
}

/// A value of a module input.
pub fn value(value: &toml::Value) -> Result<Value, Invalid> {
    let invalid = || {
        Invalid::new(
            "is not a value that kaas writes",
            "text, whole numbers, true or false, lists of text and tables of text",
        )
    };
    let text = |value: &toml::Value| value.as_str().map(str::to_owned).ok_or_else(invalid);
    Ok(match value {
        toml::Value::String(text) => Value::Text(text.clone()),
        toml::Value::Integer(number) => Value::Number(*number),
        toml::Value::Boolean(flag) => Value::Flag(*flag),
        toml::Value::Array(items) => Value::List(items.iter().map(text).collect::<Result<_, _>>()?),
        toml::Value::Table(table) => Value::Map(
            table.iter().map(|(k, v)| Ok((k.clone(), text(v)?))).collect::<Result<BTreeMap<_, _>, Invalid>>()?,
        ),
        toml::Value::Float(_) | toml::Value::Datetime(_) => return Err(invalid()),
    })
}

/// How keys begin that open something: what would be written into the repository in clear.
const SECRET_MARKS: [&str; 12] = [
    "AKIA",
    "ASIA",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "xoxb-",
    "xoxp-",
    "xapp-",
    "glpat-",
    "-----BEGIN",
    "kubeconfig-u-",
];

/// Whether a text looks like a secret that somebody put where it does not belong.
pub fn looks_secret(text: &str) -> bool {
    let token = text.strip_prefix("token-").and_then(|rest| rest.split_once(':'));
    token.is_some_and(|(_, key)| key.len() >= 20) || SECRET_MARKS.iter().any(|mark| text.trim_start().starts_with(mark))
}
