"""The sandbox: results equal the processor's, nothing that a file does gets out, and the next file works."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import hostile
import numpy as np
import pytest
import trimesh

from modeling_crossmost.files_crossmost import FILE_TYPES, load_file, read_file
from modeling_crossmost.geometry_crossmost import object_cloud
from modeling_crossmost.rendering_crossmost import object_views
from modeling_crossmost.serving import sandbox as sandbox_module
from modeling_crossmost.serving.sandbox import (
    Limits,
    Preparation,
    Sandbox,
    SandboxError,
    Upload,
    UploadError,
    display_name,
    read_upload,
)


ROOT = Path(__file__).parent.parent
WORKER = ROOT / "modeling_crossmost" / "serving" / "sandbox_worker.py"
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc, which Linux has")
unix_only = pytest.mark.skipif(os.name != "posix", reason="needs pipes and limits of a Unix")

SMALL = Preparation(num_points=64, num_views=2, image_size=16)
GOOD = Upload("good.off", hostile.off(hostile.BOX.vertices, hostile.BOX.faces))


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox() as shared:
        yield shared


@pytest.fixture(scope="module")
def hasty():
    """A sandbox with little time and memory."""
    with Sandbox(Limits(seconds=1.0, memory=900 << 20, max_faces=10_000)) as shared:
        yield shared


def readers_of(parent: int, limits: Limits) -> list[int]:
    """Child processes of `parent` that read files within `limits`."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            mother = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            command = (folder / "cmdline").read_bytes().decode().split("\0")
        except OSError:  # it ended meanwhile
            continue
        if mother == parent and str(WORKER) in command and json.dumps(asdict(limits)) in command:
            found.append(int(folder.name))
    return found


def child_of(sandbox: Sandbox) -> int:
    """The process of the only sandbox with such limits."""
    (pid,) = readers_of(os.getpid(), sandbox.limits)
    return pid


