"""The workbench of the generated furniture: dice and words, and blocks that copy or move solids, in closed form."""

import itertools
from collections import Counter

import numpy as np
import pytest

from dataset_scripts.furniture.maker import Maker, counted


RED, GREEN, BLUE = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
UNIT = (1.0, 1.0, 1.0)


@pytest.fixture
def m():
    return Maker(np.random.default_rng(0), "thing")


def places(m, start=0):
    """Middles of the parts from number `start` on, in order."""
    return np.array([solid.vertices.mean(axis=0) for solid, _ in m.parts[start:]])


def volumes(m):
    """Signed volumes of the parts, negative where one is wound inwards."""
    corners = [solid.vertices[solid.faces] for solid, _ in m.parts]
    return np.array([np.linalg.det(each).sum() / 6 for each in corners])


# ------------------------------------------------------------------------------------------------ dice and words


def test_dice_keep_their_bounds(m):
    numbers = [m.uniform(2, 3) for _ in range(100)]
    assert 2 <= min(numbers) < 2.1 and 2.9 < max(numbers) < 3
    assert {m.number(1, 3) for _ in range(50)} == {1, 2, 3}
    assert not any(m.chance(0.0) for _ in range(20)) and all(m.chance(1.0) for _ in range(20))
    assert 20 < sum(m.chance(0.3) for _ in range(100)) < 40


def test_pick_takes_words_arguments_or_a_sequence(m):
    words = Counter(m.pick("wood wood wood metal") for _ in range(200))
    assert set(words) == {"wood", "metal"} and words["wood"] > 2 * words["metal"]
    assert {m.pick("round tapered", "plain") for _ in range(30)} == {"round tapered", "plain"}
    assert {m.pick([1, (2, 3)]) for _ in range(30)} == {1, (2, 3)}


@pytest.mark.parametrize("kind", ["wood", "metal", "fabric", "ceramic", "plastic"])
def test_palette_gives_colors_in_range_that_depend_on_the_generator_alone(kind):
    colors = np.array([Maker(np.random.default_rng(seed)).palette(kind) for seed in range(50)])
    assert colors.shape == (50, 3) and colors.min() >= 0 and colors.max() <= 1
    assert len(np.unique(colors, axis=0)) > 25
    assert Maker(np.random.default_rng(3)).palette(kind) == tuple(colors[3])


def test_an_unknown_palette_is_one_sentence(m):
    with pytest.raises(ValueError, match="unknown palette 'glue'") as error:
        m.palette("glue")
    assert "\n" not in str(error.value)


def test_words_are_noted_and_empty_ones_passed_over(m):
    m.say("two doors", "")
    m.say("a shelf")
    assert m.details == ["two doors", "a shelf"]
    assert [counted(n, "drawer") for n in (1, 3, 40)] == ["one drawer", "three drawers", "many drawers"]


# ------------------------------------------------------------------------------------------------ blocks


def test_a_solid_takes_the_brush_or_its_own_color(m):
    m.color = RED
    m.box(UNIT, (0, 0, 0))
    with m.painted(GREEN):
        m.cylinder(1, 1, (0, 0, 0))
        m.box(UNIT, (0, 0, 0), color=BLUE)
    m.box(UNIT, (0, 0, 0))
    assert [color for _, color in m.parts] == [RED, GREEN, BLUE, RED]


def test_the_brush_comes_back_after_an_error(m):
    m.color = RED
    with pytest.raises(ValueError, match="box extents"), m.painted(GREEN):
        m.box((0, 1, 1), (0, 0, 0))
    assert m.color == RED and m.parts == []


def test_at_shifts_what_is_added_inside_and_nothing_else(m):
    m.box(UNIT, (0, 0, 0))
    with m.at(1, 2, 3):
        m.box(UNIT, (0, 0, 0))
        with m.at(z=-1):
            m.box(UNIT, (10, 0, 0))
    m.box(UNIT, (5, 0, 0))
    np.testing.assert_allclose(places(m), [(0, 0, 0), (1, 2, 3), (11, 2, 2), (5, 0, 0)])


def test_repeated_stands_at_every_offset(m):
    offsets = [(0, 0, 0), (2, 0, 0), (0, 3, -1)]
    with m.repeated(offsets):
        m.box(UNIT, (1, 0, 0), color=RED)
        m.box(UNIT, (0, 1, 0), color=BLUE)
    expected = [np.add(place, offset) for offset in offsets for place in ((1, 0, 0), (0, 1, 0))]
    np.testing.assert_allclose(places(m), expected)
    assert [color for _, color in m.parts] == 3 * [RED, BLUE]


