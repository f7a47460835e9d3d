//! The house of the served stories.

#[path = "../../tests/served/furnish.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
pub mod furnish;
#[path = "../../tests/served/house.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
pub mod house;
#[path = "../../tests/served/talk.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
pub mod talk;
