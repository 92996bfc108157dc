"""Small numbers: linear layers in int8, int4 groups and ternary weights."""
