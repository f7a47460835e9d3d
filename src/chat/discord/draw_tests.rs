//! Messages in Discord's form.
