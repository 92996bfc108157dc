"""The agent without torch: the laptop shows what the robot runs. Needs numpy, onnxruntime, opencv, tokenizers."""
