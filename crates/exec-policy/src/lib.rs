//! May this command run? Shell words, known-safe and dangerous commands, rules, decisions.
