//! What every store promises, shown on each of them; what sled's survives (SIGKILL, a disk that is full); and what leaves and enters a store as a file.

mod archive;
mod contract;
mod full_disk;
mod hammer;
mod lives;
mod tamper;

pub use lives::long_winded;
