"""Proofs of properties of flows and nets: from one substep to the step, from the step to all steps, from flows to nets."""
