"""Texts that go on: a decoder and its tokenizer, greedy and drawn, held to a grammar, read on from where it stood."""
