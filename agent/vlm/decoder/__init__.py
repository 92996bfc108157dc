"""One decoder-only LM whose configuration says which member of the family it is, and what it keeps of what it read."""

from agent.vlm.decoder.decoder import Cache, Decoder
from agent.vlm.decoder.norms import RMSNorm
from agent.vlm.decoder.rope import rope_table, rotate

__all__ = ["Cache", "Decoder", "RMSNorm", "rope_table", "rotate"]
