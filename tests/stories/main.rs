//! Stories: whole conversations with kaas, from what people type to what they read, over a world that is made up and a time that is virtual.
//!
//! The engine, the desk and every sentence are real; chat, forge, terraform and Rancher are small state machines ([`fakes`]) that dedupe by natural keys, as
//! the real adapters do, and write down whatever would have been done twice. Each story is told three times: over the memory store, once more with kaas dying
//! between doing and recording *every* effect (and every message delivered twice), and over sled. All three have to read the same. What is left over at the
//! end (unsent words, pending work, an orphaned pull request, a broken journal) fails the story.
//!
//! Reading order: [`world`] (the language of the stories), [`fakes`], [`conversation`], [`process`], [`stores`], [`leftovers`], then the stories, one file a family.

mod conversation;
mod fakes;
mod leftovers;
mod process;
mod stores;
mod world;

mod answers;
mod deciding;
mod destroying;
mod faults;
mod life;
mod outages;
mod rancher;
mod refusals;
mod suggesting;
mod turns;
mod two_chats;
mod unheard;
mod ways;
