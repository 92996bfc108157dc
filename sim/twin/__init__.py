"""A digital twin: a scene with a robot in a process of its own, behind the topics that the real robot has."""
