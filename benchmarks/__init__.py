"""Measurements of odenet: of its proofs (cost), of its start (startup), and of what it emits (speed)."""
