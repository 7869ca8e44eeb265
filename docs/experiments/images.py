"""What fashion.py and cifar.py share: five classifiers of the gallery and a peer, their training, their attack, their figures.

Images are tensors [batch, d, 2m, 2m]: each block of 2 x 2 pixels became 4 channels (`torch.nn.PixelUnshuffle`). That moves
pixels and changes none, so l2 distances are those of the images, with pixels from 0 to 1.
"""
from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, cast

import click
import harness
import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from odenet.certify import analysis, attack
from odenet.certify.accuracy import certify_data
from odenet.certify.attack import margins
from odenet.demo.training import margin_loss
from odenet.driver import Loaded, loads
from odenet.gallery import gallery_text
from odenet.syntax import format_spec, parse
from odenet.text import Source

RADII = (8 / 255, 16 / 255, 36 / 255, 0.3, 0.5, 0.6, 0.8, 1.0)
SHOWN = ("0", "8/255", "16/255", "36/255", "0.3", "0.5", "0.6", "0.8", "1")
REGIMES = ("residual", "naive", "nonexpansive", "prescribed", "flexible")
PEER, EVALUATED = "torchlip", " evaluated"
COLOURS = {"residual": harness.GREY, "naive": "#E69F00", "nonexpansive": harness.BLUE, "prescribed": harness.GREEN,
           "flexible": harness.ORANGE, PEER: harness.PINK}
CLASSES, STEPS, CHECKED = 10, 50, 25
_BATCHES_A_ROUND = 25


@dataclass(frozen=True)
class Images:
    """`pixels` [count, d, 2m, 2m], whole numbers from 0 to 255; `labels` [count]."""

    pixels: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, which: Tensor | slice) -> tuple[Tensor, Tensor]:
        """Pixels between 0 and 1, and labels."""
        return self.pixels[which].float() / 255, self.labels[which]


@dataclass(frozen=True)
class Recipe:
    """How every network of one data set is trained.

    rate: Adam's largest, of the networks with a constant; free_rate: of the plain one, which diverges there. radius,
    temperature: of the loss. mirrored: whether images are mirrored at random.
    """

    dims: Mapping[str, int]
    epochs: int
    batch: int = 128
    rate: float = 2e-2
    free_rate: float = 3e-3
    radius: float = 0.5
    temperature: float = 0.1
    mirrored: bool = False


Load = Callable[[], tuple[Images, Images]]  # the images to train on and to test on


def images(pixels: np.ndarray, labels: np.ndarray) -> Images:
    """From pixels [count, channels, side, side] of bytes and labels [count]."""
    return Images(F.pixel_unshuffle(torch.from_numpy(pixels), 2), torch.from_numpy(labels.astype(np.int64)))


def synthetic(channels: int) -> tuple[Images, Images]:
    """Small noisy images of ten patterns, for `--quick`: 512 to train on, 128 to test on, 8 x 8 pixels."""
    draw = np.random.default_rng(0)
    patterns = draw.integers(40, 216, (CLASSES, channels, 8, 8))
    labels = draw.integers(0, CLASSES, 640)
    pixels = np.clip(patterns[labels] + draw.normal(0, 20, (640, channels, 8, 8)), 0, 255).astype(np.uint8)
    return images(pixels[:512], labels[:512]), images(pixels[512:], labels[512:])


# ---------------------------------------------------------------------------------------------------- networks


@cache
def spec(regime: str) -> Loaded:
    """The gallery's spec of a regime."""
    return loads(gallery_text(f"images_{regime}"), f"specs/gallery/images_{regime}.ode")


def network(variant: str, dims: Mapping[str, int]) -> nn.Module:
    """A new network R[d, 2m, 2m] -> R[10], drawn from torch's generator."""
    if variant == PEER:
        return peer(dims["d"], dims["m"], dims["c"], 2 * dims["L"])
    return cast(nn.Module, _module(variant, tuple(sorted(dims.items())))())