def status_of(pid: int, entry: str) -> int:
    """An entry of a process in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(f"{entry}:"))) >> 10


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def gone_within(pid: int, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while is_running(pid):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


# ------------------------------------------------------------------------------------------- what comes out of it


# Those of optional libraries have tests of their own.
SAMPLED = sorted({*FILE_TYPES} - {"3mf", "dae", "e57", "las", "laz"})


def write_samples(folder: Path) -> dict[str, Path]:
    """One file of every type; the meshes colored where the format can."""
    mesh = trimesh.creation.icosphere(subdivisions=2)
    mesh.vertices *= (1.0, 2.0, 0.5)
    mesh.visual.vertex_colors = np.random.default_rng(0).integers(0, 256, (len(mesh.vertices), 4)).astype(np.uint8)
    cloud = np.random.default_rng(1).standard_normal((300, 3)).astype(np.float32)
    samples = {kind: folder / f"sample.{kind}" for kind in SAMPLED}
    for kind, path in samples.items():
        if kind == "npy":
            np.save(path, cloud)
        elif kind == "npz":
            np.savez(path, points=cloud)
        elif kind in ("xyz", "txt", "asc", "pts", "csv"):
            np.savetxt(path, cloud)
        elif kind == "pcd":
            header = "VERSION .7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\nWIDTH 300\nHEIGHT 1\n"
            path.write_bytes(f"{header}VIEWPOINT 0 0 0 1 0 0 0\nPOINTS 300\nDATA binary\n".encode() + cloud.tobytes())
        elif kind == "gltf":
            path.write_bytes(json.dumps(trimesh_in_one_gltf(mesh)).encode())
        else:
            mesh.export(path)
    return samples


def trimesh_in_one_gltf(mesh: trimesh.Trimesh) -> dict:
    """glTF with its buffers inside, as data URIs."""
    import base64

    files = trimesh.exchange.gltf.export_gltf(trimesh.Scene(mesh))
    header = json.loads(files["model.gltf"])
    for buffer in header["buffers"]:
        buffer["uri"] = "data:application/octet-stream;base64," + base64.b64encode(files[buffer["uri"]]).decode()
    return header


@pytest.mark.parametrize(("up_axis", "model_axis"), [("y", "y"), ("z", "y"), ("x", "z")])
def test_every_type_gives_what_the_process_itself_makes_of_it(up_axis, model_axis, sandbox, tmp_path):
    for kind, path in write_samples(tmp_path).items():
        geometry = load_file(path).geometry
        points = object_cloud(geometry, 64, 5, up_axis, model_axis)
        wanted = Preparation(64, seed=5, up_axis=up_axis, model_axis=model_axis, num_views=2, image_size=16)
        prepared = sandbox.prepare(read_upload(path), wanted)
        assert np.array_equal(prepared.points, points), kind
        assert np.array_equal(prepared.views, object_views(geometry, points, 2, 16, up_axis, model_axis)), kind
        is_mesh = hasattr(geometry, "faces")
        assert prepared.num_faces == (len(geometry.faces) if is_mesh else 0)
        assert prepared.num_vertices == len(geometry.vertices if is_mesh else geometry)
        assert prepared.left_out == [] and prepared.preview is None and prepared.seconds > 0.0


def test_views_may_be_left_out_and_a_preview_asked_for(sandbox):
    prepared = sandbox.prepare(GOOD, Preparation(num_points=8, num_views=0, preview=True))
    assert prepared.views is None and prepared.points.shape == (8, 3)
    assert len(read_file(prepared.preview, "glb").geometry.faces) == 12


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"num_views": 65}, "between 0 and 64, got 65"),
        ({"num_views": -1}, "between 0 and 64, got -1"),
        ({"up_axis": "up"}, "one of x, y, z, -x, -y, -z, got 'up'"),
        ({"model_axis": "w"}, "one of x, y, z, -x, -y, -z, got 'w'"),
        ({"num_points": 0}, "num_points must be at least 1"),
        ({"image_size": 0}, "image_size must be at least 1"),
    ],
)
def test_impossible_wishes_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Preparation(**fields)


# ----------------------------------------------------------------------------------------------------- hostile files

BAD = {
    "zip.obj": (hostile.zip_bomb(50 << 20), "holds neither faces nor points"),
    "zip.ply": (hostile.zip_bomb(1 << 20), "it is a zip archive under the name of a .ply file"),
    "zip.gltf": (hostile.zip_bomb(1 << 20), "it is a zip archive"),
    "zip.npy": (hostile.zip_bomb(1 << 20), "it is a zip archive"),
    "random.glb": (np.random.default_rng(0).bytes(1 << 20), "cannot be read as glb"),
    "random.pcd": (np.random.default_rng(0).bytes(1 << 20), "cannot be read as pcd"),
    "empty.glb": (b"", "empty.glb: the file is empty"),
    "nothing.glb": (hostile.pack_glb({"asset": {"version": "2.0"}}), "nothing.glb: "),
    "nan.off": (hostile.off(hostile.BOX.vertices * np.nan, hostile.BOX.faces), "NaN or infinite"),
    "far.off": (hostile.off(hostile.BOX.vertices * 1e150, hostile.BOX.faces), r"beyond 1e\+100"),
    "flat.off": (hostile.off(hostile.BOX.vertices * [1, 0, 0], hostile.BOX.faces), "no surface area"),
    "point.off": (hostile.off(hostile.BOX.vertices * 0.0, hostile.BOX.faces), "collapsed to points"),
    "draco.glb": (hostile.draco(), "export it uncompressed"),
    "counts.off": (b"OFF\n2000000000 2000000000 0\n0 0 0\n", "cannot be read as off"),
    "counts.npy": (hostile.npy_header((1 << 33, 3)), "needs more than 1536 MiB"),
    "counts.glb": (hostile.huge_accessor(), "cannot be read as glb"),
    "nowhere.glb": (hostile.huge_accessor(bufferView=None), "more than 2,000,000 faces or 20,000,000 points"),
    "faces.glb": (hostile.instances(200_000), "more than 2,000,000 faces"),
    "deep.gltf": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "cannot be read as gltf"),
}


SLOW = ("faces.glb", "zip.obj")


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in SLOW else n for n in BAD])
def test_a_bad_file_gives_one_sentence_and_the_next_file_works(name, sandbox):
    content, message = BAD[name]
    began = time.perf_counter()
    with pytest.raises(UploadError, match=message) as caught:
        sandbox.prepare(Upload(name, content), SMALL)
    assert time.perf_counter() - began < 20.0
    assert name in str(caught.value) and "\n" not in str(caught.value)
    assert sandbox.prepare(GOOD, SMALL).num_faces == 12


def test_textures_that_are_too_large_or_foreign_programs_business_are_left_off(sandbox):
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n%%EndComments\nshowpage\n"
    plain = sandbox.prepare(GOOD, SMALL)
    for image in (hostile.png(12_000), postscript, b"garbage"):
        prepared = sandbox.prepare(Upload("a.glb", hostile.with_image(image)), SMALL)
        assert np.array_equal(prepared.views, plain.views)
    red = sandbox.prepare(Upload("a.glb", hostile.with_image(hostile.png(100))), SMALL)
    assert red.views[..., 0].max() > 4 * red.views[..., 2].max()


@linux_only
@pytest.mark.parametrize(("name", "content"), [("endless.off", hostile.endless()), ("comb.obj", hostile.comb(6_000))])
def test_what_takes_too_long_is_ended(name, content):
    with Sandbox(Limits(seconds=1.0)) as slow:
        slow.prepare(GOOD, SMALL)
        before = child_of(slow)
        began = time.perf_counter()
        with pytest.raises(UploadError, match=rf"{name}: reading it takes more than 1 s: simplify it\."):
            slow.prepare(Upload(name, content), SMALL)
        assert 1.0 <= time.perf_counter() - began < 3.0
        assert slow.prepare(GOOD, SMALL).num_faces == 12
        assert child_of(slow) != before


@linux_only
def test_memory_is_bounded_whatever_asks_for_it():
    # One asks for all at once in numpy, one bit by bit, in the compiled ray caster too.
    mesh = trimesh.creation.icosphere(subdivisions=3)
    many = trimesh.util.concatenate([mesh] * 320)
    with Sandbox(Limits(memory=700 << 20)) as tight:
        for upload in (
            Upload("big.npy", hostile.npy_header((1 << 25, 3))),
            Upload("big.stl", many.export(file_type="stl")),
        ):
            with pytest.raises(UploadError, match="700 MiB"):
                tight.prepare(upload, Preparation())
            assert status_of(child_of(tight), "VmPeak") <= 700
            assert tight.prepare(GOOD, SMALL).num_faces == 12


def test_sizes_and_faces_are_limited(hasty):
    with pytest.raises(UploadError, match="more than 10,000 faces"):
        hasty.prepare(Upload("a.glb", hostile.instances(1_000)), SMALL)
    with pytest.raises(UploadError, match=r"a.off: the file has 26.0 MB, and 25 are allowed: simplify it."):
        hasty.prepare(Upload("a.off", bytes(26 << 20)), SMALL)


# --------------------------------------------------------------------------------------------- files and the network


@pytest.fixture
def trap(tmp_path):
    """A pipe named secret.bin beside the upload: whoever opens it waits for ever."""
    os.mkfifo(tmp_path / "secret.bin")
    return tmp_path / "secret.bin"


@unix_only
def test_no_reference_leads_to_another_file(trap, hasty, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.bin").symlink_to(trap)
    names = [str(trap), "secret.bin", "./secret.bin", "link.bin", "sub/../secret.bin", f"file://{trap}"]
    names += ["../" * 12 + str(trap)[1:], "%2e%2e/secret.bin", "/etc/passwd", "\\\\server\\share", "a\nb\x1b[31m"]
    for name in names:
        with pytest.raises(UploadError, match=r"needs the file .* export it as one \.glb file") as caught:
            hasty.prepare(Upload("a.gltf", hostile.with_buffer(name)), SMALL)
        assert str(caught.value).isprintable()
        image = hasty.prepare(Upload("a.glb", hostile.with_image(uri=name)), SMALL)
        assert len(image.left_out) == 1 and image.left_out[0].isprintable()
        faces = "\nv 0 0 0\nv 1 0 0\nv 0 1 0\nusemtl m\nf 1 2 3\n"
        clean = name.replace("\n", " ")
        wavefront = hasty.prepare(Upload("a.obj", f"mtllib {clean}{faces}".encode()), SMALL)
        assert wavefront.num_faces == 1 and len(wavefront.left_out) == 1


@unix_only
def test_nobody_calls_out(hasty):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/a.bin"
        with pytest.raises(UploadError, match="needs the file 'http"):
            hasty.prepare(Upload("a.gltf", hostile.with_buffer(url)), SMALL)
        assert hasty.prepare(Upload("a.glb", hostile.with_image(uri=url)), SMALL).left_out == ["a.bin"]
        with pytest.raises(TimeoutError):
            server.accept()


CONFINED = """
import os, sys, importlib.util
spec = importlib.util.spec_from_file_location("worker", sys.argv[1])
worker = importlib.util.module_from_spec(spec); spec.loader.exec_module(worker)
import socket, subprocess, shutil
worker.import_modules("utils.limits")[0].limit_process(1 << 30)
worker.forbid_outside_access()
folder = sys.argv[2]
attempts = {
    "read": lambda: open(folder + "/secret.txt"),
    "dots": lambda: open(os.path.dirname(os.__file__) + "/../../../../../../../.." + folder + "/secret.txt"),
    "link": lambda: open(folder + "/link"),
    "write": lambda: open(folder + "/new", "w"),
    "write beside libraries": lambda: open(os.path.dirname(os.__file__) + "/crossmost_new", "w"),
    "os.open": lambda: os.open(folder + "/secret.txt", os.O_RDONLY),
    "list": lambda: os.listdir(folder),
    "remove": lambda: os.remove(folder + "/secret.txt"),
    "rename": lambda: os.rename(folder + "/secret.txt", folder + "/other"),
    "mkdir": lambda: os.mkdir(folder + "/new"),
    "rmtree": lambda: shutil.rmtree(folder),
    "socket": lambda: socket.create_connection(("127.0.0.1", 9)),
    "socket alone": lambda: socket.socket(),
    "name": lambda: socket.getaddrinfo("localhost", 80),
    "subprocess": lambda: subprocess.run(["true"]),
    "system": lambda: os.system("true"),
    "fork": lambda: os.fork(),
    "exec": lambda: os.execv("/bin/true", ["true"]),
    "kill": lambda: os.kill(os.getppid(), 0),
}
for name, attempt in attempts.items():
    try:
        attempt()
    except PermissionError as error:
        assert "sandbox" in str(error), (name, error)
    else:
        print("allowed:", name)
