"""Example files, generated when the server starts and therefore free of third-party licenses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import trimesh

from modeling_crossmost.geometry_crossmost import rotation_to_y_up


Writer = Callable[[trimesh.Trimesh], bytes]


def write_examples(folder: Path) -> dict[str, Path]:
    """Write the examples and return label -> file; empty if the furniture generator is not installed."""
    try:
        from dataset_scripts.furniture.catalogue import make_object
    except ImportError:
        return {}
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    for label, class_name, seed, file_name, content in EXAMPLES:
        written[label] = folder / file_name
        written[label].write_bytes(content(make_object(class_name, seed).mesh))
    return written


def _glb(mesh: trimesh.Trimesh) -> bytes:
    return mesh.export(file_type="glb")  # type: ignore[return-value] # bytes for this type


def _lying_glb(mesh: trimesh.Trimesh) -> bytes:
    """Write a mesh as a program with z up would."""
    # Row vectors times the matrix apply its inverse: from y up to z up.
    mesh.vertices = np.asarray(mesh.vertices) @ rotation_to_y_up("z")
    return _glb(mesh)


def _scan(mesh: trimesh.Trimesh) -> bytes:
    """Write a cloud sampled from the surface, as a scanner would."""
    points, _ = trimesh.sample.sample_surface(mesh, 4_000, seed=0)
    return trimesh.PointCloud(np.asarray(points, dtype=np.float32)).export(file_type="ply")


# (label, class, seed, file name, function that writes its content)
EXAMPLES: tuple[tuple[str, str, int, str, Writer], ...] = (
    ("Chair", "chair", 1, "chair.glb", _glb),
    ("Sofa", "sofa", 2, "sofa.glb", _glb),
    ("Toilet", "toilet", 0, "toilet.glb", _glb),
    ("Bathtub, as a scan", "bathtub", 2, "bathtub_scan.ply", _scan),
    ("Chair on its back", "chair", 0, "chair_z_up.glb", _lying_glb),
)
