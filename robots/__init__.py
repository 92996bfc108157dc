"""The body: what a robot is and how it may move. Imports numpy alone."""
