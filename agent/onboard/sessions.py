"""Sessions of onnxruntime on the processor that was asked for, or none: never another one without a word."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnxruntime as ort

from agent.onboard.manifest import BundleError

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider", "tensorrt": "TensorrtExecutionProvider"}
INSTALL = {"cuda": "pip install onnxruntime-gpu", "tensorrt": "pip install onnxruntime-gpu tensorrt"}


@dataclass(frozen=True, kw_only=True)
class Engine:
    """What runs the graphs.

    device: cpu, cuda or tensorrt. threads: of one session, on the CPU. fp16: TensorRT computes in half precision.
    cache: folder where TensorRT keeps the engines that it has built, so that only the first start takes minutes.
    """

    device: str = "cpu"
    threads: int = 1
    fp16: bool = True
    cache: Path | None = None

    def __post_init__(self) -> None:
        if self.device not in PROVIDERS:
            raise BundleError(f"device={self.device}: there are {', '.join(PROVIDERS)}")
        if self.threads < 1:
            raise BundleError(f"threads={self.threads}: at least 1")

    def providers(self) -> list[Any]:
        """As onnxruntime takes them: the one that was asked for, and for what it can't do, the next simpler one."""
        if self.device == "cpu":
            return [PROVIDERS["cpu"]]
        cuda = (PROVIDERS["cuda"], {"cudnn_conv_algo_search": "HEURISTIC"})
        if self.device == "cuda":
            return [cuda, PROVIDERS["cpu"]]
        options: dict[str, Any] = {"trt_fp16_enable": self.fp16, "trt_engine_cache_enable": self.cache is not None}
        if self.cache is not None:
            options["trt_engine_cache_path"] = str(self.cache)
            options["trt_timing_cache_enable"] = True
        return [(PROVIDERS["tensorrt"], options), cuda, PROVIDERS["cpu"]]


CPU = Engine()


def open_session(path: Path, engine: Engine = CPU) -> ort.InferenceSession:
    """A graph, on the engine.

    Raises:
        BundleError: onnxruntime does not open it, or has not the engine: it would run on the CPU in silence.
    """
    wanted = PROVIDERS[engine.device]
    if wanted not in ort.get_available_providers():
        raise BundleError(f"this onnxruntime has no {engine.device}: {INSTALL[engine.device]}, or give device=cpu")
    options = ort.SessionOptions()
    options.intra_op_num_threads = engine.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = ort.InferenceSession(str(path), options, providers=engine.providers())
    except Exception as error:  # onnxruntime raises a family of its own, all derived from Exception
        raise BundleError(f"{path} does not open in onnxruntime: {str(error).splitlines()[0]}") from error
    if session.get_providers()[0] != wanted:
        raise BundleError(
            f"{path} would run on {session.get_providers()[0]} and not on {engine.device}: its libraries do not load"
        )
    session.disable_fallback()
    return session
