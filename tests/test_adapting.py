"""Training part by part, by the command: what learns, what stays, and a run that goes on."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from hydra.utils import instantiate

torch = pytest.importorskip("torch")

from agent import config  # noqa: E402
from agent.commands.learning import train  # noqa: E402
from agent.errors import Exit, UserError  # noqa: E402
from agent.training.adapting import ADAPTER  # noqa: E402
from agent.vlm.adapt.adapt import load_adapter  # noqa: E402
from agent.vlm.checkpoint import CheckpointError, load_checkpoint, save_checkpoint  # noqa: E402
from tests.tiny import tiny_tokenizer  # noqa: E402
from tests.tiny_model import NAMES, tiny_model, tiny_shards  # noqa: E402

SHORT = ["steps=4", "warmup=1", "decay=0", "threads=1", "bf16=false", "pictures=2", "save_every=2", "lr=1e-2"]


@pytest.fixture
def start(tmp_path: Path) -> Path:
    """A base and some pictures."""
    torch.manual_seed(0)
    names = {k: list(v) for k, v in vars(NAMES).items()}
    save_checkpoint(tmp_path / "base", tiny_model(), tiny_tokenizer(), {"step": 0, "names": names})
    tiny_shards(tmp_path / "data", count=4)
    return tmp_path


def run(folder: Path, out: str, *overrides: str) -> Exit:
    words = [f"data={folder / 'data'}", f"start={folder / 'base'}", *SHORT, *overrides]
    options = config.options(config.split_raw("train", words))
    built = instantiate({k: v for k, v in options.items() if not str(k).startswith("_")}, _convert_="all")
    record = SimpleNamespace(seed=built.pop("seed"), out=folder / out, figures={})
    built.pop("out")
    return train(record=record, **built)


def changes(folder: Path, out: str):
    """What training has added to each tensor that it changed."""
    base, now = (load_checkpoint(folder / name).weights for name in ("base", out))
    assert set(base) == set(now), "the names are the base's"
    return {k: now[k].float() - base[k].float() for k in base if not torch.equal(now[k], base[k])}


def test_lora_adds_matrices_of_low_rank_to_the_decoder(start: Path) -> None:
    assert run(start, "out", "adapt=lora", "adapt.lora.rank=2") is Exit.DONE
    found = changes(start, "out")
    in_decoder = {k: v for k, v in found.items() if k.startswith("decoder.")}
    assert in_decoder
    assert any(k.startswith("vision.") for k in found)
    assert not any("embed" in k or "norm" in k for k in in_decoder)
    for update in in_decoder.values():
        assert int(torch.linalg.matrix_rank(update, rtol=1e-3)) <= 2 < min(update.shape)


def test_the_adapter_is_the_checkpoint(start: Path) -> None:
    run(start, "out", "adapt=lora", "adapt.vision=frozen")
    model = load_checkpoint(start / "base").model()
    adapted = load_adapter(start / "out" / ADAPTER, model)
    assert adapted.base == str(start / "base")
    ids, positions = torch.arange(6)[None], torch.arange(6)[None]
    mask = torch.ones(6, 6, dtype=torch.bool).tril()[None, None]
    whole = load_checkpoint(start / "out").model().decoder
    said = [d(d.embed(ids), positions, mask)[0] for d in (model.eval().decoder, whole)]
    torch.testing.assert_close(*said, atol=1e-5, rtol=1e-5)


def test_a_frozen_decoder_stays_as_it_is(start: Path) -> None:
    run(start, "out", "adapt=frozen")
    found = changes(start, "out")
    assert found
    assert not any(k.startswith("decoder.") for k in found)


def test_an_adapted_run_goes_on_as_if_it_had_not_stopped(start: Path) -> None:
    run(start, "whole", "adapt=lora")
    run(start, "cut", "adapt=lora", "steps=2")
    run(start, "cut", "adapt=lora")
    whole, cut = (load_checkpoint(start / name).weights for name in ("whole", "cut"))
    assert all(torch.equal(whole[k], cut[k]) for k in whole)


def test_other_runs_and_other_bases_are_one_line(start: Path) -> None:
    with pytest.raises(UserError, match="nothing would learn"):
        run(start, "no", *(f"adapt.{part}=frozen" for part in ("vision", "projector", "decoder", "pointer")))
    with pytest.raises(UserError, match="decoder=half: there are frozen, lora, full"):
        run(start, "no", "adapt.decoder=half")
    with pytest.raises(UserError, match="rank"):
        run(start, "no", "adapt=lora", "adapt.lora.rank=0")
    with pytest.raises(UserError, match="rank 500 is more than a matrix"):
        run(start, "no", "adapt=lora", "adapt.lora.rank=500")
    with pytest.raises(UserError, match="alpha is above 0"):
        run(start, "no", "adapt=lora", "adapt.lora.alpha=0")
    with pytest.raises(UserError, match="trains the decoder alone"):
        run(start, "no", "adapt=frozen", "stage=speak")
    run(start, "out", "adapt=lora")
    with pytest.raises(UserError, match="adapts otherwise"):
        run(start, "out", "adapt=lora", "adapt.lora.rank=4")
    with pytest.raises(UserError, match="adapts a base"):
        run(start, "out")
    run(start, "plain")
    with pytest.raises(UserError, match="everything learns"):
        run(start, "plain", "adapt=lora")
    save_checkpoint(start / "base", tiny_model(1), tiny_tokenizer(), load_checkpoint(start / "base").training)
    with pytest.raises(UserError, match="load its base"):
        run(start, "out", "adapt=lora")
    with pytest.raises(CheckpointError, match="load its base"):
        load_adapter(start / "out" / ADAPTER, load_checkpoint(start / "base").model())


@pytest.mark.parametrize("adapt", ["full", "lora"])
def test_wherever_a_save_is_cut_off_the_run_goes_on(start: Path, monkeypatch: pytest.MonkeyPatch, adapt: str) -> None:
    """Each write and each move of the second save is where the power fails once."""
    run(start, "whole", f"adapt={adapt}")
    whole = load_checkpoint(start / "whole").weights

    class PowerFails(BaseException):
        pass

    at = cut = 0
    while True:
        out, left = f"cut{at}", at + 1

        def may_fail(real, left=at, out=out):
            count = [left]

            def move(self, target):
                if self.parent.name == "next" and (start / out / "training.json").is_file():
                    if count[0] == 0:
                        raise PowerFails
                    count[0] -= 1
                return real(self, target)

            return move

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", may_fail(Path.replace))
            try:
                run(start, out, f"adapt={adapt}")
            except PowerFails:
                cut += 1
            else:
                break
        run(start, out, f"adapt={adapt}")
        found = load_checkpoint(start / out)
        assert found.training["step"] == 4
        assert all(torch.equal(whole[k], found.weights[k]) for k in whole), at
        assert not (start / out / "next").exists()
        at = left
    assert cut >= 10, "each file is renamed where it is written, and moved"
