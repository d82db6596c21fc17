"""Building blocks of the procedural furniture, and every family of seats, tables, desks and beds made of them."""

import numpy as np
import pytest

from dataset_scripts.furniture import parts as blocks
from dataset_scripts.furniture.beds import BED
from dataset_scripts.furniture.captions import FUNCTIONS
from dataset_scripts.furniture.chairs import CHAIR
from dataset_scripts.furniture.desks import DESK
from dataset_scripts.furniture.sofas import SOFA
from dataset_scripts.furniture.supports import LEG_STYLES, PEDESTALS, leg, pedestal
from dataset_scripts.furniture.tables import TABLE


GREY = (0.5, 0.5, 0.5)
ELL = np.array([(0, 0), (2, 0), (2, 1), (1, 1), (1, 2), (0, 2)], dtype=float)
STAR = np.array(
    [((2 if k % 2 else 1) * np.cos(k * np.pi / 5), (2 if k % 2 else 1) * np.sin(k * np.pi / 5)) for k in range(10)]
)
CLASSES = {"chair": CHAIR, "sofa": SOFA, "table": TABLE, "desk": DESK, "bed": BED}
FAMILIES = [(name, family) for name, table in CLASSES.items() for family in table]


def polygon_area(polygon):
    """Shoelace formula."""
    x, y = np.asarray(polygon, dtype=float).T
    return abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def regular_area(radius, sections):
    """Area of a regular polygon with `sections` corners at `radius`."""
    return 0.5 * sections * radius**2 * np.sin(2 * np.pi / sections)


def face_areas(mesh):
    corners = np.asarray(mesh.vertices)[np.asarray(mesh.faces)]
    return np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2


# Each solid with its volume where a formula gives it.
SOLIDS = {
    "box": (lambda: blocks.box((1, 2, 3), (0, 1, 0), GREY), 6.0),
    "rounded box": (lambda: blocks.rounded_box((1, 2, 3), (0, 1, 0), 0.2, GREY), None),
    "cylinder x": (lambda: blocks.cylinder(1, 2, (1, 2, 3), GREY, axis="x", sections=24), 2 * regular_area(1, 24)),
    "cylinder z": (lambda: blocks.cylinder(1, 2, (1, 2, 3), GREY, axis="z", sections=24), 2 * regular_area(1, 24)),
    "cone": (lambda: blocks.frustum(1, 0, 3, (0, 0, 0), GREY, sections=24), regular_area(1, 24)),
    "frustum": (lambda: blocks.frustum(2, 1, 3, (0, 0, 0), GREY, sections=24), 7 * regular_area(1, 24)),
    "beam": (lambda: blocks.beam((0, 0, 0), (1, 1, 1), (0.1, 0.2), GREY), 0.02 * np.sqrt(3)),
    "level beam": (lambda: blocks.beam((0, 0, 0), (0, 0, 2), (0.1, 0.2), GREY), 0.04),
    "tapered beam": (lambda: blocks.beam((0, 1, 0), (0, 0, 0), 1.0, GREY, taper=0.5), (1 + 0.5 + 0.25) / 3),
    "rod": (lambda: blocks.rod((0, 0, 0), (0, -3, 4), 0.1, GREY, sections=12), 5 * regular_area(0.1, 12)),
    "straight tube": (lambda: blocks.tube([(0, 0, 0), (0, 1, 0), (0, 2, 0)], 0.1, GREY), 2 * regular_area(0.1, 8)),
    "bent tube": (lambda: blocks.tube(blocks.rounded_path([(0, 0, 0), (0, 1, 0), (1, 1, 0)], 0.2), 0.05, GREY), None),
    "ring": (lambda: blocks.tube([(1, 0, 0), (0, 0, 1), (-1, 0, 0), (0, 0, -1)], 0.1, GREY, closed=True), None),
    "revolved": (lambda: blocks.revolve([(0.1, 0), (0.3, 0.2), (0.1, 0.5), (0, 1)], (0, 0, 0), GREY), None),
    "vessel": (lambda: blocks.revolve([(0.3, 0), (0.3, 1), (0.2, 1), (0.2, 0.1)], (0, 0, 0), GREY), None),
    "ell xy": (lambda: blocks.extrude(ELL, 0.5, (0, 0, 0), GREY, "xy"), 1.5),
    "ell xz": (lambda: blocks.extrude(ELL[::-1], 0.5, (0, 0, 0), GREY, "xz"), 1.5),
    "ell zy": (lambda: blocks.extrude(ELL, 0.5, (0, 0, 0), GREY, "zy"), 1.5),
    "star": (lambda: blocks.extrude(STAR, 2.0, (0, 0, 0), GREY, "xz"), 2 * polygon_area(STAR)),
    "mirrored": (lambda: blocks.extrude(ELL, 0.5, (0, 0, 0), GREY).mirrored("x").scaled((1, 2, 1)), 3.0),
    "cushion": (lambda: blocks.cushion((1, 0.3, 2), (0, 1, 0), GREY), None),
    "upright cushion": (lambda: blocks.cushion((1, 2, 0.3), (0, 1, 0), GREY, softness=1.0), None),
    "oval bowl": (lambda: blocks.bowl((0.8, 0.6, 1.7), (0, 0.3, 0), GREY, "oval"), None),
    "egg bowl": (lambda: blocks.bowl((0.8, 0.6, 1.7), (0, 0.3, 0), GREY, "egg"), None),
}


