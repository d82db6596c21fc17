"""The furniture catalogue: every family makes sound objects, and captions are true and few-worded."""

from collections import Counter

import numpy as np
import pytest

from dataset_scripts.furniture import cases
from dataset_scripts.furniture.captions import (
    CAPTION_KINDS,
    FUNCTIONS,
    SYNONYMS,
    WORDS,
    adjectives,
    captions,
    color_name,
    with_article,
)
from dataset_scripts.furniture.catalogue import CLASSES, FAMILIES, STRETCH, WEIGHTS, make_object
from dataset_scripts.furniture.maker import Maker
from dataset_scripts.furniture.seats import ARMS, BACKS, SEATS, arms, back, seat
from dataset_scripts.furniture.supports import LEG_STYLES, PEDESTALS, TOPS, leg, pedestal, table_top


GRAY, BROWN = (0.5, 0.5, 0.5), (0.4, 0.25, 0.12)
EVERY_FAMILY = [(name, family) for name, table in FAMILIES.items() for family in table]
OBJECTS_PER_CLASS = 200


@pytest.fixture(scope="module")
def objects():
    return {name: [make_object(name, seed) for seed in range(OBJECTS_PER_CLASS)] for name in CLASSES}


def maker(seed=0, family="thing"):
    return Maker(np.random.default_rng(seed), family)


def build(class_name, family, seed):
    made = maker(seed, family)
    FAMILIES[class_name][family](made)
    return made


def thing(family, extents, color=GRAY, details=()):
    """An object that is one box on the floor."""
    made = maker(family=family)
    made.box(extents, (0, extents[1] / 2, 0), color=color)
    made.say(*details)
    return made


def assert_solids_are_closed(made):
    """The parts are closed and wound outwards."""
    mesh = made.merged()
    assert mesh.is_watertight and mesh.is_winding_consistent
    for solid, _ in made.parts:
        corners = (solid.vertices - solid.vertices.mean(axis=0))[solid.faces]
        assert np.linalg.det(corners).sum() > 0  # six times the volume


# ------------------------------------------------------------------------------------------------ families


def test_classes_are_those_of_modelnet10_in_label_order():
    assert (
        *("bathtub", "bed", "chair", "desk", "dresser"),
        *("monitor", "night stand", "sofa", "table", "toilet"),
    ) == CLASSES


def test_every_class_has_many_families_and_shares_functions_with_others():
    assert list(FAMILIES) == list(CLASSES)
    for name, table in FAMILIES.items():
        assert 12 <= len(table) <= 28, name
        assert all(family == family.strip() and family for family in table)
        assert 6 <= len(FUNCTIONS[name]) <= 10 and len(set(FUNCTIONS[name])) == len(FUNCTIONS[name])
    shared = ("chair", "sofa"), ("table", "desk"), ("dresser", "night stand"), ("bathtub", "toilet")
    assert all(set(FUNCTIONS[first]) & set(FUNCTIONS[second]) for first, second in shared)


def check_family(class_name, family, seeds):
    """Every seed gives a sound object: finite, on the floor, few faces, plausible proportions, described."""
    sizes = []
    for seed in seeds:
        made = build(class_name, family, seed)
        mesh = made.merged()
        points, extents = np.asarray(mesh.vertices), mesh.extents
        assert np.isfinite(points).all()
        assert points[:, 1].min() == pytest.approx(0.0, abs=1e-9)
        assert np.abs(points.min(0) + points.max(0))[[0, 2]].max() < 1e-9
        assert 12 <= len(mesh.faces) <= 6000
        assert mesh.area_faces.min() > 0
        # A screen may be as flat as a board.
        assert extents.min() > 0.005 and extents.min() / extents.max() > (0.01 if class_name == "monitor" else 0.08)
        assert 0.2 < extents.max() < 6.0
        assert made.family and made.details
        assert all(detail and detail == detail.strip() and "\n" not in detail for detail in made.details)
        sizes.append(tuple(extents.round(6)))
    assert len(set(sizes)) > len(sizes) / 2


@pytest.mark.parametrize(("class_name", "family"), EVERY_FAMILY)
def test_families_make_sound_objects(class_name, family):
    check_family(class_name, family, range(6))


@pytest.mark.slow
@pytest.mark.parametrize(("class_name", "family"), EVERY_FAMILY)
def test_families_make_sound_objects_for_many_seeds(class_name, family):
    check_family(class_name, family, range(200))


@pytest.mark.parametrize(("class_name", "family"), EVERY_FAMILY)
def test_a_seed_decides_an_object_of_closed_solids(class_name, family):
    first, again = (build(class_name, family, 1) for _ in range(2))
    assert_solids_are_closed(first)
    assert (first.family, first.details) == (again.family, again.details)
    for (solid, color), (other, other_color) in zip(first.parts, again.parts, strict=True):
        assert color == other_color
        np.testing.assert_array_equal(solid.vertices, other.vertices)


