"""Read raw files: walk a folder tree, load one mesh or cloud from a file, encode views.

These functions are not in the builder's module, because `datasets` patches `open` and `np.load` there for remote files.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image


if TYPE_CHECKING:
    import trimesh

# Extensions of 3D formats and archives that cannot be read: such files are reported as skipped, not silently ignored.
FOREIGN_ENDINGS = frozenset(
    f".{kind}"
    for kinds in (
        "3dm 3ds 3mf abc blend bvh c4d catpart catproduct ctm dae dwg dxf e57 f3d fbx iam ifc iges igs ipt",
        "ksplat las laz lwo ma max mb ptx skp sldasm sldprt splat spz step stp usd usda usdc usdz",
        "vrml vtk vtp vtu wrl x3d 7z gz rar tar tgz zip",
    )
    for kind in kinds.split()
)
# Endings of clouds that tables, lists and arrays of any other kind have as well.
AMBIGUOUS_ENDINGS = frozenset((".csv", ".npz", ".txt"))
# What Windows leaves in folders, in lower case.
JUNK_NAMES = frozenset(("desktop.ini", "ehthumbs.db", "thumbs.db"))

# Modules that making pairs needs. Some are imported late, so that commands that make no pairs start faster.
LIBRARIES = ("embreex.mesh_construction", "embreex.rtcore_scene", "h5py", "trimesh.visual.color") + (
    "modeling_crossmost.rendering_crossmost",
)


def import_libraries() -> None:
    """Import everything that making pairs needs, so that it does not count against the limits of the first object."""
    for name in LIBRARIES:
        import_module(name)


def readable_endings() -> frozenset[str]:
    """Return the file extensions, in lower case with the dot, that `read_geometry` can read."""
    from modeling_crossmost.files_crossmost import FILE_TYPES

    return frozenset(f".{kind}" for kind in FILE_TYPES)


def walk_files(root: Path) -> Iterator[PurePosixPath]:
    """Yield the paths of all files relative to `root`, sorted; follow links, skip hidden entries, junk and loops.

    Raises:
        ValueError: if `root` is not a folder.
    """
    if not root.is_dir():
        raise ValueError(f"The source {str(root)!r} is not a folder; give the folder that holds the files.")
    yield from _walk(root, PurePosixPath(), (os.path.realpath(root),))


def _walk(root: Path, below: PurePosixPath, ancestors: tuple[str, ...]) -> Iterator[PurePosixPath]:
    for name in sorted(os.listdir(root / below)):
        # __MACOSX: metadata in zip files made on a Mac
        if name.startswith((".", "__MACOSX")) or name.lower() in JUNK_NAMES:
            continue
        path = below / name
        if not (root / path).is_dir():
            yield path
            continue
        target = os.path.realpath(root / path)
        # Following a link to a parent would never end; two links to the same folder are walked twice.
        if target not in ancestors:
            yield from _walk(root, path, (*ancestors, target))


def read_geometry(path: Path, up_axis: str) -> tuple[trimesh.Trimesh | np.ndarray, list[str]]:
    """Read a mesh or a cloud (P, 3) and rotate it from `up_axis` up to y up.

    Returns:
        The geometry, and sentences on what was dropped or guessed.

    Raises:
        ValueError: if the file cannot be read, is empty or holds coordinates that are not finite.
    """
    from modeling_crossmost.files_crossmost import load_file
    from modeling_crossmost.geometry_crossmost import orient_geometry

    content = load_file(path)
    missing = [f"Without {name}, which the file refers to." for name in content.left_out]
    return orient_geometry(content.geometry, up_axis), [*content.notes, *missing]


def encode_view(view: np.ndarray) -> bytes:
    """Encode one view, uint8 (R, R, 3), as lossless WebP."""
    buffer = io.BytesIO()
    # For lossless files `quality` is the effort too: both at 0 take a tenth of the default's time.
    Image.fromarray(view).save(buffer, format="WEBP", lossless=True, method=0, quality=0)
    return buffer.getvalue()
