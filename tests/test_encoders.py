"""Encoders: other resolutions, ViT-22B's block, videos that begin as pictures, slots against the paper's algorithm."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from agent.vlm.encoders.block import Block, BlockConfig  # noqa: E402
from agent.vlm.encoders.objects import PictureObjects, VectorObjects  # noqa: E402
from agent.vlm.encoders.pictures import ImageEncoder, VideoEncoder  # noqa: E402
from agent.vlm.encoders.project import Projector  # noqa: E402
from agent.vlm.encoders.slots import SlotAttention  # noqa: E402
from agent.vlm.encoders.state import StateEncoder  # noqa: E402
from agent.vlm.encoders.video import VideoConfig, VideoViT, from_image_model  # noqa: E402
from agent.vlm.encoders.vit import ViT, ViTConfig, resize_positions  # noqa: E402

SUMS = 2e-5
"""Tolerance between two orders of the same float32 sums, values of order one."""


def tiny_block(**changes) -> BlockConfig:
    return BlockConfig(**{"width": 16, "heads": 2, "ffn_width": 24, **changes})


def tiny_vit(block=None, **changes) -> ViT:
    torch.manual_seed(0)
    return ViT(
        ViTConfig(**{"image_px": 16, "patch_px": 4, "layers": 2, "block": block or tiny_block(), **changes})
    ).eval()


def test_positions_are_those_of_the_place_in_the_picture() -> None:
    """A table that is a linear ramp stays one, whatever the number of patches: cell centres at (i + 1/2) / n.

    Torch's cubic (a = -0.75) bends a ramp by up to 0.006; taking corners for centres would shift it by 0.015.
    """
    grid = 8
    centre = (torch.arange(grid) + 0.5) / grid
    table = torch.stack([centre.repeat_interleave(grid), centre.repeat(grid)], dim=1)
    assert resize_positions(table, grid, grid) is table
    finer = resize_positions(table, 16, 12).reshape(16, 12, 2)
    inside = finer[4:-4, 3:-3]  # bicubic bends at the border, where it has no neighbours
    assert torch.allclose(inside[..., 0], ((torch.arange(16) + 0.5) / 16)[4:-4, None].expand(8, 6), atol=8e-3)
    assert torch.allclose(inside[..., 1], ((torch.arange(12) + 0.5) / 12)[None, 3:-3].expand(8, 6), atol=8e-3)


@pytest.mark.parametrize(("height", "width", "patches"), [(16, 16, 16), (24, 16, 24), (19, 30, 28), (4, 4, 1)])
def test_a_picture_of_any_size_gives_the_tokens_that_are_promised(height, width, patches) -> None:
    vit = tiny_vit(class_token=True, pool="class")
    tokens, pooled = vit(torch.randn(2, 3, height, width))
    assert tokens.shape == (2, patches + 1, 16)
    assert torch.equal(pooled, tokens[:, 0])
    assert ImageEncoder(vit, Projector(16, 8)).tokens((3, height, width)) == patches


def test_a_parallel_block_is_the_formula_of_vit_22b() -> None:
    """y = x + MLP(norm(x)) + Attention(norm(x)), with queries and keys normalised by head (section 2)."""
    torch.manual_seed(0)
    config = tiny_block(parallel=True, qk_norm=True, norm="rms", qkv_bias=False)
    block = Block(config)
    assert "qkv.bias" not in block.state_dict()
    with torch.no_grad():
        for name in ("norm1", "q_norm", "k_norm"):
            getattr(block, name).weight.uniform_(0.5, 2.0)
        x = 3 * torch.randn(1, 5, 16)

        def rms(v, weight):
            return v / (v.square().mean(-1, keepdim=True) + config.norm_eps).sqrt() * weight

        h = rms(x, block.norm1.weight)
        q, k, v = (part[0] for part in block.qkv(h).split(16, dim=-1))
        heads = []
        for i in (0, 1):
            qi, ki = (
                rms(m[:, 8 * i : 8 * i + 8], n.weight) for m, n in ((q, block.q_norm), (k, block.k_norm))
            )  # fmt: skip
            heads.append(torch.softmax(qi @ ki.T / 8**0.5, dim=-1) @ v[:, 8 * i : 8 * i + 8])
        mlp = block.fc2(torch.nn.functional.gelu(block.fc1(h)))
        expected = x + mlp + block.out(torch.cat(heads, dim=-1))
        assert (block(x) - expected).abs().max() < SUMS


def test_vit_22b_has_as_many_weights_as_its_table_says() -> None:
    """Dehghani et al. (2023), table 1: 48 blocks of width 6144, feed-forward width 24576, 48 heads; 21,743 million."""
    block = tiny_block(
        width=6144, heads=48, ffn_width=24576, parallel=True, qk_norm=True, norm="rms", qkv_bias=False
    )  # fmt: skip
    with torch.device("meta"):
        vit = ViT(ViTConfig(image_px=224, patch_px=14, layers=48, block=block, pool="attention"))
    assert round(sum(p.numel() for p in vit.blocks.parameters() if p.ndim == 2) / 1e6) == 21743


def test_normalised_queries_keep_attention_from_saturating() -> None:
    """What QK norm is for: logits do not grow with the weights (Dehghani et al. 2023, figure 1)."""
    x = torch.randn(1, 6, 16)
    changes = []
    for qk_norm in (False, True):
        torch.manual_seed(0)
        block = Block(tiny_block(qk_norm=qk_norm, qkv_bias=False))
        with torch.no_grad():
            before = block.attend(x)
            block.qkv.weight[:32] *= 30  # queries and keys, not values
            changes.append(float((block.attend(x) - before).abs().max()))
    assert changes[0] > 0.05
    assert changes[1] < SUMS


def test_layer_scale_of_zero_leaves_the_picture_alone() -> None:
    vit = tiny_vit(tiny_block(layer_scale=0.0))
    image = torch.randn(1, 3, 16, 16)
    assert torch.equal(vit(image)[0], vit.norm(vit.embed(image)))


def test_a_video_of_one_tubelet_is_its_middle_frame() -> None:
    vit = tiny_vit()
    video = from_image_model(vit, frames=6, tubelet_frames=3)
    clip = torch.randn(2, 3, 3, 24, 16)
    tokens = video(clip)
    assert tokens.shape == (2, 24, 16)
    assert (tokens - vit(clip[:, 1])[0]).abs().max() < SUMS
    changed = clip.clone()
    changed[:, 1] += 1
    assert (video(changed) - tokens).abs().max() > 0.1


def test_moments_of_a_video_differ_by_what_was_learned_of_time() -> None:
    torch.manual_seed(0)
    video = VideoViT(VideoConfig(frames=4, tubelet_frames=2, vit=tiny_vit().config)).eval()
    clip = torch.randn(1, 2, 3, 16, 16).repeat(1, 2, 1, 1, 1)
    tokens = video(clip).reshape(2, 16, 16)
    assert (tokens[0] - tokens[1]).abs().max() > 1e-3
    with torch.no_grad():
        video.time.zero_()
    tokens = video(clip).reshape(2, 16, 16)
    assert (tokens[0] - tokens[1]).abs().max() < SUMS
    assert video(torch.randn(1, 10, 3, 16, 16)).shape == (1, 80, 16)
    assert VideoEncoder(video, Projector(16, 8)).tokens((10, 3, 16, 16)) == 80


def slot_attention_by_the_paper(module: SlotAttention, tokens, noise):
    """Algorithm 1 of Locatello et al. (2020), in numpy, line by line."""
    p = {k: v.detach().double().numpy() for k, v in module.state_dict().items()}

    def norm(x, name):
        centred = x - x.mean(-1, keepdims=True)
        return centred / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * p[f"{name}.weight"] + p[f"{name}.bias"]

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    def gru(x, h):
        gx = x @ p["update.weight_ih"].T + p["update.bias_ih"]
        gh = h @ p["update.weight_hh"].T + p["update.bias_hh"]
        (rx, zx, nx), (rh, zh, nh) = np.split(gx, 3, -1), np.split(gh, 3, -1)
        z = sigmoid(zx + zh)
        return (1 - z) * np.tanh(nx + sigmoid(rx + rh) * nh) + z * h

    inputs = norm(tokens, "norm_inputs")
    slots = p["mean"] + np.exp(p["log_deviation"]) * noise
    for _ in range(module.iterations):
        before = slots
        logits = (inputs @ p["k.weight"].T) @ (norm(slots, "norm_slots") @ p["q.weight"].T).T / np.sqrt(slots.shape[1])
        attention = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)  # over the slots
        weights = (attention + 1e-8) / (attention + 1e-8).sum(0, keepdims=True)
        slots = gru(weights.T @ (inputs @ p["v.weight"].T), before)
        hidden = np.maximum(norm(slots, "norm_ffn") @ p["fc1.weight"].T + p["fc1.bias"], 0)
        slots = slots + hidden @ p["fc2.weight"].T + p["fc2.bias"]
    return slots, attention.T


def test_slots_are_those_of_algorithm_1() -> None:
    torch.manual_seed(0)
    module = SlotAttention(6, slots=4, width=8, ffn_width=12).eval()
    with torch.no_grad():
        for q in module.parameters():
            q.add_(0.2 * torch.randn_like(q))
        tokens, noise = torch.randn(2, 9, 6), torch.randn(2, 3, 8)
        slots, share = module(tokens, noise)
    for i in (0, 1):
        expected, attention = slot_attention_by_the_paper(module, tokens[i].double().numpy(), noise[i].double().numpy())
        assert np.abs(slots[i].numpy() - expected).max() < SUMS
        assert np.abs(share[i].numpy() - attention).max() < SUMS


def test_slots_do_not_care_for_the_order_of_tokens_and_follow_their_noise() -> None:
    torch.manual_seed(1)
    module = SlotAttention(6, slots=4, width=8).eval()
    tokens, order = torch.randn(1, 9, 6), torch.randperm(4)
    with torch.no_grad():
        slots, share = module(tokens)
        assert torch.equal(module(tokens)[0], slots)  # the same picture, the same slots
        assert (module(tokens.flip(1))[0] - slots).abs().max() < SUMS
        turned, _ = module(tokens, module.start[None, order])
    assert (turned - slots[:, order]).abs().max() < SUMS
    assert torch.allclose(share.sum(dim=1), torch.ones(1, 9), atol=1e-5)


def test_objects_are_encoded_each_by_itself() -> None:
    torch.manual_seed(0)
    encoder = VectorObjects(5, 12, tokens_each=2)
    objects = torch.randn(1, 4, 5)
    tokens = encoder(objects)
    assert tokens.shape == (1, 4, 2, 12)
    assert torch.allclose(encoder(objects[:, [2, 0]]), tokens[:, [2, 0]], atol=1e-6)
    found = PictureObjects(tiny_vit(), SlotAttention(16, slots=3, width=8), Projector(8, 12))
    assert found(torch.randn(2, 3, 16, 24)).shape == (2, 3, 1, 12)
    assert found.count((3, 16, 24)) == 3


def test_embeddings_begin_at_the_scale_of_words() -> None:
    torch.manual_seed(0)
    rms = 0.134
    for tokens in (
        StateEncoder(5, 64, scale=rms)(torch.randn(3, 5)),
        VectorObjects(5, 64, scale=rms)(torch.randn(1, 3, 5)),
        ImageEncoder(tiny_vit(), Projector(16, 64, scale=rms))(torch.randn(1, 3, 16, 16)),
    ):
        assert torch.allclose(tokens.square().mean(-1).sqrt(), torch.tensor(rms), atol=1e-3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tiny_block(heads=3), "3 heads cannot share a width of 16"),
        (lambda: ViTConfig(image_px=8, patch_px=16), "8 px has no patch of 16 px"),
        (lambda: ViTConfig(pool="class"), "needs class_token"),
        (lambda: tiny_vit()(torch.zeros(1, 4, 16, 16)), r"\[B,3,height,width\], not \[1, 4, 16, 16\]"),
        (lambda: tiny_vit()(torch.zeros(1, 3, 3, 16)), "3 x 16 px is smaller than a patch of 4 px"),
        (lambda: VideoConfig(frames=5, tubelet_frames=2), "5 frames are no whole number of tubelets of 2"),
        (lambda: from_image_model(tiny_vit(), frames=2, tubelet_frames=2)(torch.zeros(1, 3, 3, 16, 16)), "3 frames"),
        (lambda: from_image_model(tiny_vit(class_token=True), frames=2, tubelet_frames=2), "no class token"),
        (lambda: StateEncoder(5, 8).tokens((7,)), r"shape \[7\], this encoder takes \[5\]"),
        (lambda: VectorObjects(5, 8).count((2, 7)), r"shape \[2, 7\], this encoder takes \[any number,5\]"),
        (lambda: SlotAttention(6, slots=0, width=8), "not 0 and 3"),
    ],
)
def test_what_does_not_fit_is_said(call, message) -> None:
    with pytest.raises(ValueError, match=message):
        call()
