//! kaas is gone, terraform is not.
