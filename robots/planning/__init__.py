"""Motion that is collision-checked and time-parameterised. Imports numpy alone."""
