"""`utils/late_import.py`: a callback that waits for a library, and for the imports around it to be complete."""

import importlib
import sys

import pytest

from modeling_crossmost.utils.late_import import when_imported


MODULES = {
    "lateness_library": "VALUE = 1\n",
    "lateness_package/__init__.py": "",
    "lateness_package/light.py": "",
    "lateness_package/inner.py": "from lateness_library import VALUE\nDONE = True\n",
    "lateness_package/outer.py": "from .inner import DONE\nfrom .light import __name__ as name\nCOMPLETE = True\n",
    "lateness_package/broken.py": "import lateness_library\nraise RuntimeError('broken')\n",
}


@pytest.fixture
def called(tmp_path, monkeypatch):
    """What was complete whenever the callback came."""
    for name, code in MODULES.items():
        path = tmp_path / (name if name.endswith(".py") else f"{name}.py")
        path.parent.mkdir(exist_ok=True)
        path.write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    calls = []

    def remember():
        loaded = {name: module for name, module in sys.modules.items() if name.startswith("lateness_package.")}
        calls.append({name.split(".")[1]: hasattr(module, "COMPLETE") for name, module in loaded.items()})

    importlib.import_module("lateness_package")
    calls.clear()
    yield calls, lambda: when_imported("lateness_library", "lateness_package", remember)
    for name in [name for name in sys.modules if name.startswith("lateness_")]:
        del sys.modules[name]


def test_a_library_that_is_there_already_means_at_once(called):
    calls, wait = called
    importlib.import_module("lateness_library")
    wait()
    assert calls == [{}]


def test_the_library_itself_ends_the_wait_once(called):
    calls, wait = called
    wait()
    importlib.import_module("lateness_package.light")
    assert calls == []
    importlib.import_module("lateness_library")
    assert calls == [{"light": False}]
    importlib.import_module("lateness_package.outer")
    assert len(calls) == 1


def test_modules_of_the_package_are_complete_before_the_callback(called):
    calls, wait = called
    wait()
    importlib.import_module("lateness_package.outer")
    assert calls == [{"outer": True, "inner": False, "light": False}]
    assert importlib.import_module("lateness_package.inner").DONE


def test_a_failed_import_ends_no_wait_and_blocks_none(called):
    calls, wait = called
    wait()
    with pytest.raises(RuntimeError, match="broken"):
        importlib.import_module("lateness_package.broken")
    assert calls == []  # the next import of the package makes up for it
    importlib.import_module("lateness_package.light")
    assert len(calls) == 1


def test_modules_keep_their_loaders(called):
    _, wait = called
    wait()
    module = importlib.import_module("lateness_package.outer")
    assert module.__spec__.loader.get_source("lateness_package.outer") == MODULES["lateness_package/outer.py"]
    assert importlib.reload(module).COMPLETE
