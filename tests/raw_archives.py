"""Tiny procedural archives in the raw layouts of the paper's data sets, as people download them."""

import io
import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import trimesh
from PIL import Image

from dataset_scripts.sources.classes import MODELNET10, MODELNET40, REDWOOD


def cone(rng: np.random.Generator, count: int, up: int = 1) -> np.ndarray:
    """Points (count, 3) of a cone that stands on its base when axis `up` points up."""
    height = rng.uniform(0.0, 2.0, count)
    angle = rng.uniform(0.0, 2.0 * np.pi, count)
    flat = np.stack([(2.0 - height) * np.cos(angle), (2.0 - height) * np.sin(angle)], axis=1)
    return np.insert(flat, up, height, axis=1).astype(np.float32)


def stands(points: np.ndarray) -> bool:
    """Whether a cone (N, 3) has its wide end at small y."""
    return np.corrcoef(points[:, 1], np.hypot(points[:, 0], points[:, 2]))[0, 1] < -0.5


def cone_mesh(up: int = 2) -> trimesh.Trimesh:
    """A cone that stands on its base when axis `up` (1 or 2) points up."""
    mesh = trimesh.creation.cone(radius=1.0, height=2.0, sections=12)
    if up == 1:
        mesh.apply_transform(trimesh.transformations.rotation_matrix(-np.pi / 2, [1, 0, 0]))
    return mesh


def picture(number: int, size: tuple[int, int] = (48, 36)) -> Image.Image:
    """A frame whose red level is `number`."""
    return Image.new("RGB", size, (number, 120, 30))


def modelnet(root: Path, names=MODELNET40, per_split: int = 1) -> Path:
    """`<class>/<split>/*.off`; every second file has the counts glued to the header."""
    for name in names:
        for split in ("train", "test"):
            folder = root / name.replace(" ", "_") / split
            folder.mkdir(parents=True)
            for number in range(per_split):
                text = cone_mesh().export(file_type="off")
                glued = text.replace("OFF\n", "OFF", 1) if number % 2 else text
                (folder / f"{folder.parent.name}_{number:04d}.off").write_text(glued)
    return root


def modelnet10(root: Path) -> Path:
    return modelnet(root, MODELNET10, per_split=2)


def modelnet_hdf5(root: Path) -> Path:
    """Two training files and one test file of 2048-point clouds with the labels 0..39, and the lists that name them."""
    rng = np.random.default_rng(0)
    root.mkdir(parents=True)
    for stem, count in (("ply_data_train0", 40), ("ply_data_train1", 10), ("ply_data_test0", 40)):
        with h5py.File(root / f"{stem}.h5", "w") as file:
            clouds = np.stack([cone(rng, 2048) for _ in range(count)])
            file.create_dataset("data", data=clouds, compression="gzip")
            file.create_dataset("label", data=np.arange(count, dtype=np.uint8)[:, None])
    prefix = "data/modelnet40_ply_hdf5_2048"
    (root / "train_files.txt").write_text(f"{prefix}/ply_data_train0.h5\n{prefix}/ply_data_train1.h5\n")
    (root / "test_files.txt").write_text(f"{prefix}/ply_data_test0.h5\n")
    return root


def scanobjectnn(root: Path) -> Path:
    """`h5_files` with both folders; how many rows a file has tells the versions apart."""
    rng = np.random.default_rng(0)
    counts = {
        "main_split_nobg/training_objectdataset": 15,
        "main_split_nobg/test_objectdataset": 5,
        "main_split/training_objectdataset": 16,
        "main_split/test_objectdataset": 6,
        "main_split/training_objectdataset_augmentedrot_scale75": 17,
        "main_split/test_objectdataset_augmentedrot_scale75": 7,
    }
    for stem, count in counts.items():
        path = root / "h5_files" / f"{stem}.h5"
        path.parent.mkdir(parents=True, exist_ok=True)
        with h5py.File(path, "w") as file:
            file["data"] = np.stack([cone(rng, 2048) for _ in range(count)])
            file["label"] = np.arange(count) % 15
            file["mask"] = np.zeros((count, 2048), dtype=np.int64)
    return root


