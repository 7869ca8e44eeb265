"""Right answers of a trained classifier: certified as it runs (`odenet certify`), and left by an attack, on the same inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from odenet.certify.accuracy import certify_data
from odenet.certify.analysis import certificate
from odenet.certify.attack import survivors
from odenet.driver import Loaded


def judged(loaded: Loaded, network: nn.Module, x: Tensor, y: Tensor, radii: Sequence[float], seed: int) -> dict[str, Any]:
    """Shares in percent at each radius (0 first if it is one), the constant of the weights, and what must be 0.

    network: an emitted module of the spec, in float32. x [count, ...], y [count]. "contradicted": how many certified answers
    the attack changed, over all radii.
    """
    network.eval()
    bounds = certificate(loaded, network, (x.mean(0, keepdim=True),))
    found = certify_data(bounds, network, x, y, tuple(radii))
    alive = survivors(network, x, y, tuple(radii), seed, lambda: None).numpy()
    return {
        "certified": [100 * float(row.mean()) for row in found.robust],
        "attacked": [100 * float(row.mean()) for row in alive],
        "constant": bounds.constant,
        "contradicted": int((found.robust & ~alive).sum()),
    }
