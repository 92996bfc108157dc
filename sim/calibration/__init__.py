"""A board before the cameras, cameras that are not quite where they should be, and lenses that bend."""
