"""The furniture catalogue: every family, captions that are true and few-worded, and the two domains."""

from collections import Counter

import numpy as np
import pytest
import trimesh
from dataset_scripts.furniture.parts import Shape, box

from dataset_scripts.furniture import cabinetry, curved_cases, domains
from dataset_scripts.furniture.captions import (
    CAPTION_KINDS,
    SYNONYMS,
    USUAL_SIZE,
    adjectives,
    captions,
    colour_name,
    with_article,
)
from dataset_scripts.furniture.catalogue import CLASSES, FAMILIES, FUNCTIONS, STRETCH, WEIGHTS, make_object


GREY = (0.5, 0.5, 0.5)
EVERY_FAMILY = [(name, family) for name, table in FAMILIES.items() for family in table]
OBJECTS_PER_CLASS = 200


@pytest.fixture(scope="module")
def objects():
    return {name: [make_object(name, seed) for seed in range(OBJECTS_PER_CLASS)] for name in CLASSES}


def words(objects):
    return Counter(
        word.strip(".,")
        for made in objects.values()
        for item in made
        for caption in item.captions
        for word in caption.split()
    )


# ------------------------------------------------------------------------------------------------ catalogue


def test_classes_are_those_of_modelnet10_in_label_order():
    assert (
        *("bathtub", "bed", "chair", "desk", "dresser"),
        *("monitor", "night stand", "sofa", "table", "toilet"),
    ) == CLASSES
    assert all(len(table) >= 6 for table in FAMILIES.values())
    assert all(6 <= len(FUNCTIONS[name]) <= 10 for name in CLASSES)
    assert set(FUNCTIONS["dresser"]) & set(FUNCTIONS["night stand"])


@pytest.mark.parametrize(("class_name", "family"), EVERY_FAMILY)
def test_every_family_stands_on_the_floor_and_stays_small(class_name, family):
    build = FAMILIES[class_name][family]
    sizes = []
    for seed in range(6):
        shape = build(np.random.default_rng(seed))
        mesh = shape.merged()
        points = np.asarray(mesh.vertices)
        assert np.isfinite(points).all()
        assert points[:, 1].min() == pytest.approx(0.0, abs=1e-9)
        assert np.abs(points.min(0) + points.max(0))[[0, 2]].max() < 1e-9
        assert 12 <= len(mesh.faces) <= 6000
        assert np.ptp(points, axis=0).min() > 0.005
        assert np.ptp(points, axis=0).max() < 6.0
        assert shape.family and all(detail == detail.strip() and detail for detail in shape.details)
        sizes.append(tuple(np.ptp(points, axis=0).round(6)))
    assert len(set(sizes)) > 3


def test_an_object_depends_on_class_and_seed_alone():
    first = make_object("dresser", 7)
    np.random.seed(0)  # noqa: NPY002 - the global generator must not matter
    again = make_object("dresser", 7)
    assert np.array_equal(first.mesh.vertices, again.mesh.vertices)
    assert np.array_equal(first.mesh.visual.face_colors, again.mesh.visual.face_colors)
    assert (first.family, first.captions) == (again.family, again.captions)
    other = make_object("dresser", 8)
    assert first.mesh.vertices.shape != other.mesh.vertices.shape or not np.allclose(
        first.mesh.vertices, other.mesh.vertices
    )
    assert not np.array_equal(first.mesh.vertices, make_object("night stand", 7).mesh.vertices)


def test_an_unknown_class_is_one_clear_error():
    with pytest.raises(ValueError, match=r"no furniture class 'lamp'.*bathtub"):
        make_object("lamp", 0)


def test_weights_name_families_and_rare_ones_are_rarer(objects):
    assert all(
        family in FAMILIES[name] and 0 < weight < 1 for name in WEIGHTS for family, weight in WEIGHTS[name].items()
    )
    drawn = Counter(item.family for item in objects["night stand"])
    assert 0 < drawn["tray beside a bed"] < drawn["night stand with a shelf"]


