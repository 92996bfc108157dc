"""`-m` by Hydra's plugins: each job in a folder of its own, in parallel or by Optuna."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest
from omegaconf import OmegaConf

torch = pytest.importorskip("torch")

from agent import config, sweeps  # noqa: E402
from agent.cli import main  # noqa: E402
from agent.errors import Exit  # noqa: E402
from agent.training.config import TrainConfig  # noqa: E402
from agent.vlm.checkpoint import save_checkpoint  # noqa: E402
from tests.tiny import tiny_tokenizer  # noqa: E402
from tests.tiny_model import NAMES, tiny_model, tiny_shards  # noqa: E402

PLUGINS = find_spec("hydra_plugins") and all(find_spec(m) for m in sweeps.PLUGINS.values())
SHORT = ["steps=2", "warmup=0", "decay=0", "threads=1", "bf16=false", "pictures=2", "tensorboard=false"]


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    names = {k: list(v) for k, v in vars(NAMES).items()}
    save_checkpoint(tmp_path / "base", tiny_model(), tiny_tokenizer(), {"step": 0, "names": names})
    tiny_shards(tmp_path / "data", count=4)
    return [f"data={tmp_path / 'data'}", f"start={tmp_path / 'base'}", *SHORT, f"out={tmp_path / 'out'}"]


def results(words: list[str]) -> list[dict]:
    out = Path(words[-1].partition("=")[2])
    return [json.loads((out / str(i) / "result.json").read_text()) for i in range(2)]


def rates(words: list[str]) -> list[float]:
    out = Path(words[-1].partition("=")[2])
    return [json.loads((out / str(i) / "training.json").read_text())["train"]["lr"] for i in range(2)]


@pytest.mark.skipif(not PLUGINS, reason="the sweep extra is not installed")
@pytest.mark.filterwarnings("ignore")
def test_two_jobs_by_joblib(words: list[str]) -> None:
    assert main(["train", "-m", "lr=1e-3,1e-2", "hydra/launcher=joblib", "hydra.launcher.n_jobs=1", *words]) == 0
    assert rates(words) == [1e-3, 1e-2]
    first, second = results(words)
    assert first["words"] != second["words"]


@pytest.mark.skipif(not PLUGINS, reason="the sweep extra is not installed")
@pytest.mark.filterwarnings("ignore")
def test_optuna_brings_the_objective_down(words: list[str]) -> None:
    plan = ["hydra/sweeper=optuna", "hydra.sweeper.n_trials=2", "hydra.sweeper.sampler.seed=1", "objective=points"]
    assert main(["train", "-m", "lr=interval(1e-3,1e-2)", *plan, *words]) == 0
    best = OmegaConf.load(Path(words[-1].partition("=")[2]) / "optimization_results.yaml")
    found = [r["objective"] for r in results(words)]
    assert best["best_value"] == pytest.approx(min(found))
    assert best["best_params"]["lr"] == pytest.approx(rates(words)[found.index(min(found))])


@pytest.mark.skipif(not PLUGINS, reason="the sweep extra is not installed")
@pytest.mark.filterwarnings("ignore")
def test_a_trial_that_fails_does_not_end_the_search(words: list[str], capsys) -> None:
    plan = ["hydra/sweeper=optuna", "hydra.sweeper.n_trials=4", "hydra.sweeper.sampler.seed=1", "objective=points"]
    assert main(["train", "-m", "lr=choice(1e38,1e-3)", *plan, *words]) == 0
    assert capsys.readouterr().err.count("palmetto: step 1: the loss is nan") in (1, 2, 3)
    best = OmegaConf.load(Path(words[-1].partition("=")[2]) / "optimization_results.yaml")
    assert best["best_params"]["lr"] == 1e-3


def test_a_plugin_that_is_not_there_is_one_line(words: list[str], monkeypatch, capsys) -> None:
    monkeypatch.setattr(sweeps, "find_spec", lambda name: None)
    assert main(["train", "-m", "lr=1e-3,1e-2", "hydra/launcher=joblib", *words]) == Exit.USAGE
    assert 'hydra/launcher=joblib needs a plugin: pip install ".[sweep]"' in capsys.readouterr().err
    assert main(["train", "hydra/launcher=joblib", *words]) == Exit.USAGE, "without -m there is nothing to launch"


@pytest.mark.parametrize("name", [c for c in config.choices("experiment") if c != "none"])
def test_every_experiment_is_a_run_that_can_be(name: str) -> None:
    options = config.options(config.split_raw("train", [f"experiment={name}", "steps=5000"]))
    numbers = {k: options[k] for k in TrainConfig.__dataclass_fields__ if k in options}
    assert TrainConfig(**numbers).steps == 5000, "the command line has the last word"
    what = options.data or options.strokes.data
    assert what is not None or options.stage == "speak", "sentences alone are drawn, all else is read"
