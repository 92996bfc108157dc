"""The agent without torch: what the laptop shows is what the robot runs. Imports numpy, onnxruntime, opencv, tokenizers."""
