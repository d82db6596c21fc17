"""Class names of the published settings, in the order of their labels, with spaces as prompts want them."""

MODELNET40 = (
    "airplane", "bathtub", "bed", "bench", "bookshelf", "bottle", "bowl", "car", "chair", "cone", "cup", "curtain",
    "desk", "door", "dresser", "flower pot", "glass box", "guitar", "keyboard", "lamp", "laptop", "mantel", "monitor",
    "night stand", "person", "piano", "plant", "radio", "range hood", "sink", "sofa", "stairs", "stool", "table",
    "tent", "toilet", "tv stand", "vase", "wardrobe", "xbox",
)  # fmt: skip
MODELNET40_MEDIUM = (
    "cone", "cup", "curtain", "door", "dresser", "glass box", "mantel", "monitor", "night stand", "person", "plant",
    "radio", "range hood", "sink", "stairs", "stool", "tent", "toilet", "tv stand", "vase", "wardrobe", "xbox",
)  # fmt: skip
MODELNET40_HARD = (
    "cone", "curtain", "door", "dresser", "glass box", "mantel", "night stand", "person", "plant", "radio",
    "range hood", "sink", "stairs", "tent", "toilet", "tv stand", "xbox",
)  # fmt: skip
MODELNET10 = (
    "bathtub", "bed", "chair", "desk", "dresser", "monitor", "night stand", "sofa", "table", "toilet",
)  # fmt: skip
SCANOBJECTNN = (
    "bag", "bin", "box", "cabinet", "chair", "desk", "display", "door", "shelf", "table", "bed", "pillow", "sink",
    "sofa", "toilet",
)  # fmt: skip
REDWOOD = ("chair", "table", "trash container", "bench", "plant", "sign", "bicycle", "motorcycle", "sofa")
# Folder of the archive -> name; nine of the 51 categories are left out, as in the paper.
CO3D = {
    "bench": "bench", "skateboard": "skateboard", "backpack": "backpack", "laptop": "laptop", "cup": "cup",
    "umbrella": "umbrella", "teddybear": "teddy bear", "bowl": "bowl", "cake": "cake", "toyplane": "toy plane",
    "remote": "remote", "orange": "orange", "toaster": "toaster", "couch": "couch", "apple": "apple",
    "bottle": "bottle", "donut": "donut", "hairdryer": "hair dryer", "hydrant": "hydrant", "toytrain": "toy train",
    "pizza": "pizza", "motorcycle": "motorcycle", "suitcase": "suitcase", "banana": "banana", "toilet": "toilet",
    "sandwich": "sandwich", "keyboard": "keyboard", "mouse": "mouse", "toytruck": "toy truck", "handbag": "handbag",
    "broccoli": "broccoli", "wineglass": "wine glass", "microwave": "microwave", "baseballglove": "baseball glove",
    "book": "book", "carrot": "carrot", "ball": "ball", "bicycle": "bicycle", "chair": "chair",
    "stopsign": "stop sign", "vase": "vase", "plant": "plant",
}  # fmt: skip
