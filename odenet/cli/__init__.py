"""The command line. Only these modules read arguments, print and exit."""
from __future__ import annotations

import gc
import sys

import click

from odenet.cli import streams
from odenet.cli.certify import certify
from odenet.cli.compile import compile_
from odenet.cli.explain import explain
from odenet.cli.files import demo, fmt, new, show
from odenet.cli.graph import graph
from odenet.cli.prune import prune
from odenet.cli.shared import OUR_BUG
from odenet.cli.verify import recheck, verify

_EPILOG = """
\b
First steps:
  odenet new pendulum.ode --from pendulum   start from the gallery
  odenet verify pendulum.ode                prove its claims
  odenet compile pendulum.ode -o pendulum.py
  odenet demo                               train a certified classifier
\b
Exit status: 0 all claims proved; 1 a claim is not proved; 2 the spec has an
error or the call is wrong; 70 a bug of odenet.
"""


def main() -> None:
    """Run the command line; what cannot be written ends with status 2, a crash of ours with 70 and what to report."""
    gc.set_threshold(100_000, 20, 20)  # a run is short, and what it makes is small and kept: looking for cycles took a tenth of it
    streams.prepare()
    try:
        commands()
    except SystemExit as end:
        streams.finish(end.code)
    except OSError as error:
        streams.leave(error)
    except Exception as error:
        import traceback

        traceback.print_exc()
        click.echo(f"\nerror[ODE901]: this is a bug in odenet ({type(error).__name__}); please report it with the spec", err=True)
        sys.exit(OUR_BUG)


@click.group(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="odenet-compiler", prog_name="odenet")
def commands() -> None:
    """Compile symbolic ODEs with proved structure to PyTorch.

    A spec (.ode) names the parts of an ODE, a splitting scheme and claims such as `symplectic` or `lipschitz(1)`. odenet proves
    each claim for all parameter values, sizes and times, or refutes it with a witness, and then writes one standalone PyTorch
    module.
    """


for _command in (verify, recheck, compile_, certify, prune, graph, explain, fmt, show, new, demo):
    commands.add_command(_command)