@pytest.mark.parametrize("name", ["chair", "sofa"])
def test_backs_of_seats_stand_behind(name):
    behind = []
    for family in FAMILIES[name]:
        for seed in range(3):
            mesh = build(name, family, seed).merged()
            areas, middles = mesh.area_faces, np.asarray(mesh.triangles_center)
            high = middles[:, 1] > 0.75 * mesh.extents[1]
            depth = [np.average(middles[rows, 2], weights=areas[rows]) for rows in (high, ~high)]
            behind.append(depth[0] < depth[1])
    assert np.mean(behind) > 0.85


def test_desks_have_more_structure_below_the_top_than_tables():
    """What tells a desk from a table: the share of surface area that belongs neither to the top nor to level faces."""

    def upright_share(class_name):
        shares = []
        for family in FAMILIES[class_name]:
            for seed in range(4):
                mesh = build(class_name, family, seed).merged()
                upright = np.abs(np.asarray(mesh.face_normals)[:, 1]) < 0.3
                shares.append(mesh.area_faces[upright].sum() / mesh.area)
        return np.mean(shares)

    assert upright_share("desk") > upright_share("table") + 0.1


# ------------------------------------------------------------------------------------------------ shared parts


@pytest.mark.parametrize("style", LEG_STYLES)
def test_legs_reach_from_top_to_floor(style):
    made = maker()
    leg(made, style, (0.4, 0.7, 0.3), (0.4, 0.0, 0.3), 0.05)
    assert made.bounds()[:, 1] == pytest.approx((0.0, 0.7), abs=0.02)


@pytest.mark.parametrize("kind", PEDESTALS)
def test_pedestals_fill_the_height_below_a_top(kind):
    for seed in range(5):
        made = maker(seed)
        phrase = pedestal(made, 0.4, 0.7, kind)
        assert made.merged().bounds[1, 1] == pytest.approx(0.7, abs=0.06)
        assert phrase and "{" not in phrase


@pytest.mark.parametrize("kind", TOPS)
def test_tops_lie_at_their_height_within_their_rectangle(kind):
    for seed in range(5):
        made = maker(seed)
        thickness, phrase = table_top(made, kind, 1.2, 0.7, 0.75)
        low, high = made.bounds()
        assert (low[1], high[1]) == pytest.approx((0.75 - thickness, 0.75), abs=0.002)
        assert np.all(np.abs([low, high])[:, [0, 2]] <= np.array([0.6, 0.35]) + 1e-9)
        assert phrase and "{" not in phrase


@pytest.mark.parametrize("kind", SEATS)
def test_seats_end_at_their_upper_side(kind):
    made = maker()
    thickness, phrase = seat(made, kind, 0.5, 0.45, 0.46, BROWN)
    # The edges of a dished seat rise.
    assert made.bounds()[:, 1] == pytest.approx((0.46 - thickness, 0.46), abs=0.035 if kind == "dished" else 0.02)
    assert "seat" in phrase


@pytest.mark.parametrize("kind", BACKS)
def test_backs_lean_backwards_from_the_seat(kind):
    made = maker()
    phrase = back(made, kind, 0.45, 0.5, BROWN, 12.0, (0, 0.45, -0.2))
    points = np.concatenate([solid.vertices for solid, _ in made.parts])
    upper, lower = points[points[:, 1] > 0.85], points[points[:, 1] < 0.55]
    assert points[:, 1].max() == pytest.approx(0.45 + 0.5 * np.cos(np.deg2rad(12)), abs=0.05)
    assert upper[:, 2].mean() < lower[:, 2].mean()
    assert "back" in phrase


