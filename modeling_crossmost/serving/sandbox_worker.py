"""The sandbox's child process, which turns the bytes of untrusted files into clouds and views.

`sandbox.py` runs it as a script, not as a module of the package: the few modules that it needs are imported through a
stand-in for the package, whose `__init__` (and with it torch) is never executed. Before the first byte arrives, the
process gives up whatever a parser does not need: most memory, files, the network, other programs. This contains greedy
files and careless parsers; against a file that takes over the interpreter through a bug in compiled code only the
operating system protects.

Frames in both directions: length of the header, length of the payload, the header as JSON, the payload. No pickle.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import struct
import sys
import types
import warnings
from collections.abc import Callable, Iterable
from typing import IO, Any


_LENGTHS = struct.Struct("<IQ")
_MAX_HEADER = 1 << 16
_MAX_NOTES = 12

# The package's root, above this room.
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# Prefixes of audit events (sys.addaudithook) that parsing bytes never raises.
_FORBIDDEN_EVENTS = (
    *("socket.", "subprocess.", "urllib.", "http.", "ftplib.", "smtplib.", "webbrowser.", "pty.", "ctypes.dlopen"),
    *(
        "os.system",
        "os.exec",
        "os.fork",
        "os.posix_spawn",
        "os.spawn",
        "os.startfile",
        "os.kill",
        "signal.pthread_kill",
    ),
    *("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown"),
    *("os.utime", "os.setxattr", "shutil.", "tempfile.", "winreg."),
)


def write_frame(stream: IO[bytes], header: dict[str, Any], payload: Iterable[Any] = ()) -> None:
    """Write a header and the parts of a payload (bytes or contiguous arrays)."""
    text = json.dumps(header).encode()
    parts = [memoryview(part).cast("B") for part in payload if len(part) > 0]
    stream.write(_LENGTHS.pack(len(text), sum(map(len, parts))))
    stream.write(text)
    for part in parts:
        stream.write(part)
    stream.flush()


def read_frame(stream: IO[bytes], max_payload: int) -> tuple[dict[str, Any], bytes]:
    """Read a header and a payload.

    Raises:
        EOFError: if the stream ended.
        ValueError: if the frame is larger than expected or its header is not a JSON object.
    """
    # The sizes are checked before anything is read: the parent must not allocate what a broken child claims to send.
    header_size, payload_size = _LENGTHS.unpack(_read(stream, _LENGTHS.size))
    if header_size > _MAX_HEADER or payload_size > max_payload:
        raise ValueError("the frame is larger than expected")
    header = json.loads(_read(stream, header_size))
    if not isinstance(header, dict):
        raise ValueError("the frame's header is not a JSON object")
    return header, _read(stream, payload_size)


def _read(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


# ------------------------------------------------------------------------------------------------- confinement


def import_modules(*names: str) -> list[types.ModuleType]:
    """Import modules of the package, and what they import from it, without running the package's `__init__`."""
    package = sys.modules.setdefault("crossmost_sandbox", types.ModuleType("crossmost_sandbox"))
    package.__path__ = [_PACKAGE]
    return [importlib.import_module(f"{package.__name__}.{name}") for name in names]


def forbid_outside_access() -> None:
    """Keep this process's Python code from opening sockets or any files but its libraries', and those only to read.

    Audit hooks cannot be removed again.
    """
    roots = {os.path.realpath(root) for root in (*sys.path, _PACKAGE) if root and os.path.isdir(root)}
    inside = tuple(os.path.join(root, "") for root in roots - {os.sep})
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

    def refuse(event: str, arguments: tuple) -> None:
        if event == "open":
            path, _, flags = arguments
            # An int is a descriptor that is already open.
            if not isinstance(path, int) and (flags & writing or not is_inside(path)):
                raise PermissionError("The sandbox does not allow opening files.")
        elif event in ("os.listdir", "os.scandir"):
            if not is_inside(arguments[0]):
                raise PermissionError("The sandbox does not allow listing folders.")
        elif event.startswith(_FORBIDDEN_EVENTS):
            raise PermissionError(f"The sandbox does not allow {event}.")

    def is_inside(path: Any) -> bool:
        return isinstance(path, str) and os.path.join(os.path.realpath(path), "").startswith(inside)

    sys.addaudithook(refuse)


# ------------------------------------------------------------------------------------------------------- work


def make_answerer() -> Callable[[dict[str, Any], bytes], tuple[dict[str, Any], list]]:
    """Import what parsing needs and return the function that answers requests (see `sandbox.Sandbox.prepare`).

    Everything is imported now, so that the imports do not count against the first file's limits.
    """
    modules = ("files_crossmost", "geometry_crossmost", "doubts_crossmost", "rendering_crossmost", "serving.glb")
    files, geometry, doubts, rendering, glb = import_modules(*modules)
    for library in ("trimesh", "PIL.Image", "embreex.rtcore_scene", "embreex.mesh_construction"):
        try:
            importlib.import_module(library)
        except ImportError:  # reported by the code that needs it
            continue

    def answer(request: dict[str, Any], data: bytes) -> tuple[dict[str, Any], list]:
        content = files.read_file(data, request["file_type"], request["name"], request["max_faces"])
        item = content.geometry
        axes = (request["up_axis"], request["model_axis"])
        points = geometry.object_cloud(item, request["num_points"], request["seed"], *axes)
        payload = [points]
        if request["num_views"] > 0:
            size = request["image_size"]
            payload.append(rendering.object_views(item, points, request["num_views"], size, *axes))
        if request["preview"]:
            payload.append(glb.preview_glb(geometry.orient_geometry(item, axes[0]), content.point_colors))
        is_mesh = hasattr(item, "faces")
        return {
            "num_faces": len(item.faces) if is_mesh else 0,
            "num_vertices": len(item.vertices if is_mesh else item),
            "left_out": content.left_out,
            "notes": [*content.notes, *doubts.shape_doubts(points)][:_MAX_NOTES],
        }, payload

    return answer


def main() -> None:
    """Answer requests on standard input until it ends. Argument: limits as JSON (`memory`, `seconds`)."""
    limits = json.loads(sys.argv[1])
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # output printed by a library must not end up between the frames
    warnings.simplefilter("ignore")
    import_modules("utils.limits")[0].limit_process(limits["memory"])
    answer = make_answerer()
    sys.dont_write_bytecode = True
    forbid_outside_access()
    write_frame(answers, {"ready": True})
    while True:
        try:
            request, data = read_frame(requests, sys.maxsize)
        except EOFError:  # the parent closed the pipe, or ended
            return
        write_frame(answers, {"received": True})
        # The parent kills a child that takes too long; the alarm does so if the parent is gone.
        if hasattr(signal, "alarm"):
            signal.alarm(int(limits["seconds"]) + 2)
        payload: list = []
        try:
            header, payload = answer(request, data)
        except MemoryError:
            header = {
                "error": f"{request['name']}: it needs more than {limits['memory'] >> 20} MiB of memory: simplify it."
            }
        except ValueError as error:
            named = request["name"] in str(error)
            header = {"error": str(error) if named else f"{request['name']}: {error}"}
        except Exception as error:  # broken files make parsers fail in every possible way
            header = {"error": f"{request['name']}: the file cannot be used ({type(error).__name__}: {error})."[:400]}
        write_frame(answers, header, payload)
        if hasattr(signal, "alarm"):
            signal.alarm(0)
        del data, payload
        gc.collect()  # trimesh scenes contain reference cycles that keep whole meshes alive


if __name__ == "__main__":
    main()
