"""The mind: pixels and words -> plan -> calls of primitives."""
