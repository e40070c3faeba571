"""The callback in a real trainer, with manual optimisation, a logger, a checkpoint, and a generator that collapses."""

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from modescope.core import ModescopeError
from modescope.monitor import CollapseMonitor, Event

lightning = pytest.importorskip("lightning.pytorch")

REAL = torch.randn(1000, 2, generator=torch.Generator().manual_seed(0))
STEPS, FALL = 60, 40


class Gan(lightning.LightningModule):  # type: ignore[misc,name-defined]
    """Its generator is the identity, until it is scaled down at step 40."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.generator, self.critic = nn.Linear(2, 2), nn.Linear(2, 1)
        with torch.no_grad():
            self.generator.weight.copy_(torch.eye(2))
            self.generator.bias.zero_()

    def training_step(self, batch: list[torch.Tensor], index: int) -> None:
        optimizer = self.optimizers()
        self.fakes = self.generator(torch.randn(64, 2))
        loss = self.critic(batch[0]).mean() - self.critic(self.fakes).mean()
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()
        if index == FALL:
            with torch.no_grad():
                self.generator.weight.mul_(0.05)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD([*self.generator.parameters(), *self.critic.parameters()], lr=1e-3)


def fit(callback: Any, folder: Path, **settings: Any) -> Any:
    torch.manual_seed(0)
    trainer = lightning.Trainer(
        callbacks=[callback],
        max_epochs=1,
        default_root_dir=folder,
        logger=lightning.loggers.CSVLogger(folder),
        log_every_n_steps=1,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        accelerator="cpu",
        **settings,
    )
    trainer.fit(Gan(), DataLoader(TensorDataset(REAL[: STEPS * 16]), batch_size=16))
    return trainer


def callback(fakes: Any, **settings: Any) -> Any:
    from modescope.monitor.lightning import CollapseCallback

    return CollapseCallback(fakes, every=1, window=64, real=REAL, **settings)


@pytest.mark.filterwarnings("ignore")
def test_an_attribute_logs_and_calls(tmp_path: Path) -> None:
    heard: list[tuple[Event, Any, Any]] = []
    alarm = callback("fakes", on_event=lambda *given: heard.append(given))
    trainer = fit(alarm, tmp_path)
    assert [event.kind for event, _, _ in heard] == ["collapse"]
    assert FALL < heard[0][0].step < FALL + 6
    assert heard[0][1] is trainer
    assert isinstance(heard[0][2], Gan)
    assert trainer.global_step == STEPS
    lines = next(tmp_path.glob("**/metrics.csv")).read_text().splitlines()
    assert "modescope/spread" in lines[0].split(",")
    assert len(lines) > STEPS / 2

    trainer.save_checkpoint(tmp_path / "run.ckpt")
    kept = torch.load(tmp_path / "run.ckpt", weights_only=True)["callbacks"]
    fresh = callback("fakes")
    fresh.load_state_dict(kept[fresh.state_key])
    assert fresh.monitor.history == alarm.monitor.history
    assert list(fresh.monitor.events) == [heard[0][0]]


@pytest.mark.filterwarnings("ignore")
def test_a_function_stops_training(tmp_path: Path) -> None:
    alarm = callback(lambda module: module.generator(torch.randn(64, 2)), stop=True)
    trainer = fit(alarm, tmp_path)
    assert [event.kind for event in alarm.monitor.events] == ["collapse"]
    assert FALL < trainer.global_step < FALL + 6


def test_bad_input_is_told() -> None:
    with pytest.raises(ModescopeError, match="expected a name or a function"):
        callback(3)
    with pytest.raises(ModescopeError, match="go to the monitor"):
        callback("fakes", monitor=CollapseMonitor())
    with pytest.raises(ModescopeError, match="Gan has no attribute 'fake'"):
        callback("fake").source(Gan())


@pytest.mark.parametrize("used", [("pytorch_lightning",), ("lightning.pytorch", "pytorch_lightning")])
def test_the_callback_is_of_the_packages_in_use(used: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the two packages has a `Callback` of its own, which its trainer expects."""
    module = importlib.import_module("modescope.monitor.lightning")
    kinds = []
    for name in module.PACKAGES:
        monkeypatch.delitem(sys.modules, name, raising=False)
        if name in used:
            stand_in = ModuleType(name)
            stand_in.Callback = type("Callback", (), {})  # type: ignore[attr-defined]
            monkeypatch.setitem(sys.modules, name, stand_in)
            kinds.append(stand_in.Callback)  # type: ignore[attr-defined]
    assert module.callback_bases() == tuple(kinds)


def test_without_lightning_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module("modescope.monitor.lightning")
    for name in module.PACKAGES:
        monkeypatch.delitem(sys.modules, name, raising=False)
        monkeypatch.setitem(sys.modules, name.split(".")[0], None)
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(ModescopeError, match=r"modescope\[lightning\]"):
        module.callback_bases()
