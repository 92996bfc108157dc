"""Two processes that share a run have the losses and weights of one; what one can't do ends both in one line."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from agent.cli import main  # noqa: E402
from agent.errors import Exit, UserError  # noqa: E402
from agent.training.parallel.norms import JoinedBatchNorm2d  # noqa: E402
from agent.training.parallel.spread import tensor_plan  # noqa: E402
from agent.training.parallel.world import World  # noqa: E402
from agent.vlm.checkpoint import load_checkpoint, save_checkpoint  # noqa: E402
from agent.vlm.config import DecoderConfig, ExpertsConfig  # noqa: E402
from tests.tiny import tiny_tokenizer  # noqa: E402
from tests.tiny_model import NAMES, tiny_model, tiny_shards  # noqa: E402
from tests.training_pair import RUNS, STAGES, run, together  # noqa: E402
from tests.training_runs import kept, losses, mixture  # noqa: E402

CLOSE = 1e-5
"""Relative, of losses after up to six steps: sums of float32 in another order differ by some 1e-7."""


def _port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With every one of RUNS by two processes, and every one of STAGES by one."""
    folder = tmp_path_factory.mktemp("pair")
    mixture(folder)
    words = ["-m", "tests.training_pair", str(folder), *RUNS]
    for code, said in together([words, words], port=_port()):
        assert (code, said) == (0, "")
    for stage in STAGES:
        run(folder, stage, stage, World())
    return folder


def assert_same(folder: Path, one: str, other: str) -> None:
    a, b = losses(folder / one), losses(folder / other)
    assert [line["step"] for line in a] == [line["step"] for line in b]
    for x, y in zip(a, b, strict=True):
        assert x.keys() == y.keys()
        for name in x:
            # What divides the teacher's distribution from the student's is a small difference of large numbers.
            assert y[name] == pytest.approx(x[name], rel=1e-3 if "apart" in name else CLOSE, abs=1e-7), (
                x["step"],
                name,
            )
    whole, shared = kept(folder / one), kept(folder / other)
    assert whole.keys() == shared.keys(), "the same files, as if by one"
    for name, tensor in whole.items():
        assert tensor.shape == shared[name].shape, name
        # Where a gradient is nothing but rounding (a key's bias), Adam makes steps of its sign: lr, 6 times, at most.
        assert (tensor.double() - shared[name].double()).abs().max() < 1e-3, name


@pytest.mark.parametrize("name", [n for n, kind in RUNS.items() if not kind.until])
def test_two_processes_learn_what_one_does(folder: Path, name: str) -> None:
    assert_same(folder, RUNS[name].stage, name)


@pytest.mark.parametrize("name", ["cut-fsdp", "cut-tp"])
def test_a_run_goes_on_with_another_number_of_processes(folder: Path, name: str) -> None:
    assert load_checkpoint(folder / name).training["step"] == RUNS[name].until
    run(folder, name, "both", World())
    assert_same(folder, "both", name)


def test_early_stopping_is_decided_by_the_first(folder: Path) -> None:
    assert load_checkpoint(folder / "rounds-ddp").training["step"] == 4
    assert load_checkpoint(folder / "rounds-ddp/best").training["step"] == 2


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    names = {k: list(v) for k, v in vars(NAMES).items()}
    save_checkpoint(tmp_path / "base", tiny_model(), tiny_tokenizer(), {"step": 0, "names": names})
    tiny_shards(tmp_path / "here/data", count=4)
    (tmp_path / "there").mkdir()
    short = ["steps=2", "warmup=0", "decay=0", "threads=1", "bf16=false", "pictures=2", "tensorboard=false"]
    launch = str(Path(__file__).parents[1] / "launch.py")
    return [launch, "train", f"start={tmp_path / 'base'}", *short, f"out={tmp_path / 'out'}"]


def test_the_command_is_one_for_its_user(words: list[str], tmp_path: Path) -> None:
    one, other = together([[*words, f"data={tmp_path / 'here/data'}", "log_every=1"]] * 2, port=_port())
    assert (one[0], other) == (0, (0, "")), one[1]
    assert one[1].splitlines()[0] == f"train  4 pictures, stage both, into {tmp_path / 'out'} in 2 processes, ddp"
    assert [line[:9] for line in one[1].splitlines()[1:]] == ["step 1/2 ", "step 2/2 "]
    assert json.loads((tmp_path / "out/result.json").read_text())["status"] == "done"


