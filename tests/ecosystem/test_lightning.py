"""Lightning trains an emitted module, keeps a checkpoint, and goes on from it."""
from __future__ import annotations

import lightning
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.utils.data import DataLoader, TensorDataset

from odenet.driver import loads
from odenet.gallery import gallery_text

from .networks import SMALL, network
from .sets import farthest

pytestmark = pytest.mark.filterwarnings("ignore")  # of Lightning: few workers, few batches, its own imports


class Classifier(lightning.LightningModule):
    """The digits network under Lightning; every class of inputs is the sign of one entry."""

    def __init__(self, seed=0):
        super().__init__()
        self.network = network("digits", seed)

    def training_step(self, batch, index):
        x, y = batch
        return torch.nn.functional.cross_entropy(10 * self.network(x), y)

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=1e-2)


def data():
    torch.manual_seed(3)
    x = torch.randn(64, 64)
    return DataLoader(TensorDataset(x, (x[:, 0] > 0).long()), batch_size=16)


def trainer(folder, epochs, **more):
    return lightning.Trainer(max_epochs=epochs, accelerator="cpu", devices=1, logger=False, enable_progress_bar=False,
                             enable_model_summary=False, default_root_dir=folder, **more)


def distance(model):
    return farthest(loads(gallery_text("digits")).model, model.network, SMALL["digits"].dims)


def loss(model):
    with torch.no_grad():
        return sum(float(model.training_step(batch, 0)) for batch in data())


def test_it_trains_and_goes_on_from_a_checkpoint(tmp_path):
    straight, first, second = Classifier(), Classifier(), Classifier(seed=1)
    before = loss(straight)
    trainer(tmp_path, 4, enable_checkpointing=False, gradient_clip_val=1.0).fit(straight, data())
    assert loss(straight) < before and distance(straight) <= 1e-5
    keeper = ModelCheckpoint(dirpath=tmp_path, save_last=True)
    trainer(tmp_path, 2, callbacks=[keeper], gradient_clip_val=1.0).fit(first, data())
    trainer(tmp_path, 4, enable_checkpointing=False, gradient_clip_val=1.0).fit(second, data(), ckpt_path=keeper.last_model_path)
    for one, other in zip(straight.parameters(), second.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-6)
    restored = Classifier.load_from_checkpoint(keeper.last_model_path, seed=2)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), restored.parameters(), strict=True))
    assert all(key.startswith("network.") for key in restored.state_dict())


def test_bfloat16(tmp_path):
    model = Classifier()
    before = loss(model)
    trainer(tmp_path, 3, enable_checkpointing=False, precision="bf16-mixed").fit(model, data())
    assert loss(model) < before and distance(model) <= 1e-5
