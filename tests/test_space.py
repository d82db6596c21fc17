"""The Space: the real server answers clients, raw HTTP and a browser with what `classify --json` prints."""

import contextlib
import http.client
import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import trimesh
import yaml
from local_hub import LocalHub
from toy import make_model

from modeling_crossmost.commands import space
from modeling_crossmost.commands.classify import main as classify
from modeling_crossmost.geometry_crossmost import FILE_AXES, convert_up_axis
from modeling_crossmost.serving.sandbox import Limits


pytest.importorskip("gradio", reason="the Space needs gradio: pip install -e '.[space]'")
gradio_client = pytest.importorskip("gradio_client")

ROOT = Path(__file__).parent.parent
SPACE = ROOT / "space_app"
SCREENSHOTS = ROOT / "outputs" / "screenshots"
OFFLINE = {"HF_HUB_OFFLINE": "1"}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


class Server:
    """A running Space.

    Attributes:
        process: the server.
        port: of its page.
        scratch: the folder for its temporary files.
    """

    def __init__(self, app: Path | list[str], scratch: Path, *options: str, environment: dict[str, str] | None = None):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.scratch = scratch
        environment = os.environ | {"TMPDIR": str(scratch), "OMP_NUM_THREADS": "1", **(environment or OFFLINE)}
        program = app if isinstance(app, list) else [str(app)]
        command = [sys.executable, *program, "--port", str(self.port), *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=scratch)
        line = self.process.stdout.readline()  # it says when the page is there
        assert str(self.port) in line, line

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def client(self) -> "gradio_client.Client":
        return gradio_client.Client(self.url, verbose=False, analytics_enabled=False, download_files=False)

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
            response = connection.getresponse()
            return response.status, response.read()

    def upload(self, name: str, content: bytes) -> tuple[int, bytes]:
        border = uuid.uuid4().hex
        head = f'--{border}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
        body = head.encode() + content + f"\r\n--{border}--\r\n".encode()
        kind = f"multipart/form-data; boundary={border}"
        return self.request("POST", "/gradio_api/upload", body, Content_Type=kind)

    def call(self, *data: object) -> tuple[str, object]:
        """`/classify` by raw HTTP: the last event and its data."""
        body = json.dumps({"data": data}).encode()
        status, answer = self.request("POST", "/gradio_api/call/classify", body, Content_Type="application/json")
        assert status == 200, answer
        _, stream = self.request("GET", f"/gradio_api/call/classify/{json.loads(answer)['event_id']}")
        event, value = re.findall(r"event: (\w+)\ndata: (.*)", stream.decode())[-1]
        return event, json.loads(value)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        self.process.stdout.close()
        return code