def test_what_one_process_lacks_ends_both_with_its_line_alone(words: list[str], tmp_path: Path) -> None:
    where = (tmp_path / "here", tmp_path / "there")  # the second machine has no data
    one, other = together([[*words, "data=data"]] * 2, cwd=where, port=_port())
    assert other == (
        Exit.USAGE,
        "palmetto: data holds no shards (*.safetensors); make some with: python launch.py collect\n",
    )
    assert one[0] == Exit.USAGE
    assert [line for line in one[1].splitlines() if not line.startswith("train ")] == []
    assert not (tmp_path / "out/training.json").exists()


def test_how_processes_share_the_work_is_checked(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    own = [*words[1:], "data=nowhere"]
    assert main([*own, "parallel=fsdp"]) == Exit.USAGE
    assert "parallel=fsdp is for several processes: torchrun --nproc-per-node 2" in capsys.readouterr().err
    assert main([*own, "parallel=zero"]) == Exit.USAGE
    assert "parallel=zero: there are ddp, fsdp, tp" in capsys.readouterr().err


@contextmanager
def _launched(monkeypatch: pytest.MonkeyPatch, rank: int) -> Iterator[None]:
    for name, value in (("RANK", rank), ("WORLD_SIZE", 2), ("MASTER_ADDR", "127.0.0.1"), ("MASTER_PORT", 1)):
        monkeypatch.setenv(name, str(value))
    yield


def test_an_error_of_all_is_said_by_the_first(monkeypatch, capsys) -> None:
    for rank, said in ((0, 1), (1, 0)):
        with _launched(monkeypatch, rank):
            assert main(["train", "nothing=3"]) == Exit.USAGE
        assert len(capsys.readouterr().err.splitlines()) == said


def test_a_sweep_is_no_work_for_torchrun(monkeypatch, capsys) -> None:
    with _launched(monkeypatch, 0):
        assert main(["train", "-m", "lr=1e-3,1e-2"]) == Exit.USAGE
    assert "-m makes several runs" in capsys.readouterr().err


def test_rows_are_shared_out_whole() -> None:
    three = [World(rank=r, size=3) for r in range(3)]
    assert [list(w.rows(8)) for w in three] == [[0, 1], [2, 3, 4], [5, 6, 7]]
    assert [list(replace(w, how="tp").rows(2)) for w in three] == [[0, 1]] * 3
    with pytest.raises(UserError, match="pictures=2 can't be shared out over 3 processes"):
        three[0].rows(2)


def test_matrices_are_divided_where_heads_and_widths_allow() -> None:
    nano = DecoderConfig()
    assert set(tensor_plan(nano, 3)) == {"q", "k", "v", "o", "gate", "up", "down"}
    assert set(tensor_plan(nano, 2)) == {"gate", "up", "down"}, "nine heads on three are not for two"
    with pytest.raises(UserError, match="neither 9 heads and 3 key-value heads nor a feed-forward width of 1536"):
        tensor_plan(nano, 5)
    with pytest.raises(UserError, match="use fsdp or ddp"):
        tensor_plan(replace(nano, experts=ExpertsConfig(count=4)), 2)


def test_a_joined_norm_alone_is_a_batch_norm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda tensor: None)
    torch.manual_seed(0)
    plain = torch.nn.BatchNorm2d(3)
    joined = JoinedBatchNorm2d(3)
    x = torch.randn(4, 3, 5, 5) * 3 + 1
    a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
    y, z = plain(a), joined(b)
    torch.testing.assert_close(z, y)
    (y**3).sum().backward()
    (z**3).sum().backward()
    torch.testing.assert_close(b.grad, a.grad, atol=1e-4, rtol=1e-4)
    for mine, theirs in zip(joined.buffers(), plain.buffers(), strict=True):
        torch.testing.assert_close(mine, theirs)
