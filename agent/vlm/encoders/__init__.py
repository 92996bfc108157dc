"""What turns pictures, videos, robot states and objects into embeddings that stand where words could."""
