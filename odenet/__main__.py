"""`python -m odenet`"""
from odenet.cli import main

main()
