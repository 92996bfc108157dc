"""One run in several processes, on one machine or many, as torchrun starts them: the same losses, one checkpoint."""
