//! deciding
