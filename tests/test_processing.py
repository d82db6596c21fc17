"""Feature extractor and processor: shapes, axes, batches, errors and round trips."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image
from toy import TEXT, toy_tokenizer
from transformers import AutoFeatureExtractor, AutoProcessor, CLIPImageProcessor, CLIPImageProcessorPil

from modeling_crossmost import CrossMoSTFeatureExtractor, CrossMoSTProcessor
from modeling_crossmost.geometry_crossmost import convert_up_axis, normalize_points
from modeling_crossmost.rendering_crossmost import depth_views, shaded_views


SIZE, POINTS = 32, 48


def make_processor(**settings) -> CrossMoSTProcessor:
    images = CLIPImageProcessorPil(size={"shortest_edge": SIZE}, crop_size={"height": SIZE, "width": SIZE})
    extractor = CrossMoSTFeatureExtractor(**{"num_points": POINTS, **settings})
    return CrossMoSTProcessor(images, extractor, toy_tokenizer())


@pytest.fixture(scope="module")
def processor():
    return make_processor()


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def box_file(tmp_path):
    """A box that is 3 along z, as a file."""
    trimesh.creation.box((1.0, 2.0, 3.0)).export(tmp_path / "box.stl")
    return tmp_path / "box.stl"


# ------------------------------------------------------------------------------------------- feature extractor


@pytest.mark.parametrize("count", [10, POINTS, 200])
def test_clouds_of_any_size_become_normalized_ones_of_one_size(count, rng):
    result = CrossMoSTFeatureExtractor(num_points=POINTS)(rng.standard_normal((count, 6)) + 5.0)["point_values"]
    assert result.shape == (1, POINTS, 3) and result.dtype == np.float32
    assert np.abs(result.mean(axis=1)).max() < 1e-6
    assert np.linalg.norm(result, axis=-1).max() == pytest.approx(1.0, abs=1e-6)


def test_batches_may_be_arrays_tensors_or_ragged_lists(rng):
    extractor = CrossMoSTFeatureExtractor(num_points=POINTS)
    batch = rng.standard_normal((3, 100, 3)).astype(np.float32)
    expected = extractor(batch)["point_values"]
    assert expected.shape == (3, POINTS, 3)
    for same in (list(batch), torch.from_numpy(batch), [torch.from_numpy(cloud) for cloud in batch]):
        assert np.array_equal(extractor(same)["point_values"], expected)
    assert np.array_equal(extractor(batch[1].tolist())["point_values"], expected[1:2])
    ragged = [batch[0], batch[1][:7], trimesh.creation.box()]
    assert extractor(ragged, return_tensors="pt")["point_values"].shape == (3, POINTS, 3)


def test_an_objects_points_do_not_depend_on_its_place_in_the_batch(rng):
    extractor = CrossMoSTFeatureExtractor(num_points=POINTS)
    box, small = trimesh.creation.box(), rng.standard_normal((9, 3))
    together = extractor([box, small, box])["point_values"]
    assert np.array_equal(together[0], together[2])
    assert np.array_equal(together[1], extractor(small)["point_values"][0])
    reseeded = CrossMoSTFeatureExtractor(num_points=POINTS, seed=1)(box)["point_values"][0]
    assert not np.array_equal(together[0], reseeded)


@pytest.mark.parametrize("source", ["x", "y", "z"])
@pytest.mark.parametrize("target", ["x", "y", "z"])
def test_the_input_axis_is_rotated_to_the_models(source, target, rng):
    cloud = rng.standard_normal((POINTS, 3)).astype(np.float32)
    plain = CrossMoSTFeatureExtractor(num_points=POINTS)(cloud)["point_values"]
    turned = CrossMoSTFeatureExtractor(num_points=POINTS, up_axis=target)(cloud, up_axis=source)["point_values"]
    assert np.allclose(turned, convert_up_axis(plain, source, target), atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"up_axis": "-y"}, "must be one of x, y, z, got '-y'"), ({"num_points": 0}, "num_points must be")],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        CrossMoSTFeatureExtractor(**settings)


# ---------------------------------------------------------------------------------------------------- processor


def test_a_mesh_gives_points_and_on_request_views(processor, box_file):
    plain = processor(mesh=box_file)
    assert set(plain) == {"point_values"}
    assert plain["point_values"].shape == (1, POINTS, 3) and plain["point_values"].dtype == torch.float32
    both = processor(mesh=[str(box_file), trimesh.creation.icosphere(2)], render_views=3)
    assert both["point_values"].shape == (2, POINTS, 3)
    assert both["pixel_values"].shape == (2, 3, 3, SIZE, SIZE) and both["pixel_values"].dtype == torch.float32
    expected = shaded_views(trimesh.creation.icosphere(2), count=3, image_size=SIZE)
    assert torch.equal(both["pixel_values"][1], processor(images=list(expected))["pixel_values"])


def test_points_with_views_give_depth_maps(processor, rng):
    cloud = rng.standard_normal((500, 3))
    result = processor(points=cloud, render_views=2)
    drawn = depth_views(result["point_values"][0].numpy(), count=2, image_size=SIZE)
    assert torch.equal(result["pixel_values"][0], processor(images=list(drawn))["pixel_values"])
    assert torch.equal(processor(points=cloud)["point_values"], result["point_values"])


def test_views_are_drawn_upright_whatever_the_axes(box_file, rng):
    cloud = rng.standard_normal((POINTS, 3)) * [1.0, 1.0, 4.0]
    for settings in ({}, {"up_axis": "z"}, {"up_axis": "x"}):
        processor = make_processor(**settings)
        for given in ({"mesh": box_file}, {"points": cloud}):
            pixels = processor(**given, render_views=1, up_axis="z")["pixel_values"][0, 0]
            # The background of a mesh is white and that of a cloud black: the object is what differs from the corner.
            seen = (pixels - pixels[:, :1, :1]).abs().sum(dim=0) > 0.1
            assert seen.any(dim=1).sum() > 1.3 * seen.any(dim=0).sum()


def test_the_default_input_axis_is_y_even_for_a_z_up_model(rng):
    cloud = rng.standard_normal((POINTS, 3))
    processor = make_processor(up_axis="z")
    assert torch.equal(processor(points=cloud)["point_values"], processor(points=cloud, up_axis="y")["point_values"])
    assert not torch.equal(
        processor(points=cloud)["point_values"], processor(points=cloud, up_axis="z")["point_values"]
    )


def test_images_keep_their_nesting(processor, rng):
    arrays = rng.integers(0, 256, (6, 40, 50, 3), dtype=np.uint8)
    pictures = [Image.fromarray(array) for array in arrays]
    flat = processor(images=pictures)["pixel_values"]
    assert flat.shape == (6, 3, SIZE, SIZE)
    nested = processor(images=[pictures[:3], pictures[3:]])["pixel_values"]
    assert torch.equal(nested, flat.reshape(2, 3, 3, SIZE, SIZE))
    assert torch.equal(processor(images=arrays.reshape(2, 3, 40, 50, 3))["pixel_values"], nested)
    assert torch.equal(processor(images=arrays)["pixel_values"], flat)
    for single in (pictures[0], arrays[0]):
        assert torch.equal(processor(images=single)["pixel_values"], flat[:1])
    expected = processor.image_processor(pictures, return_tensors="pt")["pixel_values"]
    assert torch.equal(flat, expected)


def test_text_is_padded_and_cut_to_the_tokenizers_length(processor):
    longest = TEXT["max_position_embeddings"]
    result = processor(text=["a chair", "a very long sentence about a chair"])
    assert result["input_ids"].shape == result["attention_mask"].shape == (2, longest)
    assert result["input_ids"][0, 0] == processor.tokenizer.bos_token_id
    assert result["attention_mask"][0].sum() < longest and result["attention_mask"][1].all()
    assert processor(text="a chair", padding="max_length")["input_ids"].shape == (1, longest)


def test_everything_at_once_is_what_the_model_takes(processor, rng):
    images = [Image.new("RGB", (SIZE, SIZE), (i, i, i)) for i in range(2)]
    result = processor(points=list(rng.standard_normal((2, 20, 3))), images=images, text=["bed"])
    assert {key: tuple(value.shape) for key, value in result.items()} == {
        "point_values": (2, POINTS, 3),
        "pixel_values": (2, 3, SIZE, SIZE),
        "input_ids": (1, 5),
        "attention_mask": (1, 5),
    }
    assert processor.model_input_names[:2] == ["pixel_values", "point_values"]
    as_numpy = processor(points=rng.standard_normal((20, 3)), return_tensors="np")
    assert isinstance(as_numpy["point_values"], np.ndarray)


CLOUD = np.eye(3)
PICTURE = Image.new("RGB", (8, 8))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "nothing to process"),
        ({"mesh": "a.obj", "points": CLOUD}, "Both mesh and points"),
        ({"mesh": "absent.obj"}, "absent.obj: there is no such file"),
        ({"points": []}, "There is no object"),
        ({"points": [CLOUD, np.full((2, 3), np.nan)]}, "cloud of object 1 has NaN"),
        ({"points": CLOUD, "up_axis": "up"}, "must be one of x, y, z"),
        ({"points": CLOUD, "render_views": 0}, "render_views must be at least 1"),
        ({"points": CLOUD, "render_views": 2, "images": PICTURE}, "Both images and render_views"),
        ({"text": "a", "render_views": 2}, "needs an object to render"),
        ({"points": CLOUD, "images": [PICTURE, PICTURE]}, "There are 1 objects, but images of 2"),
        ({"images": []}, "no image"),
        ({"images": [[PICTURE], [PICTURE, PICTURE]]}, r"Objects have \[1, 2\] views"),
        ({"images": [[], []]}, r"Objects have \[0\] views"),
        ({"images": [[PICTURE], PICTURE]}, "mixes single images with lists"),
        ({"images": np.zeros((1, 2, 3, 4, 5, 6))}, "images has shape"),
    ],
)
def test_bad_arguments_give_one_sentence(processor, arguments, message):
    with pytest.raises(ValueError, match=message) as caught:
        processor(**arguments)
    assert "\n" not in str(caught.value)


# --------------------------------------------------------------------------------------------------- round trips


def settings_of(part) -> dict:
    """What a processor or one of its parts is set to, less where its code lies, which only saving tells it."""
    settings = {name: value for name, value in part.to_dict().items() if name != "auto_map"}
    nested = {name: value for name, value in settings.items() if isinstance(value, dict)}
    return settings | {name: {k: v for k, v in value.items() if k != "auto_map"} for name, value in nested.items()}


def test_saving_and_loading_is_exact(tmp_path, rng):
    processor = make_processor(up_axis="z", seed=5)
    processor.save_pretrained(tmp_path)
    inputs = {"points": rng.standard_normal((2, 9, 3)), "render_views": 2, "text": ["a chair", "bed"]}
    expected = processor(**inputs)
    for loaded in (CrossMoSTProcessor.from_pretrained(tmp_path), AutoProcessor.from_pretrained(tmp_path)):
        assert type(loaded) is CrossMoSTProcessor
        assert type(loaded.image_processor) is CLIPImageProcessorPil
        assert settings_of(loaded) == settings_of(processor)
        result = loaded(**inputs)
        assert all(torch.equal(result[key], expected[key]) for key in expected)
    extractor = AutoFeatureExtractor.from_pretrained(tmp_path)
    assert type(extractor) is CrossMoSTFeatureExtractor
    assert settings_of(extractor) == settings_of(processor.feature_extractor)
    assert (extractor.up_axis, extractor.num_points, extractor.seed) == ("z", POINTS, 5)


def test_the_image_backend_is_always_pil():
    torchvision_backed = CLIPImageProcessor(size={"shortest_edge": 20}, crop_size={"height": 20, "width": 20})
    processor = CrossMoSTProcessor(torchvision_backed, CrossMoSTFeatureExtractor(), toy_tokenizer())
    assert type(processor.image_processor) is CLIPImageProcessorPil
    assert processor.image_processor.crop_size == {"height": 20, "width": 20}


def test_the_processor_loads_from_its_own_code_without_the_package(tmp_path):
    make_processor().save_pretrained(tmp_path / "saved")
    script = (
        "import json, sys\n"
        # Rendering of meshes is optional: loading and clouds must do without its packages.
        "sys.modules.update(dict.fromkeys(('trimesh', 'embreex', 'modeling_crossmost')))\n"
        "from transformers import AutoProcessor\n"
        "processor = AutoProcessor.from_pretrained('saved', trust_remote_code=True)\n"
        "out = processor(points=[[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]], render_views=2)\n"
        "print(json.dumps({key: list(value.shape) for key, value in out.items()}))\n"
    )
    environment = {**os.environ, "HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1", "PYTHONPATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    shapes = json.loads(done.stdout.splitlines()[-1])
    assert shapes == {"point_values": [1, POINTS, 3], "pixel_values": [1, 2, 3, SIZE, SIZE]}


# Colors


def painted_box() -> trimesh.Trimesh:
    """A box whose color is its position: red grows along x, green along y, blue along z."""
    box = trimesh.creation.box((2.0, 2.0, 2.0)).subdivide().subdivide()
    levels = np.round(255 * (box.vertices + 1.0) / 2.0).astype(np.uint8)
    box.visual.vertex_colors = np.concatenate([levels, np.full((len(levels), 1), 255, np.uint8)], axis=1)
    return box


def test_points_of_a_mesh_have_the_color_of_their_place():
    plain, colored = (CrossMoSTFeatureExtractor(num_points=500, in_channels=channels) for channels in (3, 6))
    found = colored(painted_box())["point_values"][0]
    assert found.shape == (500, 6) and found.dtype == np.float32
    np.testing.assert_array_equal(found[:, :3], plain(painted_box())["point_values"][0])
    # Undo the normalization: the corners of the box, seen from the mean of the points, are sqrt(3) away or less.
    places = found[:, :3] - (found[:, :3].max(0) + found[:, :3].min(0)) / 2
    places = places / np.abs(places).max(0)
    np.testing.assert_allclose(found[:, 3:], (places + 1.0) / 2.0, atol=0.01)


def test_colors_follow_their_points_through_sampling_and_axes():
    rng = np.random.default_rng(0)
    cloud = rng.standard_normal((90, 3))
    rows = np.concatenate([cloud, (cloud - cloud.min()) / np.ptp(cloud)], axis=1)
    extractor = CrossMoSTFeatureExtractor(num_points=POINTS, in_channels=6)
    found = extractor(rows, up_axis="z")["point_values"][0]
    plain = CrossMoSTFeatureExtractor(num_points=POINTS)(cloud, up_axis="z")["point_values"][0]
    np.testing.assert_array_equal(found[:, :3], plain)
    # Colors say where a point was before it was turned from z up to y up.
    before = found[:, 3:] * np.ptp(cloud) + cloud.min()
    turned = np.stack([before[:, 0], before[:, 2], -before[:, 1]], axis=1)
    np.testing.assert_allclose(normalize_points(turned), found[:, :3], atol=1e-5)


def test_without_colors_all_is_gray_and_without_color_channels_none_are_returned():
    rows = np.random.default_rng(0).uniform(size=(30, 6))
    colored, plain = (CrossMoSTFeatureExtractor(num_points=POINTS, in_channels=channels) for channels in (6, 3))
    gray = colored([rows[:, :3], trimesh.creation.box()])["point_values"]
    assert gray.shape == (2, POINTS, 6) and (gray[..., 3:] == np.float32(0.4)).all()
    assert plain(rows)["point_values"].shape == (1, POINTS, 3)


def test_a_file_of_points_brings_its_colors(tmp_path):
    rng = np.random.default_rng(0)
    cloud, levels = rng.standard_normal((POINTS, 3)), rng.integers(0, 256, (POINTS, 4), dtype=np.uint8)
    trimesh.PointCloud(cloud, levels).export(tmp_path / "cloud.ply")
    found = CrossMoSTFeatureExtractor(num_points=POINTS, in_channels=6)(tmp_path / "cloud.ply")["point_values"][0]
    np.testing.assert_allclose(found[:, 3:], levels[:, :3] / 255.0, atol=1e-6)


def test_normals_are_no_colors():
    rows = np.random.default_rng(0).standard_normal((30, 6))
    extractor = CrossMoSTFeatureExtractor(num_points=POINTS, in_channels=6)
    with pytest.raises(ValueError, match=r"columns 4 to 6 of the cloud of object 1 are not colors .* normals"):
        extractor([rows[:, :3], rows])
    with pytest.raises(ValueError, match="in_channels must be 3, or 6"):
        CrossMoSTFeatureExtractor(in_channels=4)


def test_a_processor_with_colors_renders_saves_and_loads(tmp_path):
    made = make_processor(in_channels=6)
    inputs = made(mesh=painted_box(), render_views=2)
    assert inputs["point_values"].shape == (1, POINTS, 6) and inputs["pixel_values"].shape[:2] == (1, 2)
    rows = np.random.default_rng(0).uniform(size=(30, 6))
    assert made(points=rows, render_views=1)["pixel_values"].shape[:2] == (1, 1)
    made.save_pretrained(tmp_path)
    again = CrossMoSTProcessor.from_pretrained(tmp_path)
    assert torch.equal(again(points=rows)["point_values"], made(points=rows)["point_values"])
