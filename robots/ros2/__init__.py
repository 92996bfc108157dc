"""A robot behind ROS 2 topics, without a ROS installation: DDS through cyclonedds (the extra `ros2`).

What is in here imports cyclonedds when it is imported; nothing outside imports it before it is asked for.
"""
