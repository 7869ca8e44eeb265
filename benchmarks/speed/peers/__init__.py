"""What odenet is compared with: one file for each library, and `plain` for the loops that one writes by hand.

A function here takes the data of a case, and returns a row that runs. It imports its library inside, so that a library that
is not installed is a row that says so.
"""