def redwood(root: Path) -> Path:
    """Ten scans of a class with frames in folders or zip files; one scan without frames, some without a mesh."""
    categories: dict[str, list[str]] = {}
    (root / "mesh").mkdir(parents=True)
    for number, name in enumerate(REDWOOD):
        categories[name] = [f"{number:02d}{scan:03d}" for scan in range(10)]
        for scan in categories[name][:5]:
            cone_mesh(up=1).export(root / "mesh" / f"{scan}.ply")
            if scan.endswith("4"):
                _zipped_frames(root / "rgbd" / f"{scan}.zip")
            else:
                _frames(root / "rgbd" / scan / "rgb", 25)
    cone_mesh(up=1).export(root / "mesh" / "00009.ply")
    categories["shoe"] = ["77777"]
    (root / "categories.json").write_text(json.dumps(categories))
    return root


def _frames(folder: Path, count: int, ending: str = "jpg") -> None:
    folder.mkdir(parents=True)
    for number in range(count):
        picture(5 * number).save(folder / f"{number:07d}.{ending}", quality=95)


def _zipped_frames(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(30):
            content = io.BytesIO()
            picture(5 * number).save(content, "JPEG")
            archive.writestr(f"{path.stem}/rgb/{number:07d}.jpg", content.getvalue())
            archive.writestr(f"{path.stem}/depth/{number:07d}.png", b"not read")


def co3d(root: Path) -> Path:
    """A category of the first release, one of the second and one that the paper leaves out."""
    rng = np.random.default_rng(0)
    for category in ("apple", "teddybear", "hotdog"):
        for number in range(4):
            folder = root / category / f"110_13051_2361{number}"
            _frames(folder / "images", 22)
            (folder / "masks").mkdir()
            picture(0).convert("L").save(folder / "masks" / "frame000001.png")
            trimesh.PointCloud(cone(rng, 3000, up=0)).export(folder / "pointcloud.ply")
    frames = {number: [[f"110_13051_2361{number}", 1, "x.jpg"], [f"110_13051_2361{number}", 2, "y.jpg"]]
              for number in range(4)}  # fmt: skip
    first = {
        "train_known": frames[0] + frames[1] + frames[2], "train_unseen": frames[0],
        "test_known": frames[3], "test_unseen": frames[3],
    }  # fmt: skip
    (root / "apple" / "set_lists.json").write_text(json.dumps(first))
    lists = root / "teddybear" / "set_lists"
    lists.mkdir()
    second = {"train": frames[0] + frames[1], "val": frames[0], "test": []}
    (lists / "set_lists_fewview_train.json").write_text(json.dumps(second))
    (lists / "set_lists_fewview_dev.json").write_text(json.dumps({"train": [], "val": frames[2], "test": frames[3]}))
    (root / "hotdog" / "set_lists.json").write_text(json.dumps(first))
    return root


def shapenet55(root: Path) -> Path:
    """Three synsets with clouds, rendered views (color and depth) and the taxonomy."""
    rng = np.random.default_rng(0)
    taxonomy = [
        {"synsetId": "02691156", "name": "airplane,aeroplane,plane", "numInstances": 4045, "children": []},
        {"synsetId": "03211117", "name": "display,video display", "numInstances": 1093, "children": []},
        {"synsetId": "04530566", "name": "vessel,watercraft", "numInstances": 1939, "children": []},
    ]
    root.mkdir(parents=True)
    (root / "taxonomy.json").write_text(json.dumps(taxonomy))
    lines = []
    (root / "shapenet_pc").mkdir()
    for entry in taxonomy:
        for number in range(3):
            stem = f"{entry['synsetId']}-{number:04d}abcd"
            lines.append(f"{stem}.npy")
            np.save(root / "shapenet_pc" / f"{stem}.npy", cone(rng, 3000))
            folder = root / "rendered_images" / stem
            folder.mkdir(parents=True)
            for degree in range(0, 360, 12):
                picture(degree // 2, (40, 40)).save(folder / f"{stem}_r_{degree:03d}.png")
                picture(255, (40, 40)).save(folder / f"{stem}_r_{degree:03d}_depth0001.png")
    (root / "train.txt").write_text("\n".join(lines[:6]) + "\n")
    (root / "test.txt").write_text("\n".join(lines[6:]) + "\n")
    return root
