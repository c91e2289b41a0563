//! Reads the layer table of ARCHITECTURE.md and the house rules, and fails where the tree breaks them.
