"""Weights of others: what a folder of theirs holds, and how its names and numbers become ours."""
