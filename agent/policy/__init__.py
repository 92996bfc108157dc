"""Motion primitives that were learned: what the camera shows around a call's point -> chunks of tool motion.

A primitive is one or several strokes (`agent.policy.stroke`): one grasp, one release, one push along a line. A policy
performs strokes: `agent.policy.view` shows it the surroundings, `agent.policy.features` what the robot feels,
`agent.policy.chunks` says what its numbers mean. `agent.policy.runtime` runs it without torch, `agent.policy.learned`
makes primitives of it, and `agent.policy.backends` chooses by verb between these and the scripted ones.

The networks (`agent.policy.networks`), their training and export need torch.
"""
