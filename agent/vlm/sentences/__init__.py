"""Multimodal sentences: words, with pictures, videos, robot states and objects at any position among them."""
