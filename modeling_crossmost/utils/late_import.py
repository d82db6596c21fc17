"""Work that waits for a library: of the package for transformers, of transformers for scipy."""

import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


def when_imported(library: str, package: str, callback: Callable[[], Any]) -> None:
    """Call back once, as soon as `library` is imported: right now, or at the end of the import that brings it.

    Modules of `package` may import the library themselves. The call then waits for the end of the outermost of these
    imports, so that the callback finds no module of the package half imported.

    Args:
        library: name of a top-level module.
        package: name of the package to which the callback belongs; it must be in the middle of its import, or done.
        callback: takes no arguments.
    """
    if library in sys.modules:
        callback()
    else:
        sys.meta_path.insert(0, _Watch(library, package, callback))


class _Watch(MetaPathFinder):
    """Leave finding to the finders behind it, and notice when what they found has been executed."""

    def __init__(self, library: str, package: str, callback: Callable[[], Any]):
        self.library, self.package, self.callback = library, package, callback
        self.unfinished = 0  # imports that are being executed, the outermost and those within it

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != self.library and not name.startswith(f"{self.package}."):
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        spec = next(filter(None, (finder.find_spec(name, path, target) for finder in others)), None)
        if spec is not None and spec.loader is not None:
            # On the instance, which belongs to this module alone: it stays the loader that it is.
            vars(spec.loader)["exec_module"] = partial(self._execute, spec.loader.exec_module)
        return spec

    def _execute(self, execute: Callable[[ModuleType], None], module: ModuleType) -> None:
        self.unfinished += 1
        try:
            execute(module)
        finally:
            self.unfinished -= 1
        if self.unfinished == 0 and self.library in sys.modules and self in sys.meta_path:
            sys.meta_path.remove(self)
            self.callback()


def postpone_scipy() -> None:
    """Import the losses of transformers without scipy, which the losses of its detectors then import when called.

    Every model of transformers brings these losses in, and wherever scipy is installed its optimizers with them, which
    take longer to import than the model that was asked for. Does nothing where either is imported already.
    """
    if "scipy" in sys.modules or "transformers.loss.loss_utils" in sys.modules:
        return
    from transformers import utils

    def unavailable() -> bool:
        return False

    def linear_sum_assignment(*arguments: Any, **options: Any) -> Any:
        from scipy.optimize import linear_sum_assignment

        return linear_sum_assignment(*arguments, **options)

    available, utils.is_scipy_available = utils.is_scipy_available, unavailable
    try:
        import_module("transformers.loss.loss_utils")
    except ModuleNotFoundError:  # an arrangement of another version: it costs time, and nothing else
        pass
    finally:
        utils.is_scipy_available = available
        for name, module in list(sys.modules.items()):
            if name.startswith("transformers.loss.") and vars(module).get("is_scipy_available") is unavailable:
                vars(module).update(is_scipy_available=available, linear_sum_assignment=linear_sum_assignment)
