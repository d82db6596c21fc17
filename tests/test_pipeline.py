"""The pipeline `point-cloud-classification` against the processor and model that it is made of."""

import io
import json

import numpy as np
import pytest
import torch
import trimesh
from datasets import load_dataset
from PIL import Image
from toy import CLASSES, make_dataset, make_model, toy_model
from transformers import pipeline
from transformers.pipelines.pt_utils import KeyDataset

from modeling_crossmost import CrossMoSTForSelfTraining, CrossMoSTModel, PointCloudClassificationPipeline


TASK = "point-cloud-classification"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pipeline") / "toy"
    make_model(folder)
    return folder


@pytest.fixture(scope="module")
def pipe(folder):
    return pipeline(TASK, model=str(folder), device="cpu")


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    path = tmp_path_factory.mktemp("meshes") / "box.glb"
    trimesh.creation.box((1.0, 2.0, 3.0)).export(path)
    return path


def cloud(seed: int, count: int = 90) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, 3)).astype(np.float32)


def scores_of(found: list[dict], names=CLASSES) -> list[float]:
    """Scores in the order of the classes."""
    by_name = {entry["label"]: entry["score"] for entry in found}
    return [by_name[name] for name in names]


@torch.no_grad()
def fused(pipe, model=None, **inputs) -> list[float]:
    """The definition of the fused prediction, from processor and model."""
    output = (model or pipe.model)(**pipe.processor(**inputs))
    logits = [each for each in (output.logits_per_image, output.logits_per_point) if each is not None]
    return (sum(each.softmax(-1) for each in logits) / len(logits))[0].tolist()


def test_mesh_file_is_classified_by_cloud_and_views(pipe, box):
    found = pipe(str(box), views=3, up_axis="z")
    assert scores_of(found) == pytest.approx(fused(pipe, mesh=str(box), render_views=3, up_axis="z"), abs=1e-6)
    scores = [entry["score"] for entry in found]
    assert scores == sorted(scores, reverse=True)
    assert sum(scores) == pytest.approx(1.0)
    json.dumps(found)


def test_defaults_are_twelve_views_and_y_up(pipe, box):
    assert pipe(box) == pipe(str(box), views=12, up_axis="y")
    assert pipe(box) != pipe(box, up_axis="z")


def test_no_views_means_the_cloud_alone(pipe):
    points = cloud(0)
    assert scores_of(pipe(points, views=0)) == pytest.approx(fused(pipe, points=points), abs=1e-6)


def test_a_model_without_image_tower_looks_at_the_cloud_alone(pipe, box):
    toy = PointCloudClassificationPipeline(toy_model(vision_config=None), processor=pipe.processor, device="cpu")
    assert toy(box) == toy(box, views=0)
    with pytest.raises(ValueError, match="no image tower"):
        toy(box, views=2)


def test_images_take_the_place_of_drawn_views(pipe):
    images = [np.full((40, 50, 3), level, dtype=np.uint8) for level in (20, 120)]
    points = cloud(1)
    expected = fused(pipe, points=points, images=[images])
    assert scores_of(pipe({"points": points, "images": images})) == pytest.approx(expected, abs=1e-6)
    assert scores_of(pipe({"images": images})) == pytest.approx(fused(pipe, images=[images]), abs=1e-6)


def test_options_of_the_pipeline_are_overridden_by_the_call_s(folder, box):
    pipe = pipeline(TASK, model=str(folder), views=0, top_k=1, device="cpu")
    assert pipe(box) == pipe(box, views=0, top_k=3)[:1]
    assert len(pipe(box, top_k=2)) == 2


