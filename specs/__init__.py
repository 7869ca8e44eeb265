"""Specs that ship with odenet: the prelude of schemes and the gallery."""