@pytest.mark.parametrize("kind", ARMS)
def test_arms_stand_on_both_sides_of_the_seat(kind):
    made = maker()
    assert arms(made, kind, 0.5, 0.45, 0.46, 0.2, BROWN) == "two arm rests"
    (left, _, _), (right, top, _) = made.bounds()
    assert left == pytest.approx(-right) and right > 0.25
    assert 0.6 < top < 0.8


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: leg(m, "wheel", (0, 1, 0), (0, 0, 0), 0.1), "unknown leg style 'wheel'"),
        (lambda m: seat(m, "swing", 1, 1, 1, GRAY), "unknown seat 'swing'"),
        (lambda m: back(m, "none", 1, 1, GRAY, 0, (0, 0, 0)), "unknown back 'none'"),
        (lambda m: arms(m, "wings", 1, 1, 1, 1, GRAY), "unknown arms 'wings'"),
    ],
)
def test_unknown_kinds_are_named(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call(maker())
    assert "\n" not in str(error.value)


# ------------------------------------------------------------------------------------------------ cases


LOOKS, HANDLES = ("proud", "grooves", "inset", "framed"), ("knob", "bar", "arc", "ring", "cup", "lip", "none")
WHOLE = cases.Cell(0.0, 0.5, 1.2, 0.8)


def finish(**changes):
    plain = {"front": GRAY, "metal": GRAY, "handle": "knob", "look": "proud", "hollow": True, "boxes": True}
    return cases.Finish(**{**plain, **changes})


@pytest.mark.parametrize(
    ("front", "count", "said"),
    [
        ("d", 1, ["one drawer"]),
        ("(d|d){3}", 6, ["six drawers"]),
        ("(d|d)/d{2}", 4, ["four drawers"]),
        ("D|L", 2, ["two doors"]),
        ("d/D:1.3-2.5", 2, ["one drawer", "one door"]),
        ("d{3}|(o/g)", 5, ["three drawers", "one glass door", "an open shelf"]),
        ("o{2}", 2, ["open shelves"]),
        ("p", 1, []),
    ],
)
def test_a_front_tiles_its_cell_and_is_said(front, count, said):
    made = maker()
    cells = cases.layout(made, front, WHOLE)
    assert len(cells) == count
    assert sum(cell.width * cell.height for cell in cells) == pytest.approx(1.2 * 0.8)
    left, right = zip(*((cell.x - cell.width / 2, cell.x + cell.width / 2) for cell in cells), strict=True)
    low, high = zip(*((cell.y - cell.height / 2, cell.y + cell.height / 2) for cell in cells), strict=True)
    assert (min(left), max(right), min(low), max(high)) == pytest.approx((-0.6, 0.6, 0.1, 0.9))
    cases.say_content(made, cells)
    assert made.details == said


def test_a_front_is_read_from_the_top_down_and_from_left_to_right():
    cells = cases.layout(maker(), "o|(d/D:3-3)", WHOLE)
    assert [cell.kind for cell in cells] == ["open", "drawer", "door"]
    assert cells[0].x < cells[1].x == cells[2].x and cells[1].y > cells[2].y
    assert cells[2].height == pytest.approx(3 * cells[1].height)
    counts = {len(cases.layout(maker(seed), "d{2-4}", WHOLE)) for seed in range(30)}
    assert counts == {2, 3, 4}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("handle", HANDLES)
def test_cases_are_made_of_closed_solids(look, handle):
    made = maker()
    cells = cases.layout(made, "(d|d|D)/(L|o|g)", cases.Cell(0, 0.4, 0.9, 0.8))
    cases.build(made, (0.9, 0.8, 0.5), cells, finish(look=look, handle=handle))
    assert_solids_are_closed(made)


@pytest.mark.parametrize("hollow", [False, True])
def test_an_open_cell_is_a_hole_and_a_drawer_is_not(hollow):
    made, size = maker(), (1.0, 0.8, 0.5)
    cells = cases.layout(made, "d/o", cases.Cell(0, 0.4, 1.0, 0.8))
    cases.build(made, size, cells, finish(hollow=hollow, handle="none"), pulled=0.0)
    origins = np.array([(0.1, cell.y, 1.0) for cell in cells])  # rays from the front, beside the middle
    hits, rays, _ = made.merged().ray.intersects_location(origins, np.tile((0.0, 0, -1), (2, 1)), multiple_hits=False)
    depth = dict(zip(rays, hits[:, 2], strict=True))
    assert depth[0] > 0.2  # the drawer's face; the case reaches from -0.25 to 0.25
    assert depth[1] < -0.2  # the back of the open cell


def test_a_case_without_open_cells_may_be_one_block():
    made = maker()
    cells = cases.layout(made, "d{2}", cases.Cell(0, 0.4, 1.0, 0.8))
    cases.build(made, (1.0, 0.8, 0.5), cells, finish(hollow=False, handle="none"), pulled=0.0)
    np.testing.assert_allclose(made.parts[0][0].bounds, [(-0.5, 0, -0.25), (0.5, 0.8, 0.25)])
    assert len(made.parts) == 3


@pytest.mark.parametrize("kind", [*cases.BOWS, "half", "round", "hexagon", "octagon"])
@pytest.mark.parametrize("front", ["d{3}", "D", "o{2}"])
def test_shaped_cases_stay_in_their_box(kind, front):
    made, knob = maker(), 0.044 if front == "D" else 0.0
    depth = 0.5 if kind in (*cases.BOWS, "half") else 1.0
    cases.shaped(made, front, (1.0, 0.8, depth), finish(handle="none"), kinds=kind)
    low, high = made.bounds()
    assert max(-low[0], high[0]) <= 0.54
    assert max(-low[2], high[2]) <= 0.54 * depth + 0.006 + knob
    assert (low[1], high[1]) == pytest.approx((0.0, 0.8), abs=0.041)
    assert_solids_are_closed(made)


def test_bulging_cases_follow_their_profile():
    width, height, depth = 1.0, 1.2, 0.5
    seen = set()
    for seed in range(40):
        made = maker(seed)
        cases.bulging(made, "d{2}", (width, height, depth), finish(handle="none"))
        points = made.parts[0][0].vertices
        levels = np.unique(points[:, 1].round(9))
        extents = [np.ptp(points[np.isclose(points[:, 1], level)], axis=0) for level in levels]
        (kind,) = (
            name
            for name, (share, scale) in cases.BULGES.items()
            if np.shape(levels) == np.shape(share)
            and np.allclose(levels, np.multiply(share, height))
            and np.allclose(np.array(extents)[:, [0, 2]], np.outer(scale, (width, depth)))
        )
        seen.add(kind)
    assert seen == set(cases.BULGES)


def test_what_is_said_of_a_drawer_block_is_what_it_is():
    for seed in range(40):
        made = maker(seed)
        phrase = cases.drawer_block(made, (0.4, 0.6, 0.5), (1.0, 0.5, 0.2), GRAY)
        low, high = made.bounds()
        assert low[1] == pytest.approx(0.2, abs=0.011) and high[1] == pytest.approx(0.8, abs=0.011)
        assert phrase in {"two drawers", "three drawers", "four drawers", "a cupboard door", "open shelves"}
    assert cases.drawer_block(maker(), (0.4, 0.6, 0.5), (0, 0.3, 0), GRAY, drawers=3) == "three drawers"


# ------------------------------------------------------------------------------------------------ objects


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


def test_objects_are_finite_colored_and_stretched(objects):
    for name, made in objects.items():
        assert len({item.family for item in made}) >= 12
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
    texts = [caption for made in objects.values() for item in made for caption in item.captions]
    known = {word.strip(".,") for text in texts for word in text.split()}
    assert 300 < len(known) <= 800
    wanted = (
        "couch nightstand bedside tub screen television armchair stool drawers cabinet cupboard sleep sit wooden white"
    )
    assert set(wanted.split()) <= known


def test_nobody_promises_drawers_that_are_not_there():
    def told(*details):
        made = thing("open night stand", (0.5, 0.5, 0.5), details=details)
        return [captions("night stand", made, made.merged(), np.random.default_rng(seed)) for seed in range(60)]

    assert not any("drawer" in caption for texts in told("an open shelf") for caption in texts)
    with_drawers = told("an open shelf", "two drawers")
    assert any("drawer" in texts[2] for texts in with_drawers)
    assert any("two drawers" in texts[3] for texts in with_drawers)


def test_synonyms_hold_for_the_object():
    def names(*details):
        made = thing("night stand", (0.5, 0.5, 0.5), details=details)
        mesh = made.merged()
        return " | ".join(captions("night stand", made, mesh, np.random.default_rng(seed))[1] for seed in range(120))

    assert "bedside cabinet" not in names("open shelves")
    assert "bedside cabinet" in names("one door")


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
    ("color", "word"),
    [
        ((0.9, 0.9, 0.9), "white"),
        ((0.4, 0.4, 0.4), "gray"),
        ((0.05, 0.05, 0.05), "black"),
        (BROWN, "brown"),
        ((0.8, 0.7, 0.55), "beige"),
        ((0.7, 0.1, 0.1), "red"),
        ((0.1, 0.6, 0.2), "green"),
        ((0.1, 0.2, 0.7), "blue"),
    ],
)
def test_an_object_has_the_color_of_most_of_its_surface(color, word):
    made = thing("thing", (1, 1, 1), color)
    made.box((0.2, 0.2, 0.2), (0, 1.1, 0), color=(0.9, 0.1, 0.9))
    assert color_name(made.merged()) == word


def test_adjectives_follow_the_proportions():
    usual = WORDS["usual_size"]["dresser"]

    def said(*extents):
        made = thing("dresser", extents, BROWN)
        return set(adjectives("dresser", made, made.merged()))

    assert said(0.6 * usual, 0.55 * usual, 0.55 * usual) == {"brown", "wooden"}
    assert {"tall", "narrow"} <= said(0.4, 1.5, 0.4)
    assert {"wide", "low", "long", "large"} <= said(2 * usual, 0.5 * usual, 0.6 * usual)
    assert "small" in said(0.3, 0.3, 0.3)
