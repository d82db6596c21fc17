"""Named prompt sets for the zero-shot classifier; `{}` stands for the class name.

Recipes and results refer to a set by its name; labels are never used to choose one. The sets are Python and not a data
file because the Hub's remote code consists of `.py` files only.
"""

PROMPT_SETS: dict[str, tuple[str, ...]] = {
    # the two prompts in the paper
    "paper": (
        "a photo of a {}",
        "a 3D model of a {}",
    ),
    # rendered CAD models
    "modelnet": ("a 3D model of a {}.",),
    # real scans with photographs
    "real_scan": (
        "a photo of a {}.",
        "a point cloud model of a {}.",
    ),
    # depth maps and clouds
    "depth_cloud": (
        "a depth map of a {}",
        "a point cloud model of a {}.",
    ),
    # projected depth views of scans
    "scanobjectnn": (
        "a depth map of a {}.",
        "a point cloud model of a {}.",
        "a 3D model of a {}.",
    ),
    # ULIP's 64 prompts, the official code's default; kept verbatim, missing periods included
    "ulip_64": (
        "a point cloud model of {}.",
        "There is a {} in the scene.",
        "There is the {} in the scene.",
        "a photo of a {} in the scene.",
        "a photo of the {} in the scene.",
        "a photo of one {} in the scene.",
        "itap of a {}.",
        "itap of my {}.",
        "itap of the {}.",
        "a photo of a {}.",
        "a photo of my {}.",
        "a photo of the {}.",
        "a photo of one {}.",
        "a photo of many {}.",
        "a good photo of a {}.",
        "a good photo of the {}.",
        "a bad photo of a {}.",
        "a bad photo of the {}.",
        "a photo of a nice {}.",
        "a photo of the nice {}.",
        "a photo of a cool {}.",
        "a photo of the cool {}.",
        "a photo of a weird {}.",
        "a photo of the weird {}.",
        "a photo of a small {}.",
        "a photo of the small {}.",
        "a photo of a large {}.",
        "a photo of the large {}.",
        "a photo of a clean {}.",
        "a photo of the clean {}.",
        "a photo of a dirty {}.",
        "a photo of the dirty {}.",
        "a bright photo of a {}.",
        "a bright photo of the {}.",
        "a dark photo of a {}.",
        "a dark photo of the {}.",
        "a photo of a hard to see {}.",
        "a photo of the hard to see {}.",
        "a low resolution photo of a {}.",
        "a low resolution photo of the {}.",
        "a cropped photo of a {}.",
        "a cropped photo of the {}.",
        "a close-up photo of a {}.",
        "a close-up photo of the {}.",
        "a jpeg corrupted photo of a {}.",
        "a jpeg corrupted photo of the {}.",
        "a blurry photo of a {}.",
        "a blurry photo of the {}.",
        "a pixelated photo of a {}.",
        "a pixelated photo of the {}.",
        "a black and white photo of the {}.",
        "a black and white photo of a {}",
        "a plastic {}.",
        "the plastic {}.",
        "a toy {}.",
        "the toy {}.",
        "a plushie {}.",
        "the plushie {}.",
        "a cartoon {}.",
        "the cartoon {}.",
        "an embroidered {}.",
        "the embroidered {}.",
        "a painting of the {}.",
        "a painting of a {}.",
    ),
}


def prompt_set(name: str) -> list[str]:
    """Return the templates of a named set.

    Raises:
        ValueError: if the name is unknown; the message lists the known ones.
    """
    if name not in PROMPT_SETS:
        raise ValueError(f"There is no prompt set {name!r}: choose one of {', '.join(PROMPT_SETS)}.")
    return list(PROMPT_SETS[name])
