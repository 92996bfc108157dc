"""From recorded steps to a trained model. Needs the `train` extra."""
