"""Files of weights made by others, fetched by hash and read without trusting them. No pickle is ever read."""

from agent.vlm.files.safetensors_file import AGAIN, HEADER_MOST, CheckpointError, load_tensors, read_header, shown

__all__ = ["AGAIN", "HEADER_MOST", "CheckpointError", "load_tensors", "read_header", "shown"]