@pytest.mark.parametrize("name", SOLIDS)
def test_solids_are_closed_wound_outwards_and_of_the_right_volume(name):
    build, volume = SOLIDS[name]
    mesh = build().mesh
    assert np.isfinite(mesh.vertices).all()
    assert face_areas(mesh).min() > 1e-8
    assert mesh.is_watertight and mesh.is_winding_consistent and mesh.volume > 0
    if volume is not None:
        assert mesh.volume == pytest.approx(volume, rel=1e-9)


def test_extents_and_centres_are_as_asked_for():
    for part in (
        blocks.box((1, 2, 3), (4, 5, 6), GREY),
        blocks.rounded_box((1, 2, 3), (4, 5, 6), 0.3, GREY),
        blocks.cushion((1, 2, 3), (4, 5, 6), GREY),
        blocks.bowl((1, 2, 3), (4, 5, 6), GREY),
    ):
        np.testing.assert_allclose(part.mesh.bounds, [[3.5, 4, 4.5], [4.5, 6, 7.5]], atol=1e-9)


def test_a_sheet_has_the_volume_of_its_area_times_its_thickness():
    x, z = np.meshgrid(np.linspace(0, 1, 5), np.linspace(0, 2, 4))
    grid = np.stack([x, 0.5 * x, z], axis=-1)
    part = blocks.sheet(grid, 0.1, GREY)
    assert part.mesh.is_watertight
    assert part.mesh.volume == pytest.approx(2 * np.sqrt(1.25) * 0.1)


def test_a_bowl_is_open_above_its_cavity():
    tub = blocks.bowl((1, 1, 2), (0, 0.5, 0), GREY, "rectangle", rim=0.1, floor=0.2, outer=((1, 0), (1, 1)))
    centroids = np.asarray(tub.mesh.triangles_center)
    normals = np.asarray(tub.mesh.face_normals)
    middle = (np.abs(centroids[:, 0]) < 0.1) & (np.abs(centroids[:, 2]) < 0.2) & (normals[:, 1] > 0.9)
    assert centroids[middle, 1] == pytest.approx(0.2)


@pytest.mark.parametrize("polygon", [ELL, STAR, blocks.rounded_rectangle(2, 1, 0.2), blocks.outline_points("egg")])
def test_triangulation_covers_the_polygon_once(polygon):
    corners = polygon[blocks.triangulate(polygon)]
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    areas = (first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]) / 2
    assert len(areas) == len(polygon) - 2
    assert areas.min() > 0
    assert areas.sum() == pytest.approx(polygon_area(polygon))


