"""What makes bundles, and the receipts in them. Needs torch and onnx; nothing that is on board reaches it."""