def test_objects_are_finite_coloured_and_stretched(objects):
    for name, made in objects.items():
        assert len({item.family for item in made}) >= 4
        for item in made:
            assert item.class_name == name
            assert np.isfinite(item.mesh.vertices).all()
            assert item.mesh.visual.face_colors.shape == (len(item.mesh.faces), 4)
    assert STRETCH == (0.8, 1.25)
    # The stretch leaves the floor where it was.
    assert all(abs(item.mesh.vertices[:, 1].min()) < 1e-9 for item in objects["table"])


def test_dressers_and_night_stands_have_wide_and_different_proportions(objects):
    ratios = {}
    for name in ("dresser", "night stand"):
        extents = np.array([np.ptp(item.mesh.vertices, axis=0) for item in objects[name]])
        ratios[name] = extents[:, 0] / extents[:, 1]
    assert np.quantile(ratios["dresser"], 0.05) < 0.75
    assert np.quantile(ratios["dresser"], 0.95) > 1.8
    assert 0.7 < np.median(ratios["night stand"]) < 1.1
    assert np.ptp(np.quantile(ratios["dresser"], (0.1, 0.9))) > np.ptp(np.quantile(ratios["night stand"], (0.1, 0.9)))


# ------------------------------------------------------------------------------------------------ captions


def test_each_object_has_one_caption_of_each_kind(objects):
    for name, made in objects.items():
        for item in made:
            assert len(item.captions) == len(CAPTION_KINDS) == 5
            assert all(caption and caption == caption.lower() for caption in item.captions)
            assert item.captions[0] == f"a {name}"
            assert item.captions[2] in [phrase.lower() for phrase in FUNCTIONS[name]]
            assert item.family.lower() in item.captions[4]


def test_captions_call_objects_by_class_name_half_of_the_time_and_use_the_prompts(objects):
    for name, made in objects.items():
        named = [item.captions[1] for item in made]
        assert sum(name in caption for caption in named) / len(named) > 0.35
        assert any(synonym in caption for synonym in SYNONYMS[name] for caption in named)
    everything = " | ".join(item.captions[1] for made in objects.values() for item in made)
    for frame in ("a photo of a", "a 3d model of a", "a point cloud model of a", "a depth map of a"):
        assert f"{frame} {CLASSES[0]}" in everything


def test_vocabulary_is_some_hundreds_of_words(objects):
    known = words(objects)
    assert 300 < len(known) <= 800
    wanted = (
        "couch nightstand bedside tub screen television armchair stool drawers cabinet cupboard sleep sit wooden white"
    )
    assert set(wanted.split()) <= set(known)


def test_nobody_promises_drawers_that_are_not_there(objects):
    shape = Shape([box((0.5, 0.5, 0.5), (0, 0.25, 0), GREY)], "open night stand", ["an open shelf"])
    mesh = shape.merged()
    for seed in range(60):
        told = captions("night stand", shape, FUNCTIONS["night stand"], mesh, np.random.default_rng(seed))
        assert not any("drawer" in caption for caption in told)
    shape.details.append("two drawers")
    told = [captions("night stand", shape, FUNCTIONS["night stand"], mesh, np.random.default_rng(s)) for s in range(60)]
    assert any("drawer" in caption[2] for caption in told)
    assert any("two drawers" in caption[3] for caption in told)


@pytest.mark.parametrize(
    ("noun", "phrase"),
    [
        ("chair", "a chair"),
        ("oval table", "an oval table"),
        ("U shaped sofa", "a U shaped sofa"),
        ("L shaped desk", "an L shaped desk"),
        ("one-piece toilet", "a one-piece toilet"),
        ("two monitors", "two monitors"),
    ],
)
def test_articles(noun, phrase):
    assert with_article(noun) == phrase


