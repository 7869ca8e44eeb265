"""Gradients of flows as text: one substep, one step, all steps."""