@contextlib.contextmanager
def running(app: Path | list[str], scratch: Path, *options: str, **kwargs: dict[str, str]) -> Iterator[Server]:
    server = Server(app, scratch, *options, **kwargs)
    try:
        yield server
    finally:
        server.process.kill()
        server.process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The app as it lies on the Hub, alone with what `hub.push_space` puts beside it; nothing stays when it ends."""
    space, scratch = tmp_path_factory.mktemp("space"), tmp_path_factory.mktemp("scratch")
    no_caches = shutil.ignore_patterns("__pycache__")
    shutil.copytree(SPACE, space, ignore=no_caches, dirs_exist_ok=True)
    for name in ("modeling_crossmost", "assets/crossmost-mini", "dataset_scripts/furniture"):
        shutil.copytree(ROOT / name, space / name, ignore=no_caches)
    brought = {path.name for path in space.iterdir()}
    with running(space / "app.py", scratch) as server:
        yield server
        assert list(scratch.rglob("chair.glb"))
        assert server.stop() == 0
    assert [path for path in scratch.rglob("*") if path.is_file()] == []
    assert {path.name for path in space.iterdir()} - {"__pycache__"} == brought


def predict(client, path: Path, names: str = "", up_axis: str = "y") -> dict:
    return client.predict(gradio_client.handle_file(str(path)), names, up_axis, api_name="/classify")


def without_time(line: dict) -> dict:
    return {name: value for name, value in line.items() if name != "seconds"}


def printed(capsys, monkeypatch, folder: Path, *arguments: str) -> list[dict]:
    """What `classify --json` prints."""
    monkeypatch.chdir(folder)
    classify(["--json", *arguments])
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def write_boxes(folder: Path, count: int) -> list[Path]:
    """Boxes of different proportions, all of the same name but the last part."""
    paths = [folder / f"box_{number}.off" for number in range(count)]
    for number, path in enumerate(paths):
        trimesh.creation.box(np.random.default_rng(number).uniform(0.1, 1.0, 3)).export(path)
    return paths


# ---------------------------------------------------------------------------------------------------------- answers


def test_it_answers_what_classify_prints(server, tmp_path, capsys, monkeypatch):
    trimesh.creation.cone(0.3, 1.0).export(tmp_path / "cone.glb")
    client = server.client()
    for names, axis in (("", "y"), ("a lamp, a dog", "z")):
        options = ["--classes", names] if names else []
        (expected,) = printed(capsys, monkeypatch, tmp_path, "cone.glb", "--up-axis", axis, *options)
        answer = predict(client, tmp_path / "cone.glb", names, axis)
        assert without_time(answer) == without_time(expected) and 0 < answer["seconds"] < 30


def test_a_broken_file_is_a_sentence_and_the_next_upload_works(server, tmp_path, capsys, monkeypatch):
    (tmp_path / "broken.glb").write_bytes(b"glTF" + bytes(40))
    (tmp_path / "archive.zip").write_bytes(b"PK")
    trimesh.creation.box().export(tmp_path / "box.off")
    lines = printed(capsys, monkeypatch, tmp_path, "broken.glb", "archive.zip", "box.off")
    client = server.client()
    for expected in lines:
        assert without_time(predict(client, tmp_path / expected["file"])) == without_time(expected)
    assert [line["file"] for line in lines if "error" in line] == ["broken.glb", "archive.zip"]


@pytest.mark.parametrize(
    ("names", "axis", "sentence"),
    [
        ("a, a", "y", "repeats 'a'"),
        ("", "up", "must be one of x, y, z, -x, -y, -z, got 'up'"),
        ("a," * 201, "y", "at most 200"),
    ],
)
def test_unusable_options_are_a_sentence(server, tmp_path, names, axis, sentence):
    trimesh.creation.box().export(tmp_path / "box.off")
    answer = predict(server.client(), tmp_path / "box.off", names, axis)
    assert answer["file"] == "box.off" and sentence in answer["error"]


def answer_many(server: Server, paths: list[Path], users: int) -> list[dict]:
    """Every path's answer; the users ask at once, one file after another."""
    with ThreadPoolExecutor(users) as pool:
        clients = [server.client() for _ in range(users)]

        def one_user(number: int) -> list[dict]:
            return [predict(clients[number], path) for path in paths[number::users]]

        shares = list(pool.map(one_user, range(users)))
    answers: list[dict] = [{}] * len(paths)
    for number, share in enumerate(shares):
        answers[number::users] = share
    return answers


def check_unmixed(server, paths, users, printed_lines):
    began = time.monotonic()
    answers = answer_many(server, paths, users)
    seconds = time.monotonic() - began
    print(f"{len(paths)} uploads from {users} users: {seconds:.1f} s")
    assert seconds < 90
    for answer, expected in zip(answers, printed_lines, strict=True):
        assert answer["file"] == expected["file"]
        for name in ("fused", "point", "image"):
            ours, theirs = dict(map(tuple, answer[name])), dict(map(tuple, expected[name]))
            assert ours == pytest.approx(theirs, abs=1e-4)  # batches of another size round otherwise
    assert len({json.dumps(answer["fused"]) for answer in answers}) == len(paths)


def test_many_users_get_their_own_answers(server, tmp_path, capsys, monkeypatch):
    paths = write_boxes(tmp_path, 16)
    check_unmixed(server, paths, 4, printed(capsys, monkeypatch, tmp_path, *(path.name for path in paths)))


@pytest.mark.slow
@pytest.mark.parametrize("count", [50, 400])
def test_eight_users_get_their_own_answers(server, tmp_path, capsys, monkeypatch, count):
    paths = write_boxes(tmp_path, count)
    check_unmixed(server, paths, 8, printed(capsys, monkeypatch, tmp_path, *(path.name for path in paths)))


