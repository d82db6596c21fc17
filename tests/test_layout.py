"""Where modules may lie and what they may import: the root travels to the Hub, rooms import downwards only."""

import ast
from pathlib import Path

import pytest
from toy import make_model
from transformers import AutoModel, AutoProcessor

from modeling_crossmost import CrossMoSTModel, CrossMoSTProcessor


ROOT = Path(__file__).parent.parent
PACKAGES = ("modeling_crossmost", "dataset_scripts")
PACKAGE = ROOT / "modeling_crossmost"
# Of the classes that `modeling_crossmost/__init__.py` registers with transformers' Auto classes and its pipelines.
AUTO_CLASSES = {
    "AutoConfig": "configuration_crossmost",
    "AutoModel": "modeling_crossmost",
    "AutoFeatureExtractor": "feature_extraction_crossmost",
    "AutoProcessor": "processing_crossmost",
    "pipeline": "pipeline_crossmost",
}
# From low to high: a room imports from the root, from rooms further left, and from others of its level in no circle.
LEVELS = [{"utils"}, {"data"}, {"evaluation"}, {"hub", "official", "serving"}, {"training"}, {"commands"}]
ROOMS = {path.parent.name for path in PACKAGE.glob("*/*.py")}


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported_modules(path: Path) -> set[str]:
    """Absolute names of everything that a file imports, inside functions too, as far as they lie in this repository."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    found = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            source = ".".join((*base, *filter(None, [node.module])))
            found |= {source, *(f"{source}.{alias.name}" for alias in node.names)}
    return {name for name in found if name.split(".")[0] in ("modeling_crossmost", "dataset_scripts", "train")}


def siblings(path: Path) -> set[str]:
    """Modules of the package's root that one of its files imports."""
    names = {name.split(".")[1] for name in imported_modules(path) if name.startswith("modeling_crossmost.")}
    return {name for name in names if (PACKAGE / f"{name}.py").is_file()}


def rooms_of(path: Path) -> set[str]:
    return {name.split(".")[1] for name in imported_modules(path) if name.count(".")} & ROOMS


def traveling() -> set[str]:
    """The modules that `save_pretrained` copies: those of the Auto classes and what they import, and so on."""
    closure, waiting = set(), set(AUTO_CLASSES.values())
    while waiting:
        name = waiting.pop()
        closure.add(name)
        waiting |= siblings(PACKAGE / f"{name}.py") - closure
    return closure


def test_the_auto_classes_are_those_that_the_package_registers():
    registered = siblings(PACKAGE / "__init__.py")
    assert registered == set(AUTO_CLASSES.values()), (
        f"modeling_crossmost/__init__.py registers classes of {sorted(registered)}: update AUTO_CLASSES of this test."
    )


def test_the_root_holds_what_travels_to_the_hub_and_nothing_else():
    root = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    expected = traveling()
    assert root == expected, (
        f"Only what the Auto classes import may lie in the root of modeling_crossmost: move {sorted(root - expected)} "
        f"into a room, or back from one {sorted(expected - root)}."
    )


@pytest.mark.parametrize("name", sorted(traveling()))
def test_a_root_file_imports_siblings_only(name):
    """transformers copies what `from .x import y` names: no `from . import x`, no package, no room comes along."""
    path = PACKAGE / f"{name}.py"
    assert not rooms_of(path), (
        f"{name}.py travels to the Hub without the rooms, so it cannot import from {sorted(rooms_of(path))}."
    )
    relative = [node for node in ast.walk(parsed(path)) if isinstance(node, ast.ImportFrom) and node.level]
    for node in relative:
        assert node.level == 1 and (PACKAGE / f"{node.module}.py").is_file(), (
            f"{name}.py, line {node.lineno}: write `from .x import y`, which transformers follows to a sibling."
        )
    absolute = imported_modules(path) - {
        f"modeling_crossmost.{node.module}{end}"
        for node in relative
        for end in ("", *(f".{n.name}" for n in node.names))
    }
    assert not absolute, f"{name}.py travels to the Hub, where {sorted(absolute)} is not: write `from .x import y`."


def test_transformers_copies_the_same_files(tmp_path):
    make_model(tmp_path)
    copied = {path.stem for path in tmp_path.glob("*.py")}
    assert copied == traveling(), f"save_pretrained copies other files than this test expects: {copied ^ traveling()}."


@pytest.mark.parametrize("trust", [False, True])
def test_a_folder_of_an_earlier_version_loads_with_the_installed_classes(tmp_path, trust):
    make_model(tmp_path)
    for path in tmp_path.glob("*.py"):
        path.write_text("raise RuntimeError('the code of an earlier version')\n")
    model = AutoModel.from_pretrained(tmp_path, trust_remote_code=trust)
    processor = AutoProcessor.from_pretrained(tmp_path, trust_remote_code=trust)
    assert (type(model), type(processor)) == (CrossMoSTModel, CrossMoSTProcessor)


def test_the_package_never_imports_dataset_scripts():
    for path in PACKAGE.rglob("*.py"):
        foreign = [name for name in imported_modules(path) if name.split(".")[0] in ("dataset_scripts", "train")]
        assert not foreign, (
            f"{path.relative_to(ROOT)} imports {foreign[0]}: dataset_scripts builds on modeling_crossmost, never the "
            "other way round; train.py brings the two together."
        )
        strings = [node.value for node in ast.walk(parsed(path)) if isinstance(node, ast.Constant)]
        hidden = [value for value in strings if isinstance(value, str) and value.startswith("dataset_scripts.")]
        assert not hidden, f"{path.relative_to(ROOT)} names the module {hidden[0]!r}: import it nowhere in disguise."


def room_graph() -> dict[str, set[str]]:
    return {room: set().union(*(rooms_of(path) for path in (PACKAGE / room).rglob("*.py"))) - {room} for room in ROOMS}


def test_rooms_import_downwards():
    levels = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}
    assert set(levels) >= ROOMS, f"Give {sorted(ROOMS - set(levels))} a level here and in CONTRIBUTING.md."
    for room, others in room_graph().items():
        wrong = sorted(other for other in others if levels[other] > levels[room])
        assert not wrong, f"modeling_crossmost/{room}/ imports from the higher room {wrong}: move what it needs down."


def test_rooms_have_no_circle():
    waiting = room_graph()
    while waiting:
        free = {room for room, others in waiting.items() if not others & set(waiting)}
        assert free, f"The rooms {sorted(waiting)} import each other in a circle: {waiting}."
        waiting = {room: others for room, others in waiting.items() if room not in free}


@pytest.mark.parametrize("room", sorted({path.parent for name in PACKAGES for path in (ROOT / name).glob("*/*.py")}))
def test_entering_a_room_costs_nothing(room):
    path = room / "__init__.py"
    assert path.is_file(), f"{room.relative_to(ROOT)} needs an __init__.py with a docstring, or it is not installed."
    body = parsed(path).body
    assert len(body) == 1 and ast.get_docstring(ast.Module(body, [])), (
        f"{path.relative_to(ROOT)} is to be one docstring, so that a light module can be imported without its room."
    )
