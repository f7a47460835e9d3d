//! Secrets are taken out in every form in which they come back, and harmless text stays.

use super::*;
use proptest::prelude::*;

fn plain(text: &str) -> String {
    Redactor::default().redact(text)
}

#[test]
fn tokens_are_known_by_their_shape() {
    let forty = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    let secret54 = "q7d8fk2l".repeat(6) + "abcdef";
    for (text, without) in [
        (format!("token-x7k2p:{secret54} refused"), "(redacted) refused".to_owned()),
        (format!("kubeconfig-u-abc12xyz:{secret54}"), "(redacted)".to_owned()),
        (format!("using ext/token-9xk2p:{secret54}."), "using (redacted).".to_owned()),
        ("key AKIAIOSFODNN7EXAMPLE is".to_owned(), "key (redacted) is".to_owned()),
        (format!("aws_secret_access_key = \"{forty}\""), "aws_secret_access_key = \"(redacted)\"".to_owned()),
        (format!("{{\"secretKey\":\"{forty}\",\"a\":1}}"), "{\"secretKey\":\"(redacted)\",\"a\":1}".to_owned()),
        (format!("{{\\\"secretKey\\\":\\\"{forty}\\\"}}"), "{\\\"secretKey\\\":\\\"(redacted)\\\"}".to_owned()),
        ("ghs_16C7e42F292c6912E7710c838347Ae178B4a".to_owned(), "(redacted)".to_owned()),
        ("ghp_16C7e42F292c6912E7710c838347Ae178B4a,".to_owned(), "(redacted),".to_owned()),
        ("github_pat_11ABCDEFG0abcdefghij_abc".to_owned(), "(redacted)".to_owned()),
        ("xoxb-1234567890-abcdefghij".to_owned(), "(redacted)".to_owned()),
        ("xapp-1-A012-345-abcdef".to_owned(), "(redacted)".to_owned()),
        ("Authorization: Bearer abc.def".to_owned(), "Authorization: Bearer (redacted)".to_owned()),
        ("\"Authorization\": \"Basic YWRtaW46\"".to_owned(), "\"Authorization\": \"Basic (redacted)\"".to_owned()),
        (format!("bearer {secret54}"), "bearer (redacted)".to_owned()),
        ("https://bot:hunter2@git.example.com/x".to_owned(), "https://(redacted)git.example.com/x".to_owned()),
        ("https://ghost@git.example.com".to_owned(), "https://(redacted)git.example.com".to_owned()),
        ("?X-Amz-Signature=abc123&x=1".to_owned(), "?X-Amz-Signature=(redacted)&x=1".to_owned()),
        (
            "a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nb".to_owned(),
            "a\n(redacted)\nb".to_owned(),
        ),
        ("-----BEGIN PRIVATE KEY-----\\nMIIE and cut".to_owned(), "(redacted)".to_owned()),
        ("password: hunter2".to_owned(), "password: (redacted)".to_owned()),
    ] {
        assert_eq!(plain(&text), without, "{text}");
    }
}

#[test]
fn what_people_need_stays() {
    for text in [
        "InvalidAMIID.NotFound: the image id '[ami-0c1ad2b7e6a01f3d9]' does not exist",
        "Error: Bad response statusCode [422]. Status [422 Unprocessable Entity]. Body: [baseType=error, code=InvalidBodyContent]",
        "secret \"cattle-global-data:cc-abcde\" not found",
        "https://rancher.example.com/dashboard/c/c-m-7k2x9q4d?to=alice@example.com",
        "user alice@example.com, token expired, bearer authentication failed",
        "sha256:9f3ac1d2e4b59f3ac1d2e4b59f3ac1d2e4b59f3ac1d2e4b59f3ac1d2e4b5aaaa",
        "  + ssh_key_contents = (hidden)\n  + password = (hidden)",
    ] {
        assert_eq!(plain(text), text);
    }
}

