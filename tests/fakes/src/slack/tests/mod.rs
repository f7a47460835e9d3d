//! What Slack itself would do, held over the wire.