@pytest.mark.slow
def test_space_and_model_go_to_the_hub_and_the_model_is_loaded_by_id(tmp_path, capsys, monkeypatch):
    make_model(tmp_path / "toy")
    trimesh.creation.box().export(tmp_path / "box.off")
    (expected,) = printed(capsys, monkeypatch, tmp_path, "box.off", "--model", "toy")
    with LocalHub() as hub:
        online = hub.environment(tmp_path / "home")
        for kind, folder in (("model", tmp_path / "toy"), ("space", SPACE)):
            command = [sys.executable, "-m", "modeling_crossmost", "push", kind, str(folder), f"tester/{kind}"]
            subprocess.run(command, cwd=ROOT, env={**os.environ, **online}, check=True, timeout=120)
        space = tmp_path / "space"
        for name, content in hub.files("space", "tester/space").items():
            (space / name).parent.mkdir(parents=True, exist_ok=True)
            (space / name).write_bytes(content)
        online["CROSSMOST_MODEL"] = "tester/model"  # how a Space is told
        with running(space / "app.py", tmp_path, environment=online) as server:
            assert without_time(predict(server.client(), tmp_path / "box.off")) == without_time(expected)


# ----------------------------------------------------------------------------------------------------------- safety


def test_a_file_that_is_too_large_is_refused(server):
    status, answer = server.upload("large.off", bytes(Limits.max_bytes + 1))
    assert status == 413 and b"size exceeded" in answer


@pytest.mark.parametrize("path", ["/etc/passwd", str(SPACE / "app.py"), "/proc/self/environ", "../../etc/passwd"])
@pytest.mark.parametrize("meta", [{"_type": "gradio.FileData"}, None])
def test_files_of_the_server_cannot_be_named(server, path, meta):
    body = {"path": path, "orig_name": "box.off"} | ({"meta": meta} if meta else {})
    event, _ = server.call(body, "", "y")
    assert event == "error"
    status, content = server.request("GET", f"/gradio_api/file={path}")
    assert status in (403, 404) and b"root:" not in content and b"import" not in content


def test_addresses_are_not_fetched(server):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.5)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/box.off"
        event, _ = server.call({"path": address, "url": address, "meta": {"_type": "gradio.FileData"}}, "", "y")
        assert event == "error"
        with pytest.raises(TimeoutError):
            listener.accept()


def test_only_the_endpoint_can_be_called(server):
    endpoints = server.client().view_api(return_format="dict", print_info=False)
    assert list(endpoints["named_endpoints"]) == ["/classify"] and not endpoints["unnamed_endpoints"]


def test_uploads_go_after_a_while(tmp_path):
    uploads = load_module("uploads")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "chair.glb").write_bytes(b"x")
    uploads.sweep(tmp_path, age=60.0)
    assert (tmp_path / "old" / "chair.glb").exists()
    time.sleep(1.5)
    (tmp_path / "new.glb").write_bytes(b"x")
    uploads.sweep(tmp_path, age=1.4)
    assert (tmp_path / "new.glb").exists() and not (tmp_path / "old" / "chair.glb").exists()
    uploads.sweep(tmp_path, age=-1.0)  # the folder too, which changed when it was emptied
    assert list(tmp_path.iterdir()) == []


def test_turning_tries_all_six_ways_by_ninety_degrees_each():
    following = load_module("inference").NEXT_AXIS
    ways = ["y"]
    while len(ways) < 6:
        ways.append(following[ways[-1]])
    assert set(ways) == set(FILE_AXES) and following[ways[-1]] == "y"
    ups = {axis: convert_up_axis(np.array([0.0, 1.0, 0.0]), "y", axis) for axis in ways}
    assert all(ups[axis] @ ups[after] == 0.0 for axis, after in following.items())