#[test]
fn known_secrets_are_found_in_every_form() {
    let secret = "s3cr3t/With \"odd\" <chars>&$${more}";
    let redactor = Redactor::new([secret]);
    let encoded = |prefix: &str| base64(format!("{prefix}{secret} and more").as_bytes());
    for text in [
        secret.to_owned(),
        serde_json::to_string(secret).unwrap(),
        serde_json::to_string(&serde_json::to_string(secret).unwrap()).unwrap(),
        format!("value = \"{}\"", crate::render::hcl::escape(secret)),
        serde_json::to_string(secret).unwrap().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"),
        "s3cr3t%2FWith%20%22odd%22%20%3Cchars%3E%26%24%24%7Bmore%7D".to_owned(),
        "s3cr3t%2fWith%20%22odd%22%20%3cchars%3e%26%24%24%7bmore%7d".to_owned(),
        "│ s3cr3t/With\n│ \"odd\"\n│ <chars>&$${more}".to_owned(),
        "s3cr3t/Wi\u{1b}[31mth \"odd\" <ch\n   ars>&$${more}".to_owned(),
        "cut off: s3cr3t/With \"odd\" <ch".to_owned(),
        encoded(""),
        encoded("a"),
        encoded("ab"),
        encoded("abc"),
    ] {
        let without = redactor.redact(&text);
        assert!(without.contains(REDACTED), "{text} -> {without}");
        for part in ["s3cr3t", "odd", "chars"] {
            assert!(!without.contains(part) || text.starts_with("cut off"), "{text} -> {without}");
        }
    }
    assert_eq!(Redactor::new(["hunter2-hunter2", "", "abc"]).redact("abc hunter2-\nhunter2 x"), "abc (redacted) x");
    assert_eq!(Redactor::new(["abcdefgh", "efghijkl"]).redact("-abcdefghijkl-"), "-(redacted)-");
    assert!(!format!("{redactor:?}").contains("s3cr3t"));
}

#[test]
fn ten_megabytes_take_bounded_time() {
    let redactor = Redactor::new(["correct-horse-battery-staple", "aaaaaaaaaaaa"]);
    // Unoptimised, the same takes a hundred times as long and shows no more.
    let full = !cfg!(debug_assertions) || std::env::var_os("KAAS_FULL_SIZE").is_some();
    let size = if full { 10_000_000 } else { 200_000 };
    for line in [
        "│ Error: something (http://x) failed – token: none\n",
        "aaaaaaaaaaaaaaaa",
        "-----BEGIN ",
        "eyJhbGciOiJIUzI1.",
        "http://a",
        "http://,AKIAIOSFODNN7EXAMPLE,",
        "eyJ-ghp_aaaaaaaaaaaaaaaa-",
    ] {
        let text = line.repeat(size / line.len());
        let without = redactor.redact(&text);
        assert!(!without.contains("aaaaaaaaaaaa"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_marked_secret_never_comes_through(
        secret in "[!-~]{12,60}",
        before in "[ -~\n│]{0,40}",
        after in "[ -~\n│]{0,40}",
        wrap in 4_usize..30,
        how in 0..6,
    ) {
        let secret = format!("KAASMARK{secret}");
        let form = match how {
            0 => secret.clone(),
            1 => serde_json::to_string(&secret).unwrap(),
            2 => percent(&secret, b""),
            3 => base64(secret.as_bytes()),
            4 => secret.chars().collect::<Vec<_>>().chunks(wrap).map(String::from_iter).collect::<Vec<_>>().join("\n│ "),
            _ => crate::render::hcl::escape(&secret),
        };
        let without = Redactor::new([secret.as_str()]).redact(&format!("{before}{form}{after}"));
        prop_assert!(!without.contains(&form), "{}", without);
        prop_assert!(!without.contains("KAASMARK"), "{}", without);
        let tail: String = secret.chars().skip(8).collect();
        prop_assert!(how == 4 || before.contains(&tail) || after.contains(&tail) || !without.contains(&tail), "{}", without);
    }
}

/// base64 with padding, as everybody writes it.
fn base64(bytes: &[u8]) -> String {
    let whole = base64_inside(bytes, 0, BASE64);
    let rest = bytes.len() * 8 % 6;
    let last = (rest > 0).then(|| {
        let byte = usize::from(bytes[bytes.len() - 1]);
        char::from(BASE64[(byte << (6 - rest)) & 63])
    });
    let text: String = whole.chars().chain(last).collect();
    let padding = "=".repeat((4 - text.len() % 4) % 4);
    text + &padding
}