def test_batches_agree_with_single_objects(pipe, box):
    objects = [str(box), cloud(2, 33), trimesh.creation.icosphere(1), torch.from_numpy(cloud(3)), box]
    single = [pipe(item, views=2) for item in objects]
    assert single[0] == single[4] != single[1]
    for batched in (
        pipe(objects, views=2),
        pipe(objects, views=2, batch_size=2),
        pipe(tuple(objects), views=2, batch_size=5),
        list(pipe((item for item in objects), views=2, batch_size=2)),
    ):
        for one, other in zip(single, batched, strict=True):
            assert scores_of(other) == pytest.approx(scores_of(one), abs=1e-5)
    clouds = np.stack([cloud(4), cloud(5)])
    for one, other in zip([pipe(item, views=0) for item in clouds], pipe(clouds, views=0), strict=True):
        assert scores_of(other) == pytest.approx(scores_of(one), abs=1e-5)


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    folder = make_dataset(tmp_path_factory.mktemp("pairs"), train=3)
    return load_dataset(str(folder), split="train", cache_dir=str(folder / "cache"))


def test_a_data_set_its_rows_and_its_columns_are_classified(pipe, rows):
    expected = [pipe({"points": row["points"], "images": row["views"]}) for row in rows]
    for found in (
        pipe(rows),
        pipe(list(rows)),
        list(pipe((row for row in rows), batch_size=2)),
        pipe(rows, batch_size=2),
    ):
        for one, other in zip(expected, found, strict=True):
            assert scores_of(other) == pytest.approx(scores_of(one), abs=1e-5)
    clouds = [pipe(np.asarray(row["points"]), views=0) for row in rows]
    for found in (pipe(rows["points"], views=0), list(pipe(KeyDataset(rows, "points"), views=0))):
        for one, other in zip(clouds, found, strict=True):
            assert scores_of(other) == pytest.approx(scores_of(one), abs=1e-5)
    streamed = pipe(rows.to_iterable_dataset())
    assert scores_of(next(iter(streamed))) == pytest.approx(scores_of(expected[0]), abs=1e-5)


def test_objects_of_a_batch_may_have_different_photographs(pipe):
    photographs = [Image.fromarray(np.full((40, 50, 3), level, dtype=np.uint8)) for level in (20, 120, 200)]
    objects = [
        {"points": cloud(1), "images": photographs[0]},  # one, not in a list
        {"points": cloud(2), "images": photographs},
        {"images": photographs[:2]},
        {"points": cloud(3), "images": np.asarray(photographs[1])},
    ]
    single = [pipe(item) for item in objects]
    for one, other in zip(single, pipe(objects, batch_size=4), strict=True):
        assert scores_of(other) == pytest.approx(scores_of(one), abs=1e-5)
    expected = fused(pipe, points=cloud(1), images=[photographs[:1]])
    assert scores_of(single[0]) == pytest.approx(expected, abs=1e-6)


def test_open_files_and_bytes_in_memory_are_objects(pipe, box):
    expected = scores_of(pipe(str(box), views=0))
    with box.open("rb") as handle:
        assert scores_of(pipe(handle, views=0)) == pytest.approx(expected, abs=1e-6)
    assert scores_of(pipe(io.BytesIO(box.read_bytes()), views=0)) == pytest.approx(expected, abs=1e-6)


def test_doubt_is_told_with_the_most_probable_class(pipe, tmp_path):
    flat = cloud(8) * [1.0, 1.0, 0.0]
    first, *others = pipe(flat, views=0)
    assert any("flat" in note for note in first["notes"]) and not any("notes" in entry for entry in others)
    holed = np.insert(cloud(9), 4, np.nan, axis=0)
    np.save(tmp_path / "holed.npy", holed)
    assert "1 of 91 points have NaN" in pipe(str(tmp_path / "holed.npy"), views=0, top_k=1)[0]["notes"][-1]


