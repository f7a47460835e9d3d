//! The ids that Slack gives out. Each reads as a `&str` wherever one is wanted.

use std::fmt;
use std::ops::Deref;

use serde::Serialize;

macro_rules! id {
    ($name:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub struct $name(pub String);

        impl Deref for $name {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_string())
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.0 == *other
            }
        }
    };
}

id!(UserId, "A user of the workspace, or of another one: `U1ALICE`.");
id!(ChannelId, "A channel (`C…`), private channel (`G…`) or direct message (`D…`).");
id!(Ts, "A message within its channel: seconds and microseconds, `1700000000.000100`.");
id!(GroupId, "A user group: `S1`.");
id!(ViewId, "A modal or a home: `V1`.");
id!(FileId, "An uploaded file: `F1`.");
