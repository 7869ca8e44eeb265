"""Proofs of properties of fields: one file for each kind of property."""
