"""Things that people may speak of and that no scene here has: to be missed by name."""

from __future__ import annotations

FOREIGN: dict[str, tuple[str, ...]] = {
    "thing": (
        "banana", "apple", "ball", "spoon", "fork", "knife", "bottle", "book", "pen", "pencil", "key", "phone",
        "toy car",
        "hammer", "sponge", "star", "pyramid", "cone", "ring", "coin", "egg", "tomato", "potato",
        "carrot", "shoe", "sock", "hat", "watch", "candle", "battery", "screw", "screwdriver", "wrench", "scissors",
        "tape",
        "stapler", "eraser", "marker", "dice", "card", "letter", "envelope", "newspaper", "remote", "teddy bear",
        "lid", "cork", "towel", "toothbrush", "soap", "cookie", "sandwich", "cheese", "bread", "triangle",
        "sphere", "hexagon", "prism", "wheel", "rope", "stone", "leaf", "flower", "feather", "marble", "domino",
    ),
    "place": (
        "basket", "drawer", "cup", "mug", "glass", "tray", "shelf", "bag", "pot", "pan", "bucket", "jar", "fridge",
        "oven",
        "sink", "cupboard", "cabinet", "suitcase", "backpack", "wastebasket", "vase", "teapot", "kettle",
        "chair", "sofa", "floor", "napkin", "towel", "book", "pillow", "hat", "lunchbox", "wallet", "purse",
        "pocket", "dishwasher", "microwave", "stove", "frying pan", "ladder", "cart", "wagon", "truck", "boat",
    ),
}  # fmt: skip