@pytest.mark.parametrize(
    ("colour", "word"),
    [
        ((0.9, 0.9, 0.9), "white"),
        ((0.4, 0.4, 0.4), "grey"),
        ((0.05, 0.05, 0.05), "black"),
        ((0.4, 0.25, 0.12), "brown"),
        ((0.8, 0.7, 0.55), "beige"),
        ((0.7, 0.1, 0.1), "red"),
        ((0.1, 0.6, 0.2), "green"),
        ((0.1, 0.2, 0.7), "blue"),
    ],
)
def test_an_object_has_the_colour_of_most_of_its_surface(colour, word):
    large, small = box((1, 1, 1), (0, 0.5, 0), colour), box((0.2, 0.2, 0.2), (0, 1.1, 0), (0.9, 0.1, 0.9))
    assert colour_name(Shape([small, large], "thing").merged()) == word


def test_adjectives_follow_the_proportions():
    usual = USUAL_SIZE["dresser"]

    def said(width, height, depth):
        shape = Shape([box((width, height, depth), (0, height / 2, 0), (0.4, 0.25, 0.12))], "dresser")
        return set(adjectives("dresser", shape, shape.merged()))

    assert said(0.6 * usual, 0.55 * usual, 0.55 * usual) == {"brown", "wooden"}
    assert {"tall", "narrow"} <= said(0.4, 1.5, 0.4)
    assert {"wide", "low", "long", "large"} <= said(2 * usual, 0.5 * usual, 0.6 * usual)
    assert "small" in said(0.3, 0.3, 0.3)


# ------------------------------------------------------------------------------------------------ cases


def finish(**changes):
    plain = {
        "wood": GREY,
        "front": GREY,
        "metal": GREY,
        "look": "proud",
        "handle": "knob",
        "hollow": True,
        "boxes": True,
        "thickness": 0.02,
    }
    return cabinetry.Finish(**{**plain, **changes})


def test_a_grid_tiles_the_front():
    body = cabinetry.Body(1.2, 0.8, 0.5, bottom=0.1)
    cells = cabinetry.grid(body, [1.0, 2.0], [1.0, 1.0, 2.0], margin=0.0)
    assert sum(cell.width * cell.height for cell in cells) == pytest.approx(1.2 * 0.8)
    assert min(cell.low for cell in cells) == pytest.approx(0.1)
    assert max(cell.high for cell in cells) == pytest.approx(body.top)
    assert cabinetry.describe(cells) == ["six drawers"]
    assert cabinetry.describe(cabinetry.double_doors(cells[0])) == ["two doors"]
    split = cabinetry.split_top_row(cabinetry.grid(body, [1.0, 1.0], [1.0]))
    assert cabinetry.describe(split) == ["three drawers"]
    assert cabinetry.describe([cabinetry.Cell(0, 1, 0, 1, "open")]) == ["an open shelf"]


@pytest.mark.parametrize("look", cabinetry.LOOKS)
@pytest.mark.parametrize("handle", cabinetry.HANDLES)
def test_cases_are_made_of_closed_solids(look, handle):
    body = cabinetry.Body(0.9, 0.8, 0.5, bottom=0.1)
    kinds = ("drawer", "drawer", "door", "door left", "open", "glass")
    cells = [
        cabinetry.Cell(c.left, c.right, c.low, c.high, kind)
        for c, kind in zip(cabinetry.grid(body, [1.0] * 3, [1.0] * 2), kinds, strict=True)
    ]
    parts = cabinetry.fill(np.random.default_rng(0), body, cells, finish(look=look, handle=handle))
    for part in parts:
        assert part.mesh.is_watertight and part.mesh.is_winding_consistent and part.mesh.volume > 0


@pytest.mark.parametrize("kind", curved_cases.BOWS)
def test_bowed_cases_stay_in_their_box(kind):
    body = cabinetry.Body(1.0, 0.8, 0.5, bottom=0.1)
    parts = curved_cases.bowed_case(np.random.default_rng(0), body, 3, kind, finish(handle="none"))
    points = np.concatenate([part.mesh.vertices for part in parts])
    assert np.abs(points[:, 0]).max() <= 0.53
    assert np.abs(points[:, 2]).max() <= 0.28
    assert points[:, 1].min() == pytest.approx(0.1)
    assert all(part.mesh.is_watertight and part.mesh.volume > 0 for part in parts)


