"""Tasks: instructions in people's words with the program and the goal that they mean. Start at `sim.tasks.suites`."""