import wave, xml.etree.ElementTree  # libraries can still be imported
import resource
for kind in (resource.RLIMIT_AS, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE):
    print(resource.getrlimit(kind)[0])
"""


@unix_only
def test_the_child_cannot_reach_files_sockets_or_programs(tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "link").symlink_to(tmp_path / "secret.txt")
    command = [sys.executable, "-P", "-c", CONFINED, str(WORKER), str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.stderr == ""
    assert result.stdout.split() == [str(1 << 30), "0", "0"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "secret.txt"]


@linux_only
def test_the_child_has_neither_torch_nor_secrets(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with Sandbox(Limits(seconds=11.0)) as fresh:
        fresh.prepare(GOOD, SMALL)
        pid = child_of(fresh)
        loaded = Path(f"/proc/{pid}/maps").read_text()
        assert "embree" in loaded and "torch" not in loaded and "tokenizers" not in loaded
        assert b"hf_secret" not in Path(f"/proc/{pid}/environ").read_bytes()
        assert status_of(pid, "VmRSS") < 300
        descriptors = [os.readlink(f"/proc/{pid}/fd/{number}") for number in os.listdir(f"/proc/{pid}/fd")]
        assert all(target.startswith(("pipe:", "/dev/null")) for target in descriptors), descriptors


# --------------------------------------------------------------------------------------------- names and odd files


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a/b/chair.glb", "chair.glb"),
        ("evil\nname\x1b[2J.glb", "evil?name?[2J.glb"),
        ("-rf.obj", "-rf.obj"),
        ("x" * 200 + ".stl", "x" * 38 + "..." + "x" * 35 + ".stl"),
        (b"\xff.ply", "?.ply"),
    ],
)
def test_names_are_shown_without_surprises(name, shown):
    assert display_name(name) == shown and len(shown) <= 80


@unix_only
def test_only_ordinary_files_of_known_types_are_opened(tmp_path):
    good = tmp_path / "good.off"
    good.write_bytes(GOOD.data)
    (tmp_path / "link.off").symlink_to(good)
    assert read_upload(good).data == read_upload(tmp_path / "link.off").data == GOOD.data
    os.mkfifo(tmp_path / "pipe.off")
    (tmp_path / "folder.off").mkdir()
    (tmp_path / "device.off").symlink_to("/dev/zero")
    (tmp_path / "dangling.off").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop.off").symlink_to(tmp_path / "loop.off")
    (tmp_path / "empty.off").touch()
    (tmp_path / "kernel.off").symlink_to("/proc/cpuinfo")
    with (tmp_path / "sparse.off").open("wb") as handle:
        handle.truncate(1 << 40)
    for name, message in {
        "pipe.off": "not a regular file",
        "folder.off": "it is a folder",
        "device.off": "not a regular file",
        "dangling.off": "there is no such file",
        "missing.off": "there is no such file",
        "loop.off": "cannot be opened",
        "empty.off": "the file is empty",
        "kernel.off": "the file is empty",
        "sparse.off": "1048576.0 MB, and 25 are allowed",
        "good.off/x.off": "cannot be opened",
        "good.zip": "files of type 'zip' cannot be read",
        "good": "files of type '' cannot be read",
        "nul\0.off": "cannot be opened",
        "\udcff\n.glb": "there is no such file",
    }.items():
        with pytest.raises(UploadError, match=message) as caught:
            read_upload(tmp_path / name)
        assert str(caught.value).isprintable() and str(tmp_path) not in str(caught.value)


# -------------------------------------------------------------------------------------------------- many callers


def test_callers_at_once_get_their_own_answers(tmp_path):
    uploads = []
    for number in range(24):
        cloud = np.random.default_rng(number).standard_normal((100 + number, 3)).astype(np.float32)
        uploads.append(Upload(f"{number}.xyz", "\n".join(" ".join(map(str, row)) for row in cloud.tolist()).encode()))
    broken = Upload("broken.ply", b"garbage")
    with Sandbox(processes=2) as shared, ThreadPoolExecutor(8) as callers:
        good = [callers.submit(shared.prepare, upload, SMALL) for upload in uploads]
        bad = [callers.submit(shared.prepare, broken, SMALL) for _ in range(8)]
        for upload, future in zip(uploads, good, strict=True):
            expected = object_cloud(read_file(upload.data, "xyz").geometry, 64, 0)
            assert np.array_equal(future.result().points, expected)
            assert future.result().num_vertices == 100 + int(upload.name.removesuffix(".xyz"))
        assert all("broken.ply" in str(future.exception()) for future in bad)


@linux_only
def test_a_child_that_was_killed_is_replaced(sandbox):
    sandbox.prepare(GOOD, SMALL)
    pid = child_of(sandbox)
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # until all its threads have ended, left for the sandbox to see
    assert sandbox.prepare(GOOD, SMALL).num_faces == 12
    assert child_of(sandbox) != pid


@linux_only
def test_a_child_killed_before_it_has_the_file_is_no_fault_of_the_file(sandbox):
    sandbox.prepare(GOOD, SMALL)
    pid = child_of(sandbox)
    os.kill(pid, signal.SIGSTOP)
    threading.Timer(0.3, os.kill, (pid, signal.SIGKILL)).start()
    assert sandbox.prepare(GOOD, SMALL).num_faces == 12
    assert child_of(sandbox) != pid


@linux_only
def test_a_child_that_dies_at_work_is_named(sandbox):
    pid = child_of(sandbox)
    sandbox.prepare(GOOD, SMALL)
    threading.Timer(0.5, os.kill, (pid, signal.SIGSEGV)).start()
    with pytest.raises(
        UploadError, match=r"endless.off: reading it was ended by SIGSEGV: the file is damaged or needs"
    ):
        sandbox.prepare(Upload("endless.off", hostile.endless()), SMALL)
    assert sandbox.prepare(GOOD, SMALL).num_faces == 12


def test_an_interrupted_caller_leaves_no_answer_for_the_next(sandbox, monkeypatch):
    sandbox.prepare(GOOD, SMALL)

    def interrupt(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sandbox_module, "read_frame", interrupt)
        with pytest.raises(KeyboardInterrupt):
            sandbox.prepare(Upload("a.xyz", b"0 0 0\n1 1 1\n"), SMALL)
    assert sandbox.prepare(GOOD, SMALL).num_faces == 12


@pytest.mark.parametrize(
    "answer",
    [
        ({"num_faces": 1, "num_vertices": 1, "left_out": []}, b""),
        ({"num_faces": 1, "num_vertices": 1}, bytes(64 * 12 + 2 * 16 * 16 * 3)),
        ({"num_faces": "?", "num_vertices": 1, "left_out": []}, bytes(64 * 12 + 2 * 16 * 16 * 3)),
        ({"num_faces": 1, "num_vertices": 1, "left_out": []}, b"\xff" * (64 * 12 + 2 * 16 * 16 * 3)),
    ],
)
def test_a_child_that_talks_nonsense_is_not_believed(answer, sandbox, monkeypatch):
    sandbox.prepare(GOOD, SMALL)
    with monkeypatch.context() as patch:
        patch.setattr(sandbox_module, "read_frame", lambda stream, limit: answer)
        with pytest.raises(UploadError, match=r"good.off: reading it failed"):
            sandbox.prepare(GOOD, SMALL)
    assert sandbox.prepare(GOOD, SMALL).num_faces == 12


@linux_only
def test_closing_ends_the_children_and_later_calls():
    closed = Sandbox(Limits(seconds=10.0), processes=2)
    pids = readers_of(os.getpid(), closed.limits)
    closed.close()
    closed.close()
    assert len(pids) == 2 and all(gone_within(pid, 2.0) for pid in pids)
    with pytest.raises(SandboxError, match="closed"):
        closed.prepare(GOOD, SMALL)


def test_a_child_that_cannot_start_is_no_files_fault(monkeypatch):
    monkeypatch.setattr(sandbox_module.sys, "executable", "/bin/false")
    with (
        Sandbox() as broken,
        pytest.raises(SandboxError, match="does not start: set CROSSMOST_TRACEBACK=1"),
    ):
        broken.prepare(GOOD, SMALL)


ORPHAN = """
import sys, threading, time
from modeling_crossmost.serving.sandbox import *
import hostile
sandbox = Sandbox(Limits(seconds=2.0))
sandbox.prepare(Upload("a.xyz", b"0 0 0\\n1 1 1\\n"), Preparation(num_views=0))  # now it is ready
if sys.argv[1] == "busy":
    work = lambda: sandbox.prepare(Upload("a.off", hostile.endless()), Preparation())
    threading.Thread(target=work, daemon=True).start()
    time.sleep(0.5)
print("ready", flush=True)
time.sleep(60)
"""


@linux_only
@pytest.mark.slow
@pytest.mark.parametrize("state", ["idle", "busy"])
def test_children_end_with_a_parent_that_is_killed(state):
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    command = [sys.executable, "-c", ORPHAN, state]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "ready\n"
        (pid,) = readers_of(parent.pid, Limits(seconds=2.0))
        parent.kill()
    assert gone_within(pid, 1.0 if state == "idle" else 6.0)


@linux_only
def test_memory_does_not_grow_from_file_to_file(sandbox):
    upload = Upload("a.stl", trimesh.creation.icosphere(subdivisions=4).export(file_type="stl"))
    sizes = []
    for _ in range(12):
        sandbox.prepare(upload, SMALL)
        sizes.append(status_of(child_of(sandbox), "VmRSS"))
    assert sizes[-1] - sizes[2] <= 8, sizes