def test_bulging_cases_follow_their_profile():
    body = cabinetry.Body(1.0, 1.0, 0.5)
    solid = curved_cases.bulging_case(body, 2, "narrow foot", finish(handle="none"))[0].mesh
    at = {level: np.ptp(solid.vertices[np.isclose(solid.vertices[:, 1], level)], axis=0) for level in (0.0, 1.0)}
    assert at[0.0][[0, 2]] == pytest.approx((0.7, 0.35))
    assert at[1.0][[0, 2]] == pytest.approx((1.0, 0.5))


def test_unknown_kinds_are_named():
    with pytest.raises(ValueError, match="unknown handle 'rope'"):
        cabinetry.handle("rope", (0, 0, 0), 0.4, 0.2, GREY)
    with pytest.raises(ValueError, match="unknown stand 'wheels'"):
        cabinetry.stand(np.random.default_rng(0), "wheels", 1.0, 0.5, finish())
    with pytest.raises(ValueError, match="unknown front 'zigzag'"):
        curved_cases.front_line("zigzag", 1.0, 0.1)


# ------------------------------------------------------------------------------------------------ domains


@pytest.fixture(scope="module")
def ball():
    return trimesh.creation.icosphere(subdivisions=4)


def raw_scan(monkeypatch, mesh, count, seed, noise=0.0, scale=(1.0, 1.0)):
    """Points of a scan before normalisation, with the other disturbances fixed."""
    monkeypatch.setattr(domains, "normalize_points", lambda points: points)
    monkeypatch.setattr(domains, "NOISE", noise)
    monkeypatch.setattr(domains, "AXIS_SCALE", scale)
    return domains.scan_instance(mesh, count, np.random.default_rng(seed)).points


def test_how_hard_the_scan_is_cannot_be_tuned():
    assert (domains.UNSEEN_SHARE, domains.NOISE) == ((0.3, 0.5), 0.01)
    assert (domains.FLOOR_SHARE, domains.AXIS_SCALE) == ((0.05, 0.15), (0.7, 1.4))


def test_a_scanner_misses_30_to_50_percent_of_a_ball(monkeypatch, ball):
    shares = []
    for seed in range(12):
        points = raw_scan(monkeypatch, ball, 3000, seed)
        surface = points[points[:, 1] > points[:, 1].min() + 1e-6]
        surface = surface[np.abs(np.linalg.norm(surface, axis=1) - 1) < 0.02]
        # A scanner sees a cap; the area of a cap down to the height t along its axis is (1 - t) / 2 of the ball.
        axis = surface.mean(axis=0) / np.linalg.norm(surface.mean(axis=0))
        shares.append((1 + (surface @ axis).min()) / 2)
    assert min(shares) > 0.27
    assert max(shares) < 0.52
    assert np.ptp(shares) > 0.08


def test_visible_samples_come_before_hidden_ones():
    mesh = make_object("chair", 3).mesh
    rng = np.random.default_rng(0)
    points, faces = trimesh.sample.sample_surface(mesh, 150, seed=1)
    direction = rng.normal(size=3) * (1, 0.2, 1)
    direction /= np.linalg.norm(direction)
    normals = mesh.face_normals[faces]
    order = domains.visible_first(mesh, points, normals, direction)
    assert sorted(order) == list(range(150))
    starts = points + 1e-3 * mesh.scale * normals * np.where(normals @ direction >= 0, 1, -1)[:, None]
    hidden = hits_any(mesh.triangles, starts, direction)
    count = int((~hidden).sum())
    assert 10 < count < 140
    agree = (~hidden[order[:count]]).mean()
    assert agree > 0.97
    along = points[order[:count]] @ direction
    assert (np.diff(along) <= 1e-9).all()


