"""Things that people may speak of and that no scene here has: to be missed by name."""

from __future__ import annotations

FOREIGN: dict[str, tuple[str, ...]] = {
    "thing": (
        "banana", "apple", "ball", "spoon", "fork", "knife", "bottle", "book", "pen", "pencil", "key", "phone",
        "hammer", "sponge", "star", "pyramid", "cone", "ring", "coin", "egg", "tomato", "potato", "carrot", "shoe",
        "sock", "hat", "watch", "candle", "battery", "screw", "screwdriver", "wrench", "scissors", "tape",
        "stapler", "eraser", "marker", "dice", "card", "letter", "envelope", "newspaper", "remote", "lid", "cork",
        "towel", "toothbrush", "soap", "cookie", "sandwich", "cheese", "bread", "triangle", "sphere", "hexagon",
        "prism", "wheel", "rope", "stone", "leaf", "flower", "feather", "marble", "domino", "pear", "peach",
        "grape", "onion", "garlic", "pepper", "mushroom", "pumpkin", "corn", "pea", "bean", "nut", "almond",
        "cracker", "donut", "muffin", "pancake", "burger", "pizza", "steak", "fish", "shrimp", "pill", "needle",
        "thread", "button", "zipper", "belt", "glove", "scarf", "coat", "shirt", "dress", "chain", "crown", "jewel",
        "diamond", "ruler", "compass", "map", "globe", "flag", "badge", "ticket", "stamp", "clip", "pin", "brush",
        "comb", "mirror", "razor", "cloth", "lamp", "torch", "lantern", "clock", "bell", "stick", "flute", "violin",
        "piano", "harp", "camera", "radio", "tablet", "laptop", "keyboard", "mouse", "cable", "plug", "switch",
        "fuse", "drill", "saw", "axe", "shovel", "rake", "nail", "bolt", "spring", "gear", "lever", "lock", "whip",
        "arrow", "sword", "shield", "helmet", "mask", "doll", "puppet", "kite", "balloon", "puzzle", "pawn",
        "knight", "skateboard", "bike", "tire", "engine", "shell", "bone", "twig", "branch", "acorn", "seed",
        "cactus", "fern", "petal", "dinosaur", "dragon", "bear", "cat", "dog", "bird", "horse", "duck", "frog",
        "spider", "snake", "turtle", "lion", "tiger", "elephant", "monkey", "rabbit", "chicken", "cow", "pig", "sheep",
        "goat", "wolf", "fox", "deer", "mosquito", "bee", "butterfly", "ant", "whale", "shark", "dolphin", "penguin",
        "owl", "eagle", "lime", "strawberry", "melon", "coconut", "pineapple",
        "avocado", "broccoli", "cabbage", "lettuce", "cucumber", "celery", "spinach", "radish", "rice", "noodle",
        "pasta", "sausage", "bacon", "ham", "butter", "yogurt", "honey", "jam", "sugar", "salt",
        "candy", "cake", "pie", "biscuit", "pretzel", "waffle", "cereal", "tea", "juice",
        "milk", "wine", "beer", "ladle", "spatula", "whisk", "tongs", "peeler", "grater", "corkscrew", "chopstick",
        "straw", "chisel", "hinge", "rivet", "washer", "pulley", "crowbar", "anvil", "trowel", "hoe",
        "tractor", "wheelbarrow", "hose", "bicycle", "scooter", "helicopter", "rocket", "drone", "robot", "motor",
        "piston", "propeller", "anchor", "paddle", "oar", "trumpet", "drumstick", "banjo", "cello", "tambourine",
        "microphone", "speaker", "headphone", "earring", "necklace", "bracelet", "wig", "tie", "vest", "jacket",
        "sweater", "trousers", "jeans", "skirt", "boot", "slipper", "sandal", "mitten", "pajamas", "apron", "diaper",
        "pacifier", "teddy", "yoyo", "frisbee", "racket", "baseball", "football", "trophy", "medal",
        "wand", "broom", "mop", "vacuum", "iron", "hairdryer", "toothpaste", "shampoo", "perfume", "lipstick",
        "bandage", "syringe", "thermometer", "stethoscope", "calculator", "printer", "monitor", "television",
        "telescope", "microscope", "binoculars", "flashlight", "lighter", "cigarette",
        "receipt", "passport", "dollar", "calendar", "magazine", "poster", "painting", "statue", "crystal", "pebble",
        "icicle", "snowball", "cloud", "moon", "sun", "planet", "comet", "tree", "root",
        "moss", "thorn", "pinecone", "seashell", "starfish", "fossil", "skull", "finger", "thumb",
        "nose", "ear", "tooth", "heart", "baby", "king", "queen", "wizard", "pirate", "clown", "soldier", "angel",
        "ghost", "monster", "unicorn", "magpie",
    ),
    "place": (
        "drawer", "cup", "mug", "glass", "shelf", "bag", "pot", "pan", "bucket", "jar", "fridge", "oven", "sink",
        "cupboard", "cabinet", "suitcase", "backpack", "wastebasket", "vase", "teapot", "kettle", "chair", "sofa",
        "floor", "napkin", "towel", "book", "pillow", "hat", "lunchbox", "wallet", "purse", "pocket", "dishwasher",
        "microwave", "stove", "ladder", "cart", "wagon", "truck", "boat", "nest", "cage", "tent", "hut", "house",
        "garage", "barn", "stable", "church", "closet", "locker", "safe", "vault", "tub", "bathtub", "shower",
        "toilet", "bench", "stool", "desk", "couch", "bed", "mattress", "blanket", "curtain", "window", "door",
        "gate", "fence", "wall", "roof", "ceiling", "stairs", "hole", "ditch", "pond", "lake", "river", "road",
        "bridge", "station", "bus", "train", "plane", "ship", "canoe", "sled", "trailer", "stroller", "cradle",
        "folder", "binder", "notebook", "album", "frame", "case", "holster", "sheath", "pouch", "sack", "net",
        "trap", "flask", "pitcher", "grill", "toaster", "blender", "freezer", "dryer", "bookcase",
        "bookshelf", "dresser", "nightstand", "sideboard", "countertop", "stage", "altar", "throne", "podium", "attic",
        "cellar", "basement", "kitchen", "bathroom", "bedroom", "hallway", "balcony", "terrace", "porch", "chimney",
        "fireplace", "furnace", "well", "fountain", "beach", "island", "mountain", "valley", "cave",
        "tunnel", "forest", "field", "meadow", "farm", "stall", "kennel", "coop", "hive", "web",
        "airport", "harbor", "dock", "elevator", "escalator", "driveway", "sidewalk", "street", "school", "library",
        "museum", "castle", "dungeon", "prison", "hospital", "office", "factory", "warehouse", "igloo", "parachute",
        "mouth", "lap", "shoulder", "glovebox", "holdall",
    ),
}  # fmt: skip


ALSO_SAID = frozenset({"bear", "roof", "stage", "station", "switch", "well"})
"""Nouns that training phrasings have in another sense ("well, ...", "as the roof", "switch the two")."""


def nouns() -> tuple[str, ...]:
    """Those that stand for nothing else wherever they are said."""
    return tuple(sorted({noun for table in FOREIGN.values() for noun in table} - ALSO_SAID))