@pytest.mark.parametrize("labels", [["a box", "something like a ball"], "a box,  something like a ball"])
def test_candidate_labels_make_a_classifier_for_the_call(pipe, folder, labels):
    names = ["a box", "something like a ball"]
    other = CrossMoSTModel.from_pretrained(folder).eval()
    other.set_classes(names, templates=["this is {}"], tokenizer=pipe.processor.tokenizer)
    points = cloud(6)
    before = pipe(points, views=2)
    found = pipe(points, views=2, candidate_labels=labels, prompt_templates="this is {}")
    assert scores_of(found, names) == pytest.approx(fused(pipe, other, points=points, render_views=2), abs=1e-6)
    default = pipe(points, views=2, candidate_labels=labels)  # other prompts are another classifier
    assert scores_of(default, names) != pytest.approx(scores_of(found, names), abs=1e-6)
    assert pipe(points, views=2) == before
    assert pipe.model.config.class_names == CLASSES


def test_it_fuses_views_as_the_configuration_says(pipe, folder):
    other = pipeline(TASK, model=str(folder), device="cpu")
    other.model.config.image_star_from = "logits"
    points, names = cloud(7), ["a box", "a tube"]
    expected = fused(other, points=points, render_views=3)
    assert scores_of(other(points, views=3)) == pytest.approx(expected, abs=1e-6)
    assert scores_of(other(points, views=3)) != pytest.approx(scores_of(pipe(points, views=3)), abs=1e-6)
    assert len(other(points, views=3, candidate_labels=names)) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"candidate_labels": ["only one"]}, "at least two classes"),
        ({"candidate_labels": "a, a"}, "repeats 'a'"),
        ({"candidate_labels": ["a", "b"], "prompt_templates": ["no place"]}, "must hold exactly one {}"),
        ({"top_k": 0}, "top_k must be at least 1, got 0"),
        ({"views": -1}, "views must be at least 0, got -1"),
        ({"up_axis": "up"}, "one of x, y, z, -x, -y, -z, got 'up'"),
    ],
)
def test_bad_options_give_one_sentence(pipe, options, message):
    with pytest.raises(ValueError, match=message) as caught:
        pipe(cloud(0), **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([], "There is no object"),
        ("none.glb", "none.glb: there is no such file"),
        ({"points": cloud(0), "photographs": []}, "unknown key 'photographs': pass mesh or points, and images"),
        ({"label": 3}, "neither mesh, points nor images"),
        (np.zeros((3, 50)), "transpose it"),
    ],
)
def test_bad_objects_give_one_sentence(pipe, inputs, message):
    with pytest.raises(ValueError, match=message):
        pipe(inputs)


@pytest.mark.parametrize("options", [{"task": TASK}, {}, {"trust_remote_code": True}, {"trust_remote_code": None}])
def test_the_installed_class_is_found_by_task_or_folder(folder, pipe, options):
    found = pipeline(model=str(folder), device="cpu", **options)
    assert type(found) is PointCloudClassificationPipeline
    assert type(found.model) is CrossMoSTModel
    assert found(cloud(8), views=1) == pipe(cloud(8), views=1)


def test_saving_the_pipeline_saves_model_processor_and_code(pipe, folder, tmp_path):
    pipe.save_pretrained(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in folder.iterdir()}
    again = pipeline(model=str(tmp_path), device="cpu")
    assert again(cloud(9), views=1) == pipe(cloud(9), views=1)


def test_a_self_training_checkpoint_is_a_plain_model_to_others(pipe, tmp_path):
    CrossMoSTForSelfTraining(pipe.model.config).save_pretrained(tmp_path)
    pipe.processor.save_pretrained(tmp_path)
    saved = json.loads((tmp_path / "config.json").read_text())
    assert saved["auto_map"] == {
        "AutoConfig": "configuration_crossmost.CrossMoSTConfig",
        "AutoModel": "modeling_crossmost.CrossMoSTModel",
        "AutoModelForPreTraining": "modeling_crossmost.CrossMoSTForSelfTraining",
    }
    assert len(pipeline(model=str(tmp_path), device="cpu")(cloud(0), views=1)) == 3
