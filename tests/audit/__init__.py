"""An audit of everything that is proved, by evaluation: its own numbers, functions, operations, sets, flows, stages and properties.

It shares with the compiler the typed IR alone, and with the attack nothing. `python -m tests.audit --count N` runs all of it.
"""
