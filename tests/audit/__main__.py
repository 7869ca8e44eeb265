"""`python -m tests.audit`"""
import sys

from tests.audit.report import main

sys.exit(main())
