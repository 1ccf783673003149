//! Every ending and its policy.
