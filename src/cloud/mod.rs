//! Clouds, as witnesses: the adapters of [`crate::ports::Cloud`]. They read and never write.

pub mod ec2;
