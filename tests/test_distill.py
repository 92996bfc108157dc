"""What a teacher tells: its mathematics, against plain references; tokenizers and maps that differ."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from tokenizers import Tokenizer  # noqa: E402

from agent.cli import main  # noqa: E402
from agent.errors import Exit, UserError  # noqa: E402
from agent.training.batch import make_batch  # noqa: E402
from agent.training.config import TrainConfig  # noqa: E402
from agent.training.distill import Teacher, begins, open_teacher, resampled, translated  # noqa: E402
from agent.training.losses import figures, total  # noqa: E402
from agent.training.mixture import row_generators  # noqa: E402
from agent.training.perception import PerceptionHeads, make_targets  # noqa: E402
from agent.training.taught import DistillConfig, Told, divergences, taught_points, taught_words  # noqa: E402
from agent.vlm.checkpoint import load_checkpoint, save_checkpoint  # noqa: E402
from agent.vlm.model import VLM  # noqa: E402
from tests.tiny import tiny_stream, tiny_tokenizer  # noqa: E402
from tests.tiny_model import NAMES, tiny_config, tiny_model, tiny_picture, tiny_shards  # noqa: E402


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_the_divergence_is_the_one_of_the_books(temperature: float) -> None:
    torch.manual_seed(0)
    logits, told = torch.randn(5, 7, dtype=torch.float64), torch.randn(5, 7).softmax(1).double()
    want = []
    for row, p in zip(logits, told, strict=True):
        weights = [float(torch.exp(z / temperature)) for z in row]
        q = [w / sum(weights) for w in weights]
        apart = sum(a * math.log(a / b) for a, b in zip(p.tolist(), q, strict=True))
        want.append(temperature**2 * apart)
    assert divergences(told, logits, temperature).tolist() == pytest.approx(want, rel=1e-4)


def test_who_says_the_same_has_nothing_to_learn() -> None:
    logits = torch.randn(4, 9, requires_grad=True)
    same = (logits.detach() / 2).softmax(1)
    apart = divergences(same, logits, 2.0)
    assert apart.abs().max() < 1e-5
    (slope,) = torch.autograd.grad(apart.sum(), logits)
    assert slope.abs().max() < 1e-5
    certain = torch.zeros(1, 3)
    certain[0, 1] = 1.0  # 0 log 0 is 0
    assert float(divergences(certain, torch.zeros(1, 3))) == pytest.approx(float(torch.tensor(3.0).log()))


def test_gradients_are_those_of_small_steps() -> None:
    torch.manual_seed(1)
    told, logits = torch.randn(3, 6).double().softmax(1), torch.randn(3, 6, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(divergences(told, logits, 1.5).sum(), logits)
    # d/dz of KL(p || softmax(z / t)) t^2 is t (softmax(z / t) - p).
    torch.testing.assert_close(slope, 1.5 * ((logits / 1.5).softmax(1) - told), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("words", "points"), [(0.0, 0.0), (1.0, 1.0), (0.3, 0.7)])
def test_shares_mix_the_teacher_with_the_right_answer(words: float, points: float) -> None:
    torch.manual_seed(2)
    logits, each = torch.randn(6, 5), torch.rand(6)
    told = Told(
        at=torch.tensor([0, 2, 5]), words=torch.rand(3, 5).softmax(1), points=torch.rand(6, 5).softmax(1),
        config=DistillConfig(words=words, points=points),
    )  # fmt: skip
    apart = divergences(told.words, logits[told.at])
    want = each.clone()
    want[told.at] = words * apart + (1 - words) * each[told.at]
    found = taught_words(each, logits, told)
    assert float(found["words_taught"].mean) == pytest.approx(float(want.mean()))
    assert float(found["words_apart"].mean) == pytest.approx(float(apart.mean()))
    assert found["words_apart"].count == 3
    apart = divergences(told.points, logits)
    found = taught_points(each, logits, told)
    assert float(found["points_taught"].mean) == pytest.approx(float((points * apart + (1 - points) * each).mean()))


def _teacher(model: VLM, tokenizer: Tokenizer, student: VLM, **shares: float) -> Teacher:
    return Teacher(
        model, tokenizer, student=student, student_tokenizer=tiny_tokenizer(), config=DistillConfig(**shares)
    )  # fmt: skip


def _loss(student: VLM, teacher: Teacher | None):
    pictures = [tiny_picture(i) for i in range(2)]
    torch.manual_seed(5)
    heads, stream = PerceptionHeads(student.config.vision, NAMES), tiny_stream()
    batch = make_batch(pictures, stream, student.config)
    targets = make_targets(pictures, NAMES, student.config.vision, row_generators(0, 0, range(2)))
    called = [stream.words(n) for n in (*NAMES.colours, *NAMES.kinds, *NAMES.sizes)]
    told = None if teacher is None else teacher.tell(teacher.lesson(pictures), seen=True)
    with torch.no_grad():
        return figures(student, heads, batch, targets, called, "both", told)


def test_a_student_like_its_teacher_learns_nothing_from_it() -> None:
    student = tiny_model()
    found = _loss(student, _teacher(tiny_model(), tiny_tokenizer(), student))
    for name in ("words", "points"):
        assert abs(float(found[f"{name}_taught"].mean)) < 1e-5
        assert found[f"{name}_apart"].count == found[name].count, "heard at every token and point"
    config = TrainConfig(see_weight=0.0, word_weight=0.0)
    assert float(total(found, config)) == pytest.approx(0.0, abs=1e-5), "the right answers are not learnt beside it"
    right = _loss(student, _teacher(tiny_model(3), tiny_tokenizer(), student, words=0.0, points=0.0))
    plain = _loss(student, None)
    assert float(total(right, config)) == pytest.approx(float(total(plain, config)), rel=1e-6)


def _shorter_tokenizer() -> Tokenizer:
    """As the tiny one, but "block" and "green" are in pieces."""
    tiny = tiny_tokenizer()
    state = json.loads(tiny.to_str())
    whole = {"Ġblock", "Ġgreen"}
    specials = {t["content"] for t in state["added_tokens"]}
    kept = [t for t in state["model"]["vocab"] if t not in whole | specials]
    state["model"]["vocab"] = {t: i for i, t in enumerate(kept)}
    state["model"]["merges"] = [m for m in state["model"]["merges"] if "".join(m) not in whole]
    for i, added in enumerate(state["added_tokens"]):
        added["id"] = len(kept) + i
        state["model"]["vocab"].pop(added["content"], None)
    return Tokenizer.from_str(json.dumps(state))


def test_another_tokenizer_is_heard_where_both_part_a_plan() -> None:
    short = _shorter_tokenizer()
    student = tiny_model()
    config = tiny_config()
    torch.manual_seed(1)
    large = VLM(
        replace(config, decoder=replace(config.decoder, vocabulary=short.get_vocab_size()),
                vision=replace(config.vision, image_px=96, map_grid=24))
    )  # fmt: skip
    teacher = _teacher(large, short, student)
    stream = tiny_stream()
    mine, theirs = (s.words("red block in green bowl") for s in (stream, teacher.stream))
    assert len(theirs) > len(mine)
    pairs = teacher.places(mine, theirs)
    pieces = [short.id_to_token(i) for i in theirs]
    said = [stream.tokenizer.id_to_token(i) for i in mine]
    assert [said[i] for i, _ in pairs] == ["Ġred", "Ġin", "Ġbowl"], "a piece says nothing of a whole word"
    assert [pieces[j] for _, j in pairs] == ["Ġred", "Ġin", "Ġbowl"]
    back = _teacher(student, tiny_tokenizer(), large)
    assert back.lesson([tiny_picture(0)]).at.numel() > 0
    found = _loss(student, teacher)
    assert 0 < float(found["words_apart"].count) < float(found["words"].count)
    assert float(found["points_apart"].count) == float(found["points"].count)
    assert float(found["words_apart"].mean) > 0


def test_whole_words_count_for_the_piece_that_they_begin_with() -> None:
    tiny, short = tiny_tokenizer(), _shorter_tokenizer()
    to = begins(tiny, short, tiny.get_vocab_size(), short.get_vocab_size())
    first = short.model.tokenize("Ġblock")[0].value
    assert first != "Ġblock"
    assert short.id_to_token(int(to[tiny.token_to_id("Ġblock")])) == first
    assert all(short.id_to_token(int(to[tiny.token_to_id(t)])) == t for t in ("Ġred", "<point>", "<done>"))
    belief = torch.zeros(1, tiny.get_vocab_size())
    for word, share in (("Ġblock", 0.5), (first, 0.25), ("Ġred", 0.25)):
        belief[0, tiny.token_to_id(word)] = share
    there = translated(belief, to, short.get_vocab_size())
    assert float(there[0, short.token_to_id(first)]) == pytest.approx(0.75)
    assert float(there.sum()) == pytest.approx(1.0)
    lost = torch.full_like(to, short.get_vocab_size())
    lost[tiny.token_to_id("Ġred")] = 7
    assert float(translated(belief, lost, short.get_vocab_size())[0, 7]) == pytest.approx(1.0), "the rest is shared out"


@pytest.mark.parametrize(("grid", "wanted"), [(4, 8), (8, 4), (6, 4), (4, 4)])
def test_maps_of_other_sizes_keep_where_and_how_much(grid: int, wanted: int) -> None:
    torch.manual_seed(3)
    belief = torch.rand(3, grid * grid + 1).softmax(1)
    there = resampled(belief, grid, wanted)
    assert there.shape == (3, wanted * wanted + 1)
    torch.testing.assert_close(there.sum(1), torch.ones(3))
    torch.testing.assert_close(there[:, -1], belief[:, -1])
    # Quarters of the picture are whole cells of either map.
    quarters = [b[:, :-1].view(3, 2, n // 2, 2, n // 2).sum((2, 4)) for b, n in ((belief, grid), (there, wanted))]
    torch.testing.assert_close(*quarters)


def test_shares_and_stages_that_can_t_be_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"distill\.words=1\.5 is a share"):
        DistillConfig(words=1.5)
    with pytest.raises(UserError, match=r"distill\.temperature=0"):
        DistillConfig(temperature=0)
    with pytest.raises(UserError, match="stage=see learns neither"):
        open_teacher(tmp_path, {}, stage="see", student=tiny_model(), tokenizer=tiny_tokenizer())


def test_the_command_learns_from_a_teacher_and_knows_it_again(tmp_path: Path, capsys) -> None:
    names = {k: list(v) for k, v in vars(NAMES).items()}
    for i, name in enumerate(("small", "large")):
        save_checkpoint(tmp_path / name, tiny_model(i), tiny_tokenizer(), {"step": 0, "names": names})
    tiny_shards(tmp_path / "data", count=4)
    words = [
        "train", f"data={tmp_path / 'data'}", f"start={tmp_path / 'small'}", f"out={tmp_path / 'out'}", "steps=2",
        "warmup=0", "decay=0", "threads=1", "bf16=false", "pictures=2", "tensorboard=false",
    ]  # fmt: skip
    taught = [*words, f"teacher={tmp_path / 'large'}", "distill.points=0.5"]
    assert main(taught) == 0
    figures = load_checkpoint(tmp_path / "out").training["figures"]
    assert {"words_taught", "words_apart", "points_taught", "points_apart", "words"} <= figures.keys()
    assert main([*words, "steps=3"]) == Exit.USAGE
    assert "holds a run with other teacher; give another out=" in capsys.readouterr().err
    assert main([*taught, f"teacher={tmp_path / 'nobody'}", f"out={tmp_path / 'other'}"]) == Exit.USAGE
    assert "nobody is no checkpoint" in capsys.readouterr().err
