"""A block of convolutions and their adjoints, against the unconstrained block of the same shape."""
from __future__ import annotations

from functools import partial

from benchmarks.speed.peers import lipschitz_layers, plain
from benchmarks.speed.specs import emitted, values
from benchmarks.speed.subject import Case, Data, Row, Trained, drawn

CHANNELS, SIDE, STEPS = 32, 32, 4


def data(batch: int) -> Data:
    deviation = (9 * CHANNELS) ** -0.5
    kernels, biases = (STEPS, CHANNELS, CHANNELS, 3, 3), (STEPS, CHANNELS)
    return drawn(((batch, CHANNELS, SIDE, SIDE),), K=(kernels, deviation), b=(biases, deviation))


def loop(data: Data) -> Trained:
    """The same function, with the kernels that the emitted module's chart gives."""
    return plain.convolution_loop(data, values("convolution", data)["K"])


def case(batch: int) -> Case:
    title = f"Convolution block, {CHANNELS} channels, {SIDE} x {SIDE}, {STEPS} steps, batch {batch}"
    rows = (
        Row("odenet", "odenet", partial(emitted, "convolution")),
        Row("odenet, zero padding", "other", partial(emitted, "zero padded"), "the same bound, padding as in the plain block"),
        Row("odenet, orthogonal kernels", "other", partial(emitted, "orthogonal kernels"), "exactly orthogonal, circular padding"),
        Row("plain block of the paper (U)", "other", plain.residual_blocks, "two kernels a step, zero padding, no bound"),
        Row("plain loop, kernels given", "same", loop, "without a chart, so the ratio is what the bound costs"),
        Row("deel-torchlip SpectralConv2d", "other", lipschitz_layers.deel_convolution,
            "two kernels a step, near to orthogonal when reshaped"),
        Row("orthogonium AdaptiveOrthoConv2d", "other", lipschitz_layers.orthogonium_convolution, "two kernels a step, orthogonal"),
    )
    return Case("convolution", title, partial(data, batch), rows, loop)