@cache
def _module(regime: str, dims: tuple[tuple[str, int], ...]) -> type:
    return spec(regime).module(**dict(dims))


def peer(d: int, m: int, c: int, layers: int) -> nn.Module:
    """The 1-Lipschitz network of deel-torchlip: spectral convolutions with Björck's orthogonalisation, sorted pairs.

    As many layers, channels and pools as the others have. Source: Serrurier, Mamalet, González-Sanz, Boissin, Loubes, del
    Barrio, Achieving robustness in classification using optimal transport with hinge regularization, CVPR 2021.
    """
    from deel import torchlip

    def convolution(inputs: int, outputs: int) -> nn.Module:
        return cast(nn.Module, torchlip.SpectralConv2d(inputs, outputs, 3, padding=1, padding_mode="circular"))

    def stage(width: int) -> list[nn.Module]:
        return [layer for _ in range(layers) for layer in (convolution(width, width), torchlip.GroupSort2())]

    head = torchlip.SpectralLinear(2 * c * m * m, CLASSES)
    return nn.Sequential(convolution(d, c), *stage(c), nn.MaxPool2d(2), convolution(c, 2 * c), *stage(2 * c), nn.Flatten(), head)


def proved_constant(module: nn.Module, loaded: Loaded | None, m: int) -> float:
    """A Lipschitz constant of the network: the proved one, or else one computed from its weights.

    The plain residual network and the peer claim none that is proved: the norms of their layers are computed, in
    float64, and multiplied. m: a quarter of the side of the images.
    """
    if loaded is None:
        side, constant = 2 * m, 1.0
        for layer in cast(nn.Sequential, module):
            side = m if isinstance(layer, nn.MaxPool2d) else side
            constant *= _norm(cast(Tensor, layer.weight), side) if hasattr(layer, "weight") else 1.0
        return constant
    proved = analysis.proved_constant(loaded)
    return _residual_constant(cast(Any, module).parameter_values(), m) if proved is None else proved


def _residual_constant(values: Mapping[str, Tensor], m: int) -> float:
    sides = {"S": 2 * m, "A": 2 * m, "B": 2 * m}
    layers = [pair for names in ("AB", "CD") for pair in zip(*([_norm(kernel, sides.get(name, m)) for kernel in values[name]]
                                                               for name in names), strict=True)]
    ends = [_norm(value, sides.get(name, m)) for name, value in values.items() if name not in "ABCDab" and value.dim() > 1]
    return math.prod(ends) * math.prod(1 + inner * outer for inner, outer in layers)


def _norm(weight: Tensor, side: int) -> float:
    """The norm of a matrix [m, n], or of a circular convolution of images [c, side, side] with kernel [k, c, s, s].

    Such a convolution is the direct sum of the values of its symbol, the Fourier transform of the kernel.
    Source: Sedghi, Gupta, Long, The singular values of convolutional layers, ICLR 2019.
    """
    with torch.no_grad():
        wide = weight.double()
        if wide.dim() == 4:
            wide = torch.fft.fft2(_wrapped(wide, side)).permute(2, 3, 0, 1)
        return float(torch.linalg.matrix_norm(wide, ord=2).max())


def _wrapped(kernel: Tensor, side: int) -> Tensor:
    """The kernel [k, c, s, s] on the torus of side x side: what lies beyond an edge comes in at the other."""
    taps = torch.arange(kernel.shape[-1]) % side
    wrapped = kernel.new_zeros(*kernel.shape[:2], side, side)
    rows = kernel.new_zeros(*kernel.shape[:3], side).index_add_(3, taps, kernel)
    return wrapped.index_add_(2, taps, rows)


# ---------------------------------------------------------------------------------------------------- training