def hits_any(triangles, starts, direction):
    """Moeller and Trumbore's test of every ray against every triangle."""
    first, second = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    cross = np.cross(direction, second)
    determinant = (first * cross).sum(axis=1)
    usable = np.abs(determinant) > 1e-14
    inverse = 1.0 / np.where(usable, determinant, 1.0)
    result = np.zeros(len(starts), dtype=bool)
    for index, start in enumerate(starts):
        away = start - triangles[:, 0]
        u = (away * cross).sum(axis=1) * inverse
        turned = np.cross(away, first)
        v, distance = turned @ direction * inverse, (second * turned).sum(axis=1) * inverse
        result[index] = (usable & (u >= 0) & (v >= 0) & (u + v <= 1) & (distance > 1e-9)).any()
    return result


def test_5_to_15_percent_of_the_points_lie_on_the_floor(monkeypatch, ball):
    shares = []
    for seed in range(20):
        points = raw_scan(monkeypatch, ball, 1000, seed)
        on_floor = points[:, 1] <= points[:, 1].min() + 1e-9
        shares.append(on_floor.mean())
        reach = np.linalg.norm(points[on_floor][:, [0, 2]], axis=1).max()
        assert 1.0 < reach <= 1.2 * np.sqrt(2) + 1e-3
    assert min(shares) >= 0.0495
    assert max(shares) <= 0.1505
    assert np.ptp(shares) > 0.05


def test_noise_is_a_hundredth_of_the_radius(monkeypatch, ball):
    points = raw_scan(monkeypatch, ball, 4000, 0, noise=domains.NOISE)
    off = np.linalg.norm(points, axis=1) - 1
    surface = off[(points[:, 1] > -0.6) & (np.abs(off) < 0.2)]
    assert surface.std() == pytest.approx(0.01 * np.sqrt(3), rel=0.1)


def test_both_domains_give_normalised_clouds_and_finite_meshes():
    for class_name in CLASSES:
        made = make_object(class_name, 1)
        for build in (domains.clean_instance, domains.scan_instance):
            instance = build(made.mesh, 512, np.random.default_rng(2))
            assert instance.points.shape == (512, 3) and instance.points.dtype == np.float32
            assert np.abs(instance.points.mean(axis=0)).max() < 1e-5
            assert np.linalg.norm(instance.points, axis=1).max() == pytest.approx(1.0, abs=1e-5)
            assert np.isfinite(instance.mesh.vertices).all()
            assert instance.mesh.visual.face_colors.shape == (len(instance.mesh.faces), 4)
            again = build(made.mesh, 512, np.random.default_rng(2))
            assert np.array_equal(instance.points, again.points)


def test_clean_keeps_the_shape_at_any_yaw(monkeypatch):
    mesh = make_object("sofa", 0).mesh
    placed = [domains.clean_instance(mesh, 64, np.random.default_rng(seed)).mesh for seed in range(3)]
    for copy in placed:
        assert np.allclose(copy.edges_unique_length, mesh.edges_unique_length)
        assert np.allclose(copy.vertices[:, 1], mesh.vertices[:, 1])
    assert not np.allclose(placed[0].vertices, placed[1].vertices)


def test_the_scan_is_lit_from_a_lamp_in_the_room_before_a_wall():
    styles = [domains.scan_view_style(np.random.default_rng(seed)) for seed in range(20)]
    clean = [domains.clean_view_style(np.random.default_rng(seed)) for seed in range(20)]
    assert {style.light_frame for style in styles} == {"world"} != {style.light_frame for style in clean}
    assert len({style.background_top for style in styles}) == len({style.base_colour for style in styles}) == 20
    assert not any(style.use_colours for style in styles) and any(style.use_colours for style in clean)
    assert all(
        max(style.base_colour) == pytest.approx(210.0) and min(style.base_colour) >= 0.55 * 210.0 for style in styles
    )
    assert all(style.background_top != style.background_bottom for style in styles)
    assert all(style.background_top == style.background_bottom for style in clean)
