//! Patches: parse, apply, compare.
