"""Surface colors of a mesh: one per face, interpolated between its corners, or looked up in textures (numpy only).

Colors are sRGB levels in [0, 255]. Surfaces are opaque: alpha is stored at most, and never used. Materials are reduced
to their base color. Texture coordinates repeat beyond [0, 1], and v points up, as in trimesh.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from io import BytesIO
from typing import Any

import numpy as np


# Key in `mesh.metadata` of the `SurfaceColors` of a mesh whose colors vary within faces.
COLORS_KEY = "crossmost_surface_colors"

# Larger textures are reduced to this side, which is still finer than the views of any model.
MAX_TEXTURE_SIDE = 1024

# Images with more pixels are not decoded, since a small file may unpack to gigabytes.
MAX_TEXTURE_PIXELS = 64_000_000

# Image formats that are decoded (`None`: an image made in memory). No mesh format uses any other, and for some of the
# others Pillow starts external programs (Ghostscript for EPS), which an untrusted file must not cause.
TEXTURE_FORMATS = (None, "PNG", "JPEG", "WEBP", "BMP", "GIF", "TGA", "TIFF")

# Faces whose texture coordinates span less than this, in texels, count as having one color.
_ONE_TEXEL_PART = 0.01

# What trimesh substitutes for a missing color: its default material color and its placeholder image.
_READER_GRAYS = ((102, 102, 102), (100, 100, 100))

# Points looked up at once, see `SurfaceColors.at`.
_BLOCK = 16_384

# Barycentric coordinates of a quadrature rule whose mean is exact for polynomials up to degree 2.
_MEAN_POINTS = ((2 / 3, 1 / 6, 1 / 6), (1 / 6, 2 / 3, 1 / 6), (1 / 6, 1 / 6, 2 / 3))


@dataclass(frozen=True)
class SurfaceColors:
    """Colors of the F faces of a mesh; immutable, so that copies of a mesh share it.

    The color of a point is the interpolated color of its face's corners multiplied by the texture. If there are no
    corner colors it is the texture alone, and if there is no texture either, the color of the face.

    Attributes:
        triangles: int (F, 3), the faces of the mesh, to detect later changes of it.
        faces: uint8 (F, 4), mean RGBA color of each face.
        corners: uint8 (F, 3, 3), RGB color of each corner, white where only the texture counts.
        uv: float32 (F, 3, 2), texture coordinates of each corner.
        texture_index: int32 (F,), index into `textures`, -1 for faces without texture.
        textures: RGBA images uint8 (H + 2, W + 2, 4), row 0 at the top, with a border of one texel that repeats the
            opposite side.
    """

    triangles: np.ndarray
    faces: np.ndarray
    corners: np.ndarray | None = None
    uv: np.ndarray | None = None
    texture_index: np.ndarray | None = None
    textures: tuple[np.ndarray, ...] = ()

    def __deepcopy__(self, memo: dict) -> SurfaceColors:
        return self

    @cached_property
    def varying(self) -> np.ndarray:
        """Which faces do not have a single color, bool (F,)."""
        varies = np.zeros(len(self.faces), dtype=bool)
        if self.corners is not None:
            varies |= (self.corners != self.corners[:, :1]).any(axis=(1, 2))
        if self.texture_index is not None:
            varies |= self.texture_index >= 0
        return varies

    def at(self, faces: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the colors float32 (P, 3) of points given by face (P,) and barycentric coordinates (P, 3)."""
        weights = np.asarray(weights, dtype=np.float32)
        colors = np.empty((len(faces), 3), dtype=np.float32)
        # Allocating fresh memory dominates the time for large arrays; small blocks let the allocator reuse it.
        for start in range(0, len(faces), _BLOCK):
            block = slice(start, start + _BLOCK)
            colors[block] = self._channels(faces[block], weights[block]).T
        return colors

    def _channels(self, faces: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Compute `at` for one block, channels first: (3, P)."""
        if self.corners is None:
            colors = np.take(self.faces, faces, axis=0).T[:3].astype(np.float32)
        else:
            colors = _interpolate(self.corners, faces, weights)
        if self.texture_index is None or self.uv is None:
            return colors
        index = np.take(self.texture_index, faces)
        for number in np.flatnonzero(np.bincount(index + 1)[1:]):
            chosen = np.flatnonzero(index == number)
            levels = _look_up(self.textures[number], *_interpolate(self.uv, faces[chosen], weights[chosen]))
            colors[:, chosen] = levels if self.corners is None else levels * colors[:, chosen] / 255.0
        return colors


def surface_colors(mesh: Any, textures: dict | None = None) -> SurfaceColors | None:
    """Return the surface colors of a mesh, or `None` if it has none.

    They come from what `load_file` stored, unless the faces or colors of the mesh were changed since, or from the
    mesh's face colors, vertex colors or material. Of a material, the texture counts (multiplied by the color factor in
    glTF, not in obj), or the color if there is no usable texture; glTF vertex colors multiply either.

    Args:
        mesh: a `trimesh.Trimesh`.
        textures: cache of decoded textures, keyed by image and factor; extended in place.
    """
    visual = getattr(mesh, "visual", None)
    if visual is None or not visual.defined:
        return None
    triangles = np.asarray(mesh.faces)
    if visual.kind == "texture":
        found = _visual_colors(visual, triangles, len(mesh.vertices), {} if textures is None else textures)
        return None if found is None or _is_unset(found) else found
    faces = np.asarray(visual.face_colors).astype(np.uint8)
    if faces.shape != (len(triangles), 4):
        return None
    kept = mesh.metadata.get(COLORS_KEY)
    is_kept = isinstance(kept, SurfaceColors) and np.array_equal(kept.triangles, triangles)
    if is_kept and np.array_equal(kept.faces, faces):
        return kept
    if visual.kind == "vertex":
        return SurfaceColors(triangles, faces, np.asarray(visual.vertex_colors)[triangles, :3].astype(np.uint8))
    return SurfaceColors(triangles, faces)


def face_colors(mesh: Any) -> np.ndarray | None:
    """Return the mean RGBA color uint8 (F, 4) of each face as found by `surface_colors`, or `None`."""
    found = surface_colors(mesh)
    return None if found is None else found.faces


def plain_colors(triangles: np.ndarray, color: Sequence[int] | np.ndarray) -> SurfaceColors:
    """Return surface colors that give all faces (F, 3) one RGBA color (4,)."""
    return SurfaceColors(triangles, np.tile(np.array(color, dtype=np.uint8), (len(triangles), 1)))


def concatenate_colors(parts: Sequence[SurfaceColors], triangles: np.ndarray) -> SurfaceColors:
    """Merge the colors of parts into those of a mesh whose faces (sum of F, 3) are those of the parts in order."""
    faces = np.concatenate([part.faces for part in parts])
    corners = uv = index = None
    if any(part.corners is not None for part in parts):
        corners = np.concatenate([_corners(part) for part in parts])
    textures = {id(texture): texture for part in parts for texture in part.textures}
    if textures:
        places = {key: place for place, key in enumerate(textures)}
        uv = np.concatenate([np.zeros((len(p.faces), 3, 2), np.float32) if p.uv is None else p.uv for p in parts])
        index = np.concatenate([_renumbered(part, places) for part in parts])
    return SurfaceColors(triangles, faces, corners, uv, index, tuple(textures.values()))


def attach_colors(mesh: Any, colors: SurfaceColors | None) -> Any:
    """Set the face colors of a mesh, and store colors that vary within faces in its metadata; return the mesh."""
    mesh.metadata.pop(COLORS_KEY, None)
    if colors is None:
        return mesh
    # Copy, so that `surface_colors` notices when a caller changes the mesh in place.
    mesh.visual.face_colors = colors.faces.copy()
    if colors.varying.any():
        mesh.metadata[COLORS_KEY] = replace(colors, triangles=np.array(mesh.faces))
    return mesh


# -------------------------------------------------------------------------------------------------- materials


def material_colors(
    triangles: np.ndarray,
    factor: np.ndarray | None = None,
    texture: np.ndarray | None = None,
    uv: np.ndarray | None = None,
    tint: np.ndarray | None = None,
) -> SurfaceColors | None:
    """Return the colors that a material gives to faces (F, 3), or `None` if it gives none.

    Args:
        triangles: faces (F, 3), indices of V vertices.
        factor: linear-light RGB (3,) of the material in [0, 1]; a texture has it already, see `read_texture`.
        texture: from `read_texture`.
        uv: texture coordinates (V, 2), v up; without them a texture is ignored.
        tint: linear-light RGB (V, 3) of the vertices in [0, 1], which multiplies factor or texture.
    """
    if texture is not None and uv is not None:
        return _textured(triangles, uv[triangles], texture, None if tint is None else encode_srgb(tint)[triangles])
    if tint is not None:
        corners = encode_srgb(tint if factor is None else tint * factor)[triangles]
        mean = np.rint(corners.mean(axis=1)).astype(np.uint8)
        return SurfaceColors(triangles, np.pad(mean, ((0, 0), (0, 1)), constant_values=255), corners)
    return None if factor is None else plain_colors(triangles, np.append(encode_srgb(factor), 255))


def _visual_colors(visual: Any, triangles: np.ndarray, count: int, textures: dict) -> SurfaceColors | None:
    """Return the colors of a trimesh material, from texture, color and glTF vertex colors (`count`), or `None`."""
    material = visual.material
    is_gltf = hasattr(material, "baseColorTexture")
    image = material.baseColorTexture if is_gltf else getattr(material, "image", None)
    main = _main_color(material)
    # glTF stores color factors and vertex colors as linear light; its images, and all colors of obj files, are sRGB.
    factor = main[:3] / 255.0 if is_gltf and main is not None else np.ones(3)
    tint = _linear_vertex_colors(visual, count)
    uv = None if visual.uv is None else np.asarray(visual.uv)
    if image is not None and uv is not None and uv.ndim == 2 and len(uv) == count and uv.shape[1] >= 2:
        # trimesh adds its default gray to a material that has an image but no color, which would darken the image.
        scale = np.ones(3) if main is not None and tuple(main[:3]) == _READER_GRAYS[0] else factor
        key = (id(image), *scale)
        if key not in textures:
            textures[key] = read_texture(image, scale)
        if textures[key] is not None:
            return material_colors(triangles, None, textures[key], uv[:, :2], tint)
    if tint is not None or (is_gltf and main is not None):
        return material_colors(triangles, factor, tint=tint)
    return None if main is None else plain_colors(triangles, main)


def _main_color(material: Any) -> np.ndarray | None:
    """Return a material's RGBA color uint8 (4,), linear light for glTF, or `None`."""
    if hasattr(material, "baseColorTexture") and material.baseColorFactor is None:
        return None
    color = getattr(material, "main_color", None)
    color = np.zeros(0) if color is None else np.asarray(color)
    return color.astype(np.uint8) if color.shape == (4,) else None


