"""Multimodal sentences: laid out, filled, batched, read with a cache, and refused where counts differ."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from agent.vlm.config import DecoderConfig  # noqa: E402
from agent.vlm.decoder import Decoder  # noqa: E402
from agent.vlm.encoders.block import BlockConfig  # noqa: E402
from agent.vlm.encoders.objects import PictureObjects, VectorObjects  # noqa: E402
from agent.vlm.encoders.pictures import ImageEncoder, VideoEncoder  # noqa: E402
from agent.vlm.encoders.project import Projector  # noqa: E402
from agent.vlm.encoders.slots import SlotAttention  # noqa: E402
from agent.vlm.encoders.state import StateEncoder  # noqa: E402
from agent.vlm.encoders.video import VideoConfig, VideoViT  # noqa: E402
from agent.vlm.encoders.vit import ViT, ViTConfig  # noqa: E402
from agent.vlm.sentences.batch import PADDING, PLACE, Batch  # noqa: E402
from agent.vlm.sentences.masks import block_mask  # noqa: E402
from agent.vlm.sentences.multimodal import MultimodalLM, fill  # noqa: E402
from agent.vlm.sentences.sentence import Input, Referral, Sentence, SentenceError, Words, introduce, sentence  # noqa: E402
from tests.tiny_model import tiny_config, tiny_model  # noqa: E402

SUMS = 2e-5
"""Tolerance between two orders of the same float32 sums, values of order one."""
D = 24
STYLES = ("causal", "inputs", "prefix")


def encode(text: str) -> list[int]:
    """A word, an id."""
    return [1 + sum(map(ord, word)) % 60 for word in text.split()]


def tiny_lm(style="prefix", seed: int = 0) -> MultimodalLM:
    torch.manual_seed(seed)
    vit = ViTConfig(image_px=8, patch_px=4, layers=1, block=BlockConfig(width=16, heads=2, ffn_width=16))
    decoder = Decoder(
        DecoderConfig(layers=2, width=D, heads=2, kv_heads=1, head_width=12, ffn_width=32, vocabulary=64)
    )  # fmt: skip
    video = VideoViT(VideoConfig(frames=4, tubelet_frames=2, vit=vit))
    return MultimodalLM(
        decoder,
        {
            "image": ImageEncoder(ViT(vit), Projector(16, D, scale=0.134)),
            "video": VideoEncoder(video, Projector(16, D, scale=0.134)),
            "state": StateEncoder(3, D, scale=0.134),
        },
        VectorObjects(5, D, tokens_each=2, scale=0.134),
        style=style,
    ).eval()  # fmt: skip


def picture(seed: int, height: int = 8, width: int = 8):
    return torch.randn(3, height, width, generator=torch.Generator().manual_seed(seed))


def full_sentence() -> Sentence:
    """Two cameras of unlike resolutions, a video, a state, three objects, one of them named twice."""
    return sentence(
        f"front <image> above <image> before <video> arm <state> {introduce(3)} Q: put <obj_2> away",
        said="pick(<obj_2>) done",
        images=[picture(1), picture(2, 12, 8)],
        videos=[torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(3))],
        states=[torch.tensor([0.1, 0.2, 0.3])],
        objects=torch.randn(3, 5, generator=torch.Generator().manual_seed(4)),
    )


def test_a_sentence_is_laid_out_in_reading_order() -> None:
    batch = tiny_lm().collate([full_sentence()], encode)
    image, video, state, thing = (PLACE[k] for k in ("image", "video", "state", "object"))
    w = encode
    expected = [
        *w("front"), *[image] * 4, *w("above"), *[image] * 6, *w("before"), *[video] * 8, *w("arm"), state,
        *w("Object 1 is"), thing, thing, *w(". Object 2 is"), thing, thing, *w(". Object 3 is"), thing, thing,
        *w(". Q: put"), thing, thing, *w("away"), *w("pick(<obj_2>) done"),
    ]  # fmt: skip
    assert batch.ids[0].tolist() == expected
    assert batch.said[0].tolist() == [False] * (len(expected) - 2) + [True] * 2
    assert batch.objects[0][1] == (1, 2, 3, 2)


def test_every_place_holds_what_its_encoder_gave() -> None:
    model, s = tiny_lm(), full_sentence()
    batch = model.collate([s], encode)
    with torch.no_grad():
        x = model.embed(batch)[0]
        images = [p.value for p in s.pieces if isinstance(p, Input) and p.kind == "image"]
        at = [batch.ids[0] == PLACE[k] for k in ("image", "video", "state", "object")]
        assert torch.equal(x[at[0]], torch.cat([model.encoders["image"](i[None])[0] for i in images]))
        video, state = (
            next(p.value for p in s.pieces if isinstance(p, Input) and p.kind == k) for k in ("video", "state")
        )
        assert torch.equal(x[at[1]], model.encoders["video"](video[None])[0])
        assert torch.equal(x[at[2]], model.encoders["state"](state[None])[0])
        assert model.object_encoder is not None
        slots = model.object_encoder(s.objects[None])[0]
        assert torch.equal(x[at[3]], torch.cat([slots[i - 1] for i in (1, 2, 3, 2)]))
        words = batch.ids[0] >= 0
        assert torch.equal(x[words], model.decoder.embed(batch.ids[0][words]))


@pytest.mark.parametrize("style", STYLES)
def test_a_sentence_is_read_the_same_alone_and_beside_others(style) -> None:
    model = tiny_lm(style)
    others = [
        full_sentence(),
        sentence("what is <image>", said="a cup", images=[picture(5)]),
        sentence("hello there"),
        sentence("<state> <image>", states=[torch.ones(3)], images=[picture(6, 12, 8)], said="yes"),
    ]
    batch = model.collate(others, encode)
    with torch.no_grad():
        together, reading = model.prefill(batch)
        for i, s in enumerate(others):
            alone, _ = model.prefill(model.collate([s], encode))
            n = alone.shape[1]
            assert int(reading.lengths[i]) == n
            assert (together[i, :n] - alone[0]).abs().max() < SUMS
    assert torch.isfinite(together).all()


@pytest.mark.parametrize("style", STYLES)
def test_cached_reading_equals_reading_at_once(style) -> None:
    """Prompts of unlike lengths, padded, gone on with word by word."""
    model = tiny_lm(style)
    prompts = [("look <image> what", [picture(1)]), ("a longer one <image> and <image> ?", [picture(2), picture(3)])]
    answers = ["it is red", "no it isn't"]
    whole = model.collate(
        [sentence(p, images=i, said=a) for (p, i), a in zip(prompts, answers, strict=True)], encode
    )  # fmt: skip
    words = torch.tensor([encode(a) for a in answers])
    with torch.no_grad():
        expected, _ = model.prefill(whole)
        _, reading = model.prefill(model.collate([sentence(p, images=i) for p, i in prompts], encode))
        steps = []
        for columns in (slice(0, 1), slice(1, 3)):
            hidden, reading = model.step(words[:, columns], reading)
            steps.append(hidden)
    found = torch.cat(steps, dim=1)
    for i in (0, 1):
        assert (found[i] - expected[i, whole.said[i]]).abs().max() < SUMS


words = st.sampled_from(["red", "block", "on", "tray"])
given_piece = st.one_of(
    words.map(lambda w: Words(text=w)),
    st.integers(1, 9).map(lambda i: Input(kind="image", value=picture(i))),
    st.just(Input(kind="state", value=torch.ones(3))),
)
turns = st.lists(st.tuples(st.lists(given_piece, min_size=1, max_size=3), words), min_size=1, max_size=3)


@settings(max_examples=20, deadline=None)
@given(turns=turns, style=st.sampled_from(STYLES))
def test_what_is_said_never_hangs_on_what_comes_later(turns, style) -> None:
    """In sentences of several turns, a later picture or word must not reach an earlier prediction, by any way."""
    model = tiny_lm(style)
    pieces = [p for given_pieces, word in turns for p in (*given_pieces, Words(text=word, said=True))]
    batch = model.collate([Sentence(pieces=tuple(pieces))], encode)
    with torch.no_grad():
        x = model.embed(batch)
        whole, _ = model.prefill(batch)
        for t in batch.said[0].nonzero()[:, 0].tolist():
            cut = Batch(ids=batch.ids[:, :t], said=batch.said[:, :t], inputs={}, objects=())
            hidden, _ = model.decoder(x[:, :t], torch.arange(t)[None], block_mask(cut.blocks(style), cut.real))
            assert (hidden[0, -1] - whole[0, t - 1]).abs().max() < SUMS


def test_everything_that_is_given_is_trained_by_what_is_said() -> None:
    model = tiny_lm()
    batch = model.collate([full_sentence(), sentence("hello", said="you")], encode)
    loss = torch.nn.functional.cross_entropy(model(batch).flatten(0, 1), batch.labels().flatten())
    loss.backward()
    for name in ("encoders.image", "encoders.video", "encoders.state", "object_encoder", "decoder.embed"):
        gradients = [p.grad for p in model.get_submodule(name).parameters() if p.grad is not None]
        assert gradients, name
        assert max(float(g.abs().max()) for g in gradients) > 1e-8, name


def test_a_batch_goes_where_the_model_is() -> None:
    """In bfloat16, which has 8 bits of mantissa: within 5 % of the largest value, if every input is converted."""
    model = tiny_lm()
    batch = model.collate([full_sentence(), sentence("hello", said="you")], encode)
    with torch.no_grad():
        expected = model(batch)
        found = model.bfloat16()(batch.to("cpu", torch.bfloat16))
    assert found.dtype == torch.bfloat16
    assert (found.float() - expected)[batch.real].abs().max() < 0.05 * expected.abs().max()
    abstract = batch.to("meta")
    assert {t.device.type for t in (abstract.ids, abstract.said, *abstract.inputs["image"])} == {"meta"}


def test_objects_may_be_found_in_a_picture() -> None:
    model = tiny_lm()
    vit = model.encoders["image"].vit
    model.object_encoder = PictureObjects(vit, SlotAttention(16, slots=2, width=8), Projector(8, D))
    with torch.no_grad():
        batch = model.collate([sentence(introduce(2), said="pick(<obj_1>)", objects=picture(1))], encode)
        x = model.embed(batch)[0]
        assert torch.equal(x[batch.ids[0] == PLACE["object"]], model.object_encoder(picture(1)[None])[0, :, 0])


def test_words_of_a_stranger_make_no_places() -> None:
    stranger = Words(text="<image> <obj_9> <state>")
    ids = tiny_lm().collate([Sentence(pieces=(stranger, Input(kind="image", value=picture(1))))], encode).ids
    assert ids[0].tolist() == [*encode(stranger.text), *[PLACE["image"]] * 4]
    assert (ids != PADDING).all()


OBJECTS = torch.zeros(3, 5)
REFUSED = {
    "a picture too few": (lambda: sentence("<image> and <image>", images=[picture(1)]), "2 <image>, but 1 were given"),
    "a state too many": (lambda: sentence("hello", states=[torch.zeros(3)]), "0 <state>, but 1 were given"),
    "an object too many": (
        lambda: sentence(introduce(2), objects=OBJECTS),
        "names 2 objects, but 3 were given; <obj_3> is missing",
    ),
    "an object too few": (lambda: sentence(introduce(4), objects=OBJECTS), "names <obj_4>, but 3 objects were given"),
    "an object of none": (lambda: sentence("what is <obj_1>"), "names <obj_1>, but 0 objects were given"),
    "object nought": (lambda: sentence(introduce(3) + "<obj_0>", objects=OBJECTS), "names <obj_0>, but 3"),
    "said and not there": (lambda: sentence(introduce(3), said="<obj_5>", objects=OBJECTS), "names <obj_5>, but 3"),
    "a short state": (lambda: sentence("<state>", states=[torch.zeros(2)]), r"shape \[2\], this encoder takes \[3\]"),
    "a tiny picture": (lambda: sentence("<image>", images=[picture(1, 2, 2)]), "smaller than a patch of 4 px"),
    "bytes": (
        lambda: sentence("<image>", images=[torch.zeros(3, 8, 8, dtype=torch.uint8)]),
        "<image> must be floating-point and normalised, not torch.uint8",
    ),
    "too long": (lambda: sentence("a b c d e f g h i j k"), "sentence 2 of the batch has 11 tokens, the limit is 10"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_counts_that_differ_are_said_in_one_line(case) -> None:
    make, message = REFUSED[case]
    with pytest.raises(SentenceError, match=message) as caught:
        tiny_lm().collate([sentence("fine"), make()], encode, limit=10)
    assert "\n" not in str(caught.value)


def test_a_model_says_what_it_cannot_read() -> None:
    model = tiny_lm()
    blind = MultimodalLM(model.decoder, {"state": StateEncoder(3, D)})
    with pytest.raises(SentenceError, match="has <image>, but the model reads state"):
        blind.collate([sentence("<image>", images=[picture(1)])], encode)
    with pytest.raises(SentenceError, match="no encoder for them"):
        blind.collate([sentence(introduce(3), objects=OBJECTS)], encode)


def test_an_empty_batch_is_refused() -> None:
    for nothing in ([], [sentence("")]):
        with pytest.raises(SentenceError, match="without a single token"):
            tiny_lm().collate(nothing, encode)


def test_places_without_embeddings_are_not_read_as_words() -> None:
    x, ids = torch.zeros(1, 3, 2), torch.tensor([[5, -2, -2]])
    with pytest.raises(SentenceError, match=r"2 places .* 3 embeddings"):
        fill(x, ids, -2, torch.ones(3, 2))
    batch = Batch(ids=ids, said=torch.zeros(1, 3, dtype=torch.bool), inputs={}, objects=())
    with pytest.raises(SentenceError, match=r"2 places .* 0 embeddings"):
        tiny_lm().embed(batch)


def test_nano_is_a_member_of_the_family() -> None:
    """[image] [state] words, the inputs side by side seeing each other: as a sentence, and as its training reads it."""
    nano = tiny_model()
    cells = tiny_config().vision.grid ** 2
    image, state = picture(1, 64, 64), torch.tensor([0.1, -0.2, 0.3, 0.4, 0.5])
    ids = torch.tensor([encode("put the red block in the green bowl")])
    n = ids.shape[1]
    with torch.no_grad():
        tokens, _ = nano.vision(image[None])
        expected = nano.read(tokens, state[None], ids, torch.ones_like(ids), torch.arange(n)[None] + cells + 1)
        s = sentence("<image><state>", said="put the red block in the green bowl", images=[image], states=[state])
        hidden, _ = nano.prefill(nano.collate([s], encode))
    assert (hidden[:, -n:] - expected).abs().max() < SUMS


def test_nano_says_what_it_cannot_read() -> None:
    nano = tiny_model()
    for s, message in (
        (sentence("<image>", images=[picture(1, 32, 64)]), r"shape \[3, 32, 64\], this model takes \[3, 64, 64\]"),
        (sentence("<state>", states=[torch.zeros(4)]), r"shape \[4\], this model takes \[5\]"),
        (sentence("<video>", videos=[torch.zeros(2, 3, 64, 64)]), "has <video>, but the model reads image, state"),
    ):
        with pytest.raises(SentenceError, match=message):
            nano.collate([s], encode)


@pytest.mark.parametrize("style", STYLES)
def test_with_windows_a_cache_gives_what_reading_at_once_gives(style) -> None:
    """Windows shorter than the sentences, sinks, and unlike lengths: the ring holds what the masks ask for."""
    model = tiny_lm()
    torch.manual_seed(0)
    c = DecoderConfig(
        layers=4, width=D, heads=2, kv_heads=1, head_width=8, ffn_width=24, vocabulary=99, windows=(5, 0), sinks=2
    )  # fmt: skip
    model.decoder, model.style = Decoder(c).eval(), style
    given = [full_sentence(), sentence("see <image> now", said="go", images=[picture(2)])]
    batch = model.collate(given, encode)
    steps = 9
    more = torch.randint(0, 99, (2, steps), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        _, reading = model.prefill(batch, room=steps)
        found = []
        for i in range(steps):
            hidden, reading = model.step(more[:, i : i + 1], reading)
            found.append(hidden)
        for row, s in enumerate(given):
            alone = model.collate([s], encode)
            whole = Batch(
                ids=torch.cat([alone.ids, more[row : row + 1]], dim=1),
                said=torch.cat([alone.said, torch.ones(1, steps, dtype=torch.bool)], dim=1),
                inputs=alone.inputs, objects=alone.objects,
            )  # fmt: skip
            expected, _ = model.prefill(whole)
            assert (torch.cat(found, dim=1)[row] - expected[0, -steps:]).abs().max() < SUMS


def test_a_referral_is_its_number() -> None:
    s = sentence("put <obj_2> on <obj_12>.")
    assert s.pieces == (
        Words(text="put "), Referral(number=2), Words(text=" on "), Referral(number=12), Words(text="."),
    )  # fmt: skip
