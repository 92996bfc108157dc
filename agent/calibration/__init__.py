"""Where a camera of the robot really is, and what its lens does: from pictures of a ChArUco board."""