def test_rotation_follows_the_right_hand_rule():
    np.testing.assert_allclose(blocks.rotation_matrix("y", 90) @ [0, 0, 1], [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(blocks.rotation_matrix("x", 90) @ [0, 1, 0], [0, 0, 1], atol=1e-12)
    turn = blocks.rotation_matrix((1, 1, 1), 120)
    np.testing.assert_allclose(turn @ [1, 2, 3], [3, 1, 2], atol=1e-12)
    part = blocks.box((1, 1, 1), (2, 0, 0), GREY).rotated("y", 180, about=(1, 0, 0))
    np.testing.assert_allclose(part.mesh.centroid, [0, 0, 0], atol=1e-12)


def test_parts_are_not_changed_by_moving_them():
    part = blocks.box((1, 1, 1), (0, 0, 0), GREY)
    moved = part.moved((1, 2, 3))
    np.testing.assert_allclose(part.mesh.centroid, 0, atol=1e-12)
    np.testing.assert_allclose(moved.mesh.centroid, [1, 2, 3], atol=1e-12)
    assert moved.colour == GREY


def test_merging_keeps_colours_and_puts_the_floor_at_zero():
    shape = blocks.Shape(
        [blocks.box((1, 1, 1), (5, 5, 5), (1, 0, 0)), blocks.cylinder(0.5, 1, (5, 7, 5), (0, 0, 1))],
        "test",
        ["two parts"],
    )
    mesh = shape.merged()
    np.testing.assert_allclose(mesh.bounds[:, 1], [0, 3])
    np.testing.assert_allclose(mesh.bounds.mean(axis=0)[[0, 2]], 0, atol=1e-12)
    colours = np.asarray(mesh.visual.face_colors)
    assert (colours[:12] == [255, 0, 0, 255]).all() and (colours[12:] == [0, 0, 255, 255]).all()
    assert len(mesh.faces) == sum(len(part.mesh.faces) for part in shape.parts)


@pytest.mark.parametrize("kind", ["wood", "metal", "fabric", "ceramic", "plastic", "any"])
def test_palette_gives_colours_in_range_that_depend_on_the_generator_alone(kind):
    colours = np.array([blocks.palette(np.random.default_rng(seed), kind) for seed in range(50)])
    assert colours.shape == (50, 3) and colours.min() >= 0 and colours.max() <= 1
    assert len(np.unique(colours, axis=0)) > 25
    assert blocks.palette(np.random.default_rng(3), kind) == tuple(colours[3])


def test_counted_writes_numbers_as_words():
    assert [blocks.counted(n, "drawer") for n in (1, 3, 40)] == ["one drawer", "three drawers", "many drawers"]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: blocks.box((1, 0, 1), (0, 0, 0), GREY), "box extents must be positive"),
        (lambda: blocks.box((1, np.nan, 1), (0, 0, 0), GREY), "box extents must be positive"),
        (lambda: blocks.cylinder(1, 1, (0, 0, 0), GREY, axis="w"), "unknown axis 'w'"),
        (lambda: blocks.beam((0, 0, 0), (0, 0, 0), 0.1, GREY), "two different points"),
        (lambda: blocks.extrude(ELL, 1, (0, 0, 0), GREY, plane="yx"), "unknown plane 'yx'"),
        (lambda: blocks.extrude([(0, 0), (1, 0)], 1, (0, 0, 0), GREY), "at least three corners"),
        (lambda: blocks.extrude([(0, 0), (3, 3), (0, 3), (2, 0)], 1, (0, 0, 0), GREY), "crosses itself"),
        (lambda: blocks.revolve([(1, 0), (0, 1), (1, 2)], (0, 0, 0), GREY), "two ends"),
        (lambda: blocks.bowl((1, 1, 1), (0, 0, 0), GREY, rim=0.6), "leave no cavity"),
        (lambda: blocks.tube([(0, 0, 0)], 0.1, GREY), "K >= 2"),
        (lambda: blocks.sheet(np.zeros((1, 3, 3)), 0.1, GREY), "grid of shape"),
        (lambda: blocks.palette(np.random.default_rng(0), "glue"), "unknown palette 'glue'"),
        (lambda: blocks.outline_points("heart"), "unknown outline 'heart'"),
        (lambda: blocks.Shape([], "nothing").merged(), "no parts"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(build, message):
    with pytest.raises(ValueError, match=message) as error:
        build()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("style", LEG_STYLES)
def test_legs_reach_from_top_to_floor(style):
    bounds = np.array([part.mesh.bounds for part in leg(style, (0.4, 0.7, 0.3), (0.4, 0.0, 0.3), 0.05, GREY)])
    assert bounds[:, 1, 1].max() == pytest.approx(0.7, abs=0.02)
    assert bounds[:, 0, 1].min() == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize("kind", PEDESTALS)
def test_pedestals_fill_the_height_below_a_top(kind):
    for seed in range(5):
        solids, phrase = pedestal(np.random.default_rng(seed), 0.4, 0.7, GREY, kind)
        mesh = blocks.Shape(solids, kind).merged()
        assert mesh.bounds[1, 1] == pytest.approx(0.7, abs=0.06)
        assert phrase


def check_family(name, family, seeds):
    """Every seed gives a sound object: finite, on the floor, few faces, plausible proportions, described."""
    build = CLASSES[name][family]
    for seed in seeds:
        shape = build(np.random.default_rng(seed))
        mesh = shape.merged()
        vertices = np.asarray(mesh.vertices)
        assert np.isfinite(vertices).all()
        assert vertices[:, 1].min() == pytest.approx(0.0, abs=1e-9)
        assert len(mesh.faces) <= 6000
        assert face_areas(mesh).min() > 0
        extents = np.ptp(vertices, axis=0)
        assert extents.min() / extents.max() > 0.08
        assert 0.2 < extents.max() < 7.0
        assert shape.family and shape.details
        assert all(phrase == phrase.strip() and "\n" not in phrase for phrase in shape.details)


@pytest.mark.parametrize(("name", "family"), FAMILIES)
def test_families_make_sound_objects(name, family):
    check_family(name, family, range(12))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "family"), FAMILIES)