def load_module(name: str):
    spec = importlib.util.spec_from_file_location(f"space_{name}", SPACE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for it
    spec.loader.exec_module(module)
    return module


# ---------------------------------------------------------------------------------------------------- the command


APP, COMMAND = ["space_app/app.py"], ["-m", "modeling_crossmost", "space"]


def test_the_command_serves_the_page_from_anywhere(tmp_path):
    trimesh.creation.box().export(tmp_path / "box.off")
    environment = {**OFFLINE, "PYTHONPATH": str(ROOT)}
    with running(COMMAND, tmp_path, environment=environment) as server:
        assert predict(server.client(), tmp_path / "box.off")["notes"] is not None
        assert server.stop() == 0


def test_without_the_repository_one_sentence_says_where_the_page_is(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(space, "FOLDER", tmp_path)
    assert space.main([]) == 2
    assert capsys.readouterr().err.startswith("error: the page is part of the repository")


@pytest.mark.parametrize("program", [APP, COMMAND], ids=["app.py", "crossmost space"])
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--model", "assets/none"], "cannot be loaded"),
        (["--port", "70000"], "--port must lie between 1 and 65535, got 70000"),
        (["--color", "red"], "unrecognized arguments"),
    ],
)
def test_unusable_arguments_are_one_sentence(program, options, sentence):
    ended = subprocess.run([sys.executable, *program, *options], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 2 and ended.stdout == ""
    assert ended.stderr.startswith("error: ") and sentence in ended.stderr and ended.stderr.count("\n") == 1


def test_the_card_and_the_requirements_agree_with_the_project():
    import tomllib

    head = yaml.safe_load((SPACE / "README.md").read_text().split("---")[1])
    assert (head["sdk"], head["app_file"]) == ("gradio", "app.py") and (SPACE / head["app_file"]).is_file()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = (SPACE / "requirements.txt").read_text().splitlines()
    # No other index: a CPU build of torch beside a plain torchvision cannot be imported.
    assert {line for line in lines if line[0] != "#"} == set(project["dependencies"])
    (wanted,) = project["optional-dependencies"]["space"]
    version = tuple(map(int, wanted.removeprefix("gradio>=").split(".")))
    assert tuple(map(int, head["sdk_version"].split(".")[:2])) >= version


# ------------------------------------------------------------------------------------------------------ the browser


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="the browser's driver is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no browser here: install Debian's chromium")
    flags = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@contextlib.contextmanager
def opened(browser, server: Server, width: int, height: int):
    """The page; it may ask nobody but the server for anything."""
    page = browser.new_page(viewport={"width": width, "height": height})
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]) if "//" in request.url else None)
    page.goto(server.url)
    yield page
    page.close()
    assert hosts == {f"127.0.0.1:{server.port}"}


def drawn(page, number: int) -> None:
    """Wait until a viewer shows more than its background."""
    canvas = page.locator("canvas").nth(number)
    canvas.scroll_into_view_if_needed()
    for _ in range(40):
        if len(set(canvas.screenshot())) > 200 and len(canvas.screenshot()) > 4_000:
            return
        page.wait_for_timeout(250)
    raise AssertionError(f"viewer {number} stays empty")


def test_a_browser_shows_an_object_and_then_a_failure(browser, server, tmp_path):
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    (tmp_path / "broken.glb").write_bytes(b"glTF" + bytes(40))
    with opened(browser, server, 1280, 1100) as page:
        page.get_by_role("button", name="Chair", exact=True).click()
        page.locator("#answer[role=status]").get_by_text("chair.glb").wait_for()
        assert page.locator("#answer[role=status]").inner_text().startswith("chair, ")
        assert page.locator("#views img").count() == 12
        drawn(page, 0)
        drawn(page, 1)
        page.screenshot(path=SCREENSHOTS / "chair.png", full_page=True)
        page.get_by_label("Clear").first.click()
        page.locator("input[type=file]").first.set_input_files(tmp_path / "broken.glb")
        page.get_by_text("This did not work.").wait_for()
        assert page.locator("#answer[role=status]").inner_text().count("broken.glb") == 1
        assert page.locator("#views img").count() == 0
        page.screenshot(path=SCREENSHOTS / "failure.png", full_page=True)


def test_the_remedy_for_a_chair_on_its_back_works_by_keyboard(browser, server):
    with opened(browser, server, 1280, 1100) as page:
        page.get_by_role("button", name="Chair on its back").focus()
        page.keyboard.press("Enter")
        page.get_by_text("chair_z_up.glb,").wait_for()
        turn = page.get_by_role("button", name="Rotate 90")
        turn.focus()
        page.keyboard.press("Space")
        page.get_by_role("radio", name="z (CAD, scans)").and_(page.locator(":checked")).wait_for()
        page.locator("#answer[role=status]").get_by_text(re.compile("^chair$")).wait_for()
        page.get_by_label("Class names, separated by commas").fill("a bed, a dog")
        page.keyboard.press("Enter")
        page.locator("#answer[role=status]").get_by_text(re.compile("^a (bed|dog)$")).wait_for()


def test_a_phone_shows_all_of_it(browser, server):
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with opened(browser, server, 390, 2900) as page:
        page.get_by_role("button", name="Chair", exact=True).click()
        page.locator("#answer[role=status]").get_by_text("chair.glb").wait_for()
        drawn(page, 0)
        drawn(page, 1)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.screenshot(path=SCREENSHOTS / "phone.png", full_page=True)
