"""Rules, proofs, refutations."""