def _linear_vertex_colors(visual: Any, count: int) -> np.ndarray | None:
    """Return the glTF vertex colors (V, 3) in [0, 1] of a mesh with a material, or `None` if they are unusable."""
    stored = visual.vertex_attributes.get("color", None) if hasattr(visual, "vertex_attributes") else None
    if stored is None or np.ndim(stored) != 2 or len(stored) != count or np.shape(stored)[1] < 3:
        return None
    colors = np.asarray(stored)[:, :3]
    if np.issubdtype(colors.dtype, np.integer):
        colors = colors / np.iinfo(colors.dtype).max
    return np.clip(colors, 0.0, 1.0) if np.isfinite(colors).all() else None


def _textured(triangles: np.ndarray, uv: np.ndarray, texture: np.ndarray, corners: np.ndarray | None) -> SurfaceColors:
    """Return the colors of faces with texture coordinates uv (F, 3, 2) and optional corner colors (F, 3, 3)."""
    uv = np.where(np.isfinite(uv), uv, 0.0)
    # Textures repeat, so whole numbers can be removed per face: they would cost float32 precision.
    uv = (uv - np.floor(uv.min(axis=1, keepdims=True))).astype(np.float32)
    index = np.zeros(len(triangles), dtype=np.int32)
    looked_up = SurfaceColors(triangles, np.full((len(triangles), 4), 255, np.uint8), corners, uv, index, (texture,))
    every = np.arange(len(triangles))
    mean = np.mean([looked_up.at(every, np.tile(point, (len(every), 1))) for point in _MEAN_POINTS], axis=0)
    faces = np.pad(np.rint(mean).astype(np.uint8), ((0, 0), (0, 1)), constant_values=255)
    if corners is None:
        # A single color per face is much cheaper to render than a texture lookup per ray.
        height, width = texture.shape[:2]
        one_color = (np.ptp(uv, axis=1) * (width, height) < _ONE_TEXEL_PART).all(axis=1)
        index[one_color | (texture == texture[:1, :1]).all()] = -1
    return SurfaceColors(triangles, faces, corners, uv, index, (texture,))