def test_families_make_sound_objects_for_many_seeds(name, family):
    check_family(name, family, range(200))


@pytest.mark.parametrize(("name", "family"), FAMILIES)
def test_a_seed_decides_an_object_and_seeds_differ(name, family):
    build = CLASSES[name][family]
    first, again, other = (build(np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.merged().vertices, again.merged().vertices)
    np.testing.assert_array_equal(first.merged().visual.face_colors, again.merged().visual.face_colors)
    assert first.details == again.details
    sizes = [shape.merged().extents for shape in (first, other)]
    assert not np.allclose(sizes[0], sizes[1])


def test_every_class_has_many_families_and_shared_functions():
    assert all(len(table) >= 6 for table in CLASSES.values())
    for phrases in FUNCTIONS.values():
        assert 6 <= len(phrases) <= 10 and len(set(phrases)) == len(phrases)
    for first, second in (("chair", "sofa"), ("table", "desk"), ("sofa", "bed")):
        assert set(FUNCTIONS[first]) & set(FUNCTIONS[second])


@pytest.mark.parametrize("name", ["chair", "sofa"])
def test_backs_of_seats_stand_behind(name):
    behind = []
    for build in CLASSES[name].values():
        for seed in range(3):
            mesh = build(np.random.default_rng(seed)).merged()
            areas, middles = face_areas(mesh), np.asarray(mesh.triangles_center)
            high = middles[:, 1] > 0.75 * mesh.extents[1]
            depth = [np.average(middles[rows, 2], weights=areas[rows]) for rows in (high, ~high)]
            behind.append(depth[0] < depth[1])
    assert np.mean(behind) > 0.85


def test_desks_have_more_structure_below_the_top_than_tables():
    """What tells a desk from a table: the share of surface area that belongs neither to the top nor to level faces."""

    def upright_share(build):
        shares = []
        for seed in range(4):
            mesh = build(np.random.default_rng(seed)).merged()
            areas = face_areas(mesh)
            upright = np.abs(np.asarray(mesh.face_normals)[:, 1]) < 0.3
            shares.append(areas[upright].sum() / areas.sum())
        return np.mean(shares)

    desks = np.mean([upright_share(build) for build in DESK.values()])
    tables = np.mean([upright_share(build) for build in TABLE.values()])
    assert desks > tables + 0.1
