"""benchmarks/experts.py: what it compares is equal, and what it packs is what stands alone."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from agent.training.batch import Encoded  # noqa: E402
from agent.vlm.decoder import Decoder  # noqa: E402
from agent.vlm.decoder.experts import Routing  # noqa: E402
from benchmarks.experts import CONTENDERS, active_parameters, entropy, pack, plan_logits  # noqa: E402


def test_a_token_meets_as_many_parameters_in_every_contender() -> None:
    with torch.device("meta"):
        models = {name: Decoder(c.config(640)) for name, c in CONTENDERS.items()}
    dense = models.pop("dense")
    assert active_parameters(dense) == sum(p.numel() for p in dense.parameters())
    for name, model in models.items():
        assert active_parameters(model) - active_parameters(dense) == 3 * 8 * 192, f"{name}: the routers alone"
        assert sum(p.numel() for p in model.parameters()) > 3 * active_parameters(dense), name


def test_packed_sentences_are_read_as_if_each_stood_alone() -> None:
    torch.manual_seed(0)
    model = Decoder(CONTENDERS["Mixtral, top 2"].config(64)).eval()
    sentences = [Encoded(prompt=[1, 5, 9], plan=[7, 2], points=[]), Encoded(prompt=[4, 3], plan=[8, 6, 11], points=[])]
    with torch.no_grad():
        packed = plan_logits(model, pack(sentences), Routing())
        alone = torch.cat([plan_logits(model, pack([s]), Routing()) for s in sentences])
    assert pack(sentences).label.tolist() == [7, 2, 8, 6, 11]
    assert (packed - alone).abs().max() < 1e-5


def test_entropy_is_one_where_the_load_is_even() -> None:
    assert entropy([0.25] * 4) == pytest.approx(1.0)
    assert entropy([1.0, 0.0, 0.0, 0.0]) == pytest.approx(0.0)
