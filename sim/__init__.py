"""The simulated world: PyBullet, and everything that knows the ground truth."""
