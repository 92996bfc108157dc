"""Adaptation: which parts of a model learn, in full or by low-rank updates, and the files of it."""