def test_turned_follows_the_right_hand_rule_about_a_point(m):
    with m.turned("y", 90):
        m.box((4, 1, 2), (1, 0, 0))
    with m.turned("z", 90, about=(1, 0, 0)):
        m.box(UNIT, (2, 0, 0))
    np.testing.assert_allclose(places(m), [(0, 0, -1), (1, 1, 0)], atol=1e-12)
    np.testing.assert_allclose(np.ptp(m.parts[0][0].bounds, axis=0), (2, 1, 4))


def test_the_inner_block_comes_first(m):
    with m.at(1, 0, 0), m.turned("y", 90):
        m.box(UNIT, (1, 0, 0))
    with m.turned("y", 90), m.at(1, 0, 0):
        m.box(UNIT, (1, 0, 0))
    np.testing.assert_allclose(places(m), [(1, 0, -1), (0, 0, -2)], atol=1e-12)


@pytest.mark.parametrize(("count", "start"), [(1, 0.0), (3, 0.0), (5, 90.0)])
def test_around_spreads_evenly_over_a_circle(m, count, start):
    with m.around(count, start):
        m.cylinder(0.1, 1, (2, 0.5, 0))
    angles = np.deg2rad(start + 360 / count * np.arange(count))
    expected = np.stack([2 * np.cos(angles), np.full(count, 0.5), -2 * np.sin(angles)], axis=1)
    np.testing.assert_allclose(places(m), expected, atol=1e-12)


def test_scaled_stretches_sizes_and_places(m):
    with m.scaled((1, 2, 3)):
        m.box(UNIT, (1, 1, 1))
    with m.scaled((2, 2, 2), about=(1, 1, 1)):
        m.box(UNIT, (1, 1, 1))
    np.testing.assert_allclose(places(m), [(1, 2, 3), (1, 1, 1)])
    np.testing.assert_allclose(volumes(m), [6, 8])


@pytest.mark.parametrize(("axis", "place"), [("x", (-1, 2, 3)), ("y", (1, -2, 3)), ("z", (1, 2, -3))])
def test_mirrored_is_the_image_alone_and_still_wound_outwards(m, axis, place):
    with m.mirrored(axis):
        m.box(UNIT, (1, 2, 3))
    np.testing.assert_allclose(places(m), [place])
    assert volumes(m) == pytest.approx([1])


@pytest.mark.parametrize("axes", ["", "x", "z", "xz", "xyz"])
def test_both_gives_every_mirror_image_once(m, axes):
    with m.both(axes):
        m.box(UNIT, (1, 2, 3), color=RED)
    signs = itertools.product(*((1, -1) if axis in axes else (1,) for axis in "xyz"))
    expected = {(1 * x, 2 * y, 3 * z) for x, y, z in signs}
    assert len(m.parts) == 2 ** len(axes)
    assert {tuple(place) for place in places(m).round(9)} == expected
    assert volumes(m) == pytest.approx([1] * len(m.parts))
    assert {color for _, color in m.parts} == {RED}
    # The keyword of a solid does the same.
    start = len(m.parts)
    m.box(UNIT, (1, 2, 3), color=RED, both=axes)
    np.testing.assert_array_equal(places(m, start), places(m)[:start])


def test_blocks_in_blocks_multiply(m):
    with m.around(3), m.both("x"):
        m.box(UNIT, (1, 0, 5))
        m.box(UNIT, (1, 4, 5))
    assert len(m.parts) == 12
    with m.repeated([]):
        m.box(UNIT, (0, 0, 0))
    with m.both("xz"):
        pass
    assert len(m.parts) == 12


# ------------------------------------------------------------------------------------------------ result


def test_bounds_are_of_all_parts_or_of_the_last_ones(m):
    m.box(UNIT, (0, 0, 0))
    m.box((2, 2, 2), (5, 0, 0))
    np.testing.assert_allclose(m.bounds(), [(-0.5, -1, -1), (6, 1, 1)])
    np.testing.assert_allclose(m.bounds(1), [(4, -1, -1), (6, 1, 1)])


def test_merging_keeps_colors_and_puts_the_floor_at_zero(m):
    m.box(UNIT, (5, 5, 5), color=RED)
    m.cylinder(0.5, 1, (5, 7, 5), color=(0.0, 0.0, 7.0))  # brighter than bright is clipped
    mesh = m.merged()
    np.testing.assert_allclose(mesh.bounds[:, 1], [0, 3])
    np.testing.assert_allclose(mesh.bounds.mean(axis=0)[[0, 2]], 0, atol=1e-12)
    colors = np.asarray(mesh.visual.face_colors)
    assert (colors[:12] == [255, 0, 0, 255]).all() and (colors[12:] == [0, 0, 255, 255]).all()
    assert len(mesh.faces) == sum(len(solid.faces) for solid, _ in m.parts)
    assert mesh.is_watertight and mesh.volume == pytest.approx(volumes(m).sum())


def test_nothing_made_is_one_sentence(m):
    with pytest.raises(ValueError, match="the object 'thing' has no parts") as error:
        m.merged()
    assert "\n" not in str(error.value)
