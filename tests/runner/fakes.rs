//! With programs that are no good terraform.