def _is_unset(colors: SurfaceColors) -> bool:
    """Whether all faces have the same gray, one of those that trimesh substitutes for a missing color."""
    levels = np.unique(colors.faces[:, :3], axis=0).tolist()
    return len(levels) == 1 and tuple(levels[0]) in _READER_GRAYS and not colors.varying.any()


def _corners(colors: SurfaceColors) -> np.ndarray:
    """Return the corner colors uint8 (F, 3, 3), filling in the implied ones if they are not stored."""
    if colors.corners is not None:
        return colors.corners
    corners = np.repeat(colors.faces[:, None, :3], 3, axis=1)
    if colors.texture_index is not None:
        corners[colors.texture_index >= 0] = 255
    return corners


def _renumbered(colors: SurfaceColors, places: dict[int, int]) -> np.ndarray:
    """Return the texture index int32 (F,), given the new position of each texture by its id()."""
    if colors.texture_index is None:
        return np.full(len(colors.faces), -1, dtype=np.int32)
    # Index -1 (no texture) selects the last entry, which maps it to -1 again.
    table = np.array([places[id(texture)] for texture in colors.textures] + [-1], dtype=np.int32)
    return table[colors.texture_index]


# --------------------------------------------------------------------------------------------------- textures


def read_texture(image: Any, factor: np.ndarray | None = None) -> np.ndarray | None:
    """Convert a PIL image times a linear-light factor (3,) to a `SurfaceColors` texture; `None` if unusable."""
    try:
        if image.format not in TEXTURE_FORMATS or image.width * image.height > MAX_TEXTURE_PIXELS:
            return None
        image = image.convert("RGB")  # decodes the pixels only now, after the checks
        levels = np.asarray(image.reduce(-(-max(image.size) // MAX_TEXTURE_SIDE)))  # ceiling division
    except Exception:  # broken images raise nearly anything, and the shape is usable without them
        return None
    if factor is not None and (factor != 1.0).any():
        table = encode_srgb(linear_light(np.arange(256))[:, None] * factor)
        levels = np.stack([table[levels[..., channel], channel] for channel in range(3)], axis=-1)
    opaque = np.pad(levels, ((0, 0), (0, 0), (0, 1)), constant_values=255)
    return np.ascontiguousarray(np.pad(opaque, ((1, 1), (1, 1), (0, 0)), mode="wrap"))


def decode_texture(data: bytes, factor: np.ndarray | None = None) -> np.ndarray | None:
    """Decode the bytes of an image file as `read_texture` does; `None` if they are unusable or Pillow is missing."""
    try:
        from PIL import Image  # only textures need it

        formats = [name for name in TEXTURE_FORMATS if name is not None]
        return read_texture(Image.open(BytesIO(data), formats=formats), factor)
    except Exception:  # as above
        return None


def _look_up(texture: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return the levels float32 (3, P) of a texture (H + 2, W + 2, 4) at u, v float32 (P,), bilinearly filtered."""
    width, height = texture.shape[1] - 2, texture.shape[0] - 2
    # The center of texel i is at u = (i + 0.5) / width, and the border shifts the index by one. v points up, rows down.
    x, y = (u - np.floor(u)) * width + 0.5, (np.ceil(v) - v) * height + 0.5
    left, top = np.floor(x), np.floor(y)
    x -= left
    y -= top
    first = top.astype(np.int64) * (width + 2) + left.astype(np.int64)
    upper, upper_right, lower, lower_right = (_texels(texture, first + step) for step in (0, 1, width + 2, width + 3))
    upper += (upper_right - upper) * x
    lower += (lower_right - lower) * x
    return upper + (lower - upper) * y


def _texels(texture: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the levels float32 (3, P) of the texels with flat (row-major) indices (P,)."""
    # Viewing RGBA as one 32-bit word takes a single gather instead of one per channel.
    words = np.take(texture.view(np.uint32).reshape(-1), places)
    return words.view(np.uint8).reshape(-1, 4).T[:3].astype(np.float32, order="C")


def _interpolate(corners: np.ndarray, faces: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Interpolate corner values (F, 3, C) at barycentric coordinates (P, 3) of faces (P,); return float32 (C, P)."""
    values = np.take(corners, faces, axis=0).transpose(1, 2, 0).astype(np.float32, order="C")
    first, second, third = weights.T
    return values[0] * first + values[1] * second + values[2] * third


def linear_light(levels: np.ndarray) -> np.ndarray:
    """Convert sRGB levels in [0, 255] to linear light in [0, 1] (IEC 61966-2-1)."""
    encoded = levels / 255.0
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def encode_srgb(linear: np.ndarray) -> np.ndarray:
    """Convert linear light in [0, 1] to sRGB levels uint8 (IEC 61966-2-1)."""
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1.0 / 2.4) - 0.055)
    return np.rint(encoded * 255.0).astype(np.uint8)