def train(variant: str, seed: int, recipe: Recipe, data: tuple[Images, Images], weights: Path) -> harness.Training:
    """One network in training; its weights are saved in the folder `weights` when it is done."""
    module = network(variant, recipe.dims)
    loss = margin_loss(recipe.radius, recipe.temperature)
    a_epoch = math.ceil(len(data[0]) / recipe.batch)
    steps = recipe.epochs * a_epoch
    rate = recipe.free_rate if variant == "residual" else recipe.rate
    optimizer = torch.optim.Adam(module.parameters(), rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)

    def advance(index: int) -> float:
        module.train()
        total, count = 0.0, 0
        for step in range(index * _BATCHES_A_ROUND, min(steps, (index + 1) * _BATCHES_A_ROUND)):
            x, y = data[0].batch(_order(len(data[0]), recipe.batch, seed, step // a_epoch)[step % a_epoch])
            if recipe.mirrored:
                x = torch.where(torch.rand(len(x), 1, 1, 1) < 0.5, mirror(x), x)
            optimizer.zero_grad()
            value = loss(module(x), y)
            value.backward()
            optimizer.step()
            schedule.step()
            total, count = total + value.item() * len(y), count + len(y)
        return total / count

    def measure() -> dict[str, Any]:
        save(module, weights / f"{variant}-{seed}.safetensors")
        return {"parameters": sum(p.numel() for p in module.parameters() if p.requires_grad)}

    parts = {"network": module, "optimizer": optimizer, "schedule": schedule}
    return harness.Training(parts, math.ceil(steps / _BATCHES_A_ROUND), advance, measure)


@cache
def _order(count: int, size: int, seed: int, epoch: int) -> list[Tensor]:
    return harness.batches(count, size, seed, epoch)


def mirror(x: Tensor) -> Tensor:
    """Images [batch, 4 channels, m, m] with left and right exchanged, where each 2 x 2 pixels are channels."""
    return F.pixel_unshuffle(F.pixel_shuffle(x, 2).flip(-1), 2)


def save(module: nn.Module, path: Path) -> None:
    state = {name: tensor.detach().clone().contiguous() for name, tensor in module.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    harness.replace(path, lambda to: save_file(state, to))


# -------------------------------------------------------------------------------------------------- evaluation


def certified(module: nn.Module, loaded: Loaded | None, pixels: Tensor, labels: Tensor) -> tuple[Tensor, float]:
    """For each image [count] the l2 distance, at most 1, within which no change turns a right answer; and the constant used.

    A wrong answer has -1. Of networks of specs by `odenet certify`: the constant of these weights, rounding counted.
    Of the peer by a product of norms, in exact arithmetic: a difference of two scores of an L-Lipschitz network is
    sqrt(2) L-Lipschitz.
    Source: Tsuzuku, Sato, Sugiyama (2018), Lipschitz-margin training, Prop. 1.
    """
    if loaded is None:
        constant = proved_constant(module, loaded, pixels.shape[-1] // 2)
        with torch.no_grad():
            scores = torch.cat([module(part) for part in pixels.split(500)])
        radii = margins(scores.double(), labels) / (math.sqrt(2) * constant)
        return torch.where(radii > 0, radii.clamp(max=1.0), -1.0), constant
    bounds = analysis.certificate(loaded, module, (pixels.mean(0, keepdim=True),))
    found = certify_data(bounds, module, pixels, labels, (max(RADII),))
    radii = np.where(found.clean, np.maximum(found.radii_shown, 1e-9), -1.0)  # right, whether or not it is certified
    return torch.from_numpy(radii), bounds.constant


class Found:
    """What an evaluation found so far, kept as the harness keeps weights."""

    def __init__(self) -> None:
        self.kept: dict[str, Tensor] = {}

    def state_dict(self) -> dict[str, Tensor]:
        return dict(self.kept)

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        self.kept = dict(state)


def evaluate(variant: str, seed: int, recipe: Recipe, data: tuple[Images, Images], weights: Path,
             attacked: int, steps: int) -> harness.Training:
    """The certified radii of all test images, then one attack of `steps` at each of `RADII` on the first `attacked`."""
    module = network(variant, recipe.dims)
    module.load_state_dict(load_file(weights / f"{variant}-{seed}.safetensors"))
    module.eval()
    loaded, found = None if variant == PEER else spec(variant), Found()
    pixels, labels = data[1].batch(slice(None))
    count = min(attacked, len(labels))

    def advance(index: int) -> float:
        if index == 0:
            radii, constant = certified(module, loaded, pixels, labels)
            found.kept = {"certified": radii, "alive": (radii > 0)[None, :count], "constant": torch.tensor(constant)}
            return 0.0
        radius, alive = RADII[index - 1], found.kept["alive"][-1]
        safe = found.kept["certified"][:count] > radius
        tried = (alive & ~(safe & (torch.arange(count) >= CHECKED))).nonzero()[:, 0]
        held = alive.clone()
        held[tried] = survives(module, pixels[tried], labels[tried], radius, seed, steps)
        found.kept["alive"] = torch.cat((found.kept["alive"], held[None]))
        return float(held.float().mean())

    def measure() -> dict[str, Any]:
        radii, alive = found.kept["certified"], found.kept["alive"]
        places = torch.tensor((0.0, *RADII), dtype=radii.dtype)
        safe = radii[None, :] >= places[:, None]
        return {"images": count, "certified": safe.double().mean(1).tolist(), "attacked": alive.double().mean(1).tolist(),
                "same": safe[:, :count].double().mean(1).tolist(), "contradicted": int((safe[:, :count] & ~alive).sum()),
                "constant": float(found.kept["constant"]), "proved": proved_constant(module, loaded, recipe.dims["m"]),
                "curve": [float((radii >= r).double().mean()) for r in CURVE], "steps": steps_learned(variant, module)}

    return harness.Training({"found": found}, 1 + len(RADII), advance, measure)


CURVE = tuple(i / 50 for i in range(51))


def survives(module: nn.Module, pixels: Tensor, labels: Tensor, radius: float, seed: int, steps: int = STEPS) -> Tensor:
    """Whether each image [count] is still classified right after projected gradient ascent in the l2 ball of a radius.

    The steps together are five times the radius, from a random start; pixels may leave their range.
    Source: Madry et al. (2018), Towards deep learning models resistant to adversarial attacks.
    """
    if not len(labels):
        return torch.zeros(0, dtype=torch.bool)
    attack.begin(seed)
    return attack.holds(module, attack.projected(module, pixels, radius, steps, 1, 250), pixels, labels, radius)


def steps_learned(variant: str, module: nn.Module) -> list[tuple[float, float]]:
    """The steps (h_C, h_E) of the layers in order; h_E is 0 where a layer only contracts."""
    if variant not in ("nonexpansive", "prescribed", "flexible"):
        return []
    with torch.no_grad():
        values = {name: tensor.double().flatten().tolist() for name, tensor in cast(Any, module).parameter_values().items()
                  if name in ("hc", "he", "hr", "kc", "ke", "kr")}
    shrinks = values["hc"] + values["kc"]
    if variant == "flexible":
        return list(zip(shrinks, values["he"] + values["ke"], strict=True))
    if variant == "prescribed":
        return [(h, r * prescribed_step(h)) for h, r in zip(shrinks, values["hr"] + values["kr"], strict=True)]
    return [(h, 0.0) for h in shrinks]


# ------------------------------------------------------------------------------------- bounds, tables, pictures


def paper_step(h: float | np.ndarray) -> Any:
    """The largest h_E after one contractive step h_C: (1 + h_E) sqrt(1 - h_C + h_C^2) <= 1."""
    return 1 / np.sqrt(1 - h + h * h) - 1


def prescribed_step(h: float | np.ndarray) -> Any:
    """The largest h_E in two equal sub-steps of both, by the same bound: (4 - 2 r)/r, r = sqrt(h_C^2 - 2 h_C + 4)."""
    r = np.sqrt(h * h - 2 * h + 4)
    return (4 - 2 * r) / r


def halved_step(h: float | np.ndarray) -> Any:
    """The largest h_E after two half-steps, by the same bound: (1 + h_E) (1 - h_C/2 + h_C^2/4) <= 1."""
    return h * (2 - h) / (h * h - 2 * h + 4)


def sharp_step(h: float | np.ndarray) -> Any:
    """The largest h_E after two half-steps by the slopes 1 - h_C/2 [1/2, 1]: (1 + h_E) max(1 - h_C/4, h_C/2 - 1)^2 <= 1."""
    return 1 / np.maximum(1 - h / 4, h / 2 - 1) ** 2 - 1


def sharp_single(h: float | np.ndarray) -> Any:
    """The same after one step: (1 + h_E) max(1 - h_C/2, h_C - 1) <= 1."""
    return 1 / np.maximum(1 - h / 2, h - 1) - 1


def experiment(script: str, recipe: Recipe, load: Load) -> harness.Experiment:
    """Trains every network with every seed, then evaluates each from its saved weights."""
    options = click.get_current_context().params
    quick, attacked, steps = options["quick"], options["attacked"], STEPS
    name = Path(script).stem
    runs = options["runs"] or Path("build/experiments") / (name + ("-quick" if quick else ""))
    if options["again"]:
        for path in [*runs.glob("*-evaluated-*.json"), *runs.glob("*-evaluated-*.pt")]:
            path.unlink()
    if quick:
        d = recipe.dims["d"]
        recipe = Recipe({"d": d, "m": 2, "c": max(4, d), "L": 1}, 3, 64, radius=0.2, mirrored=recipe.mirrored)
        attacked, steps = min(attacked, 32), 5
        load = partial(synthetic, d // 4)
    data = cache(load)

    def start(variant: str, seed: int, _: bool) -> harness.Training:
        base = variant.removesuffix(EVALUATED)
        if variant == base:
            return train(base, seed, recipe, data(), runs / "weights")
        return evaluate(base, seed, recipe, data(), runs / "weights", attacked, steps)

    variants = [*REGIMES, PEER]
    settings = {"recipe": asdict(recipe), "specs": {regime: statements(gallery_text(f"images_{regime}")) for regime in REGIMES}}
    return harness.Experiment(script, [*variants, *(v + EVALUATED for v in variants)], start, tables, draw, settings)


def statements(text: str) -> list[str]:
    """The lines of a spec that decide its module, in canonical form: without comments and claims."""
    lines = (line.partition("#")[0].strip() for line in format_spec(parse(Source("spec", text))).splitlines())
    return [line for line in lines if line and not line.startswith("claim")]


OPTIONS = (click.Option(["--again"], is_flag=True, help="Evaluate again what was trained."),
           click.Option(["--attacked"], type=click.IntRange(1), default=1000, show_default=True, help="How many test images."))


def tables(results: harness.Results) -> dict[str, str]:
    """Certified and attacked accuracy, the networks, and the steps that they learned."""
    names = [name for name in (*REGIMES, PEER) if name + EVALUATED in results]
    runs = {name: results[name + EVALUATED] for name in names}
    found = {"certified": harness.table(["network", *SHOWN], [[name, *_percents(runs[name], "certified")] for name in names])}
    pairs = {name: zip(_percents(runs[name], "attacked"), _means(runs[name], "same"), strict=True) for name in names}
    found["attacked"] = harness.table(["network", *SHOWN], [[name, *(f"{a} ({c})" for a, c in pairs[name])] for name in names])
    rows = [[name, f"{results[name][0]['parameters']:,}", harness.spread(results[name], "seconds", ".0f"),
             f"{statistics.fmean(run['proved'] for run in runs[name]):.3g}", harness.spread(runs[name], "constant", ".3g"),
             str(sum(run["contradicted"] for run in runs[name]))] for name in names]
    headers = ["network", "parameters", "seconds of training", "proved, or product of norms", "constant certified",
               "certified answers changed"]
    found["networks"] = harness.table(headers, rows)
    found["steps"] = harness.table(["network", "seed", "fine stage", "coarse stage"], _step_rows(runs))
    return found


def _means(runs: Sequence[Mapping[str, Any]], kind: str) -> list[str]:
    return [f"{100 * statistics.fmean(column):.1f}" for column in zip(*(run[kind] for run in runs), strict=True)]


def _percents(runs: Sequence[Mapping[str, Any]], kind: str) -> list[str]:
    """Mean and standard deviation over the seeds at each radius, in per cent."""
    columns = zip(*(run[kind] for run in runs), strict=True)
    return [f"{100 * statistics.fmean(column):.1f}" + (f" ± {100 * statistics.stdev(column):.1f}" if len(column) > 1 else "")
            for column in columns]


def _step_rows(runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[list[str]]:
    rows = []
    for name, found in runs.items():
        for seed, run in enumerate(found):
            pairs = [f"{c:.3f}" if name == "nonexpansive" else f"({c:.3f}, {e:.3f})" for c, e in run["steps"]]
            if pairs:
                half = len(pairs) // 2
                rows.append([name, str(seed), ", ".join(pairs[:half]), ", ".join(pairs[half:])])
    return rows


def draw(figure: Figure, results: harness.Results) -> None:
    """Accuracy against the radius, certified and attacked, and the steps in their regions."""
    figure.set_size_inches(11.5, 4.6)
    left, right = figure.subplots(1, 2)
    names = [name for name in (*REGIMES, PEER) if name + EVALUATED in results]
    for name in names:
        runs = results[name + EVALUATED]
        mean = np.mean([run["curve"] for run in runs], 0)
        left.plot(CURVE, 100 * mean, color=COLOURS[name], lw=1.8, label=name)
        attacked = np.array([run["attacked"] for run in runs])
        left.errorbar((0, *RADII), 100 * attacked.mean(0), 100 * np.ptp(attacked, 0) / 2, color=COLOURS[name], ls=":", marker="o",
                      ms=3, lw=1.2)
    left.set(xlim=(0, 1), ylim=(0, 100), xlabel="size of the change (l2, pixels from 0 to 1)",
             ylabel="test images classified right (%)", title="certified (lines) and attacked (dots)")
    left.grid(alpha=0.3)
    left.legend(fontsize=8)
    _draw_steps(right, {name: results[name + EVALUATED] for name in names})


def _draw_steps(axes: Axes, runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    h = np.linspace(0.001, 2, 400)
    bounds = [("one step each, paper's bound", paper_step, "--", harness.GREY),
              ("two sub-steps of both, paper's bound", prescribed_step, "-.", harness.GREEN),
              ("two half-steps, paper's bound", halved_step, ":", harness.ORANGE),
              ("one step each, sharper bound", sharp_single, "--", harness.BLUE),
              ("two half-steps, sharper bound", sharp_step, "-", harness.ORANGE)]
    for label, bound, style, colour in bounds:
        axes.plot(h, bound(h), ls=style, color=colour, lw=1.4, label=label)
    for name, marker in (("nonexpansive", "^"), ("prescribed", "s"), ("flexible", "o")):
        pairs = [pair for run in runs.get(name, ()) for pair in run["steps"]]
        if pairs:
            axes.plot(*zip(*pairs, strict=True), ls="", marker=marker, color=COLOURS[name], ms=5, label=f"learned, {name}")
    axes.axhline(0, color="black", lw=0.6)
    axes.set(xlim=(0, 2), ylim=(-1.05, 2.2), xlabel="contractive step $h_C$", ylabel="expansive step $h_E$",
             title="steps that keep a layer 1-Lipschitz")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7)
