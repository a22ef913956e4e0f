"""What deploy/ has for an operator: nginx and systemd accept it, and it does what docs/deploy.md says."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.polling import eventually
from tests.test_house import ROOT

sys.path.append(str(ROOT / "benchmarks"))

import servers  # found through the line above

UNIT = ROOT / "deploy" / "persona-studio.service"
NGINX = (ROOT / "deploy" / "nginx.conf").read_text()
SESSION = "5f1d0c77-a3e9-4b0f-8c21-d6e7b4905a1e"


def program(name: str) -> str:
    """Where a program is; a test that needs a missing one is skipped, unless none may be."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None and not os.environ.get("NO_SKIPS"):
        pytest.skip(f"{name} is not installed")
    assert found, f"{name} is not installed"
    return found


# systemd


def settings() -> dict[str, str]:
    """The unit's settings; several of one name with spaces between them."""
    text = UNIT.read_text().replace("\\\n", "")
    found: dict[str, str] = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE):
        found[name] = f"{found[name]} {value}" if name in found else value
    return found


def test_systemd_says_that_the_unit_is_closed_well() -> None:
    command = [program("systemd-analyze"), "security", "--offline=true", "--threshold=20", "--no-pager", str(UNIT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_systemd_knows_every_line_of_the_unit(tmp_path: Path) -> None:
    copy = tmp_path / UNIT.name
    copy.write_text(re.sub(r"(?m)^ExecStart=.*\\\n.*$", "ExecStart=/bin/true", UNIT.read_text()))
    command = [program("systemd-analyze"), "verify", "--man=no", str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert [line for line in done.stderr.splitlines() if UNIT.name in line] == []


def test_the_unit_gives_the_program_what_it_needs() -> None:
    unit = settings()
    assert unit["StateDirectory"] == "persona-studio"
    assert "DATABASE_URL=sqlite:////var/lib/persona-studio/" in unit["Environment"]
    assert "TMPDIR=/var/tmp" in unit["Environment"].split()  # /tmp may be in memory, which MemoryMax limits
    assert unit["PrivateTmp"] == "yes"
    assert (unit["UMask"], unit["LimitNOFILE"], unit["Restart"]) == ("0077", "65536", "always")
    assert int(unit["TimeoutStopSec"]) > 125  # KIE_READ_TIMEOUT and 5 seconds
    assert "--server.allowedHosts=studio.example.com" in unit["ExecStart"]


# nginx


def test_uploads_may_be_as_large_as_streamlit_lets_them() -> None:
    most = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["server"]["maxUploadSize"]
    assert re.findall(r"client_max_body_size (\S+);", NGINX) == ["64k", f"{most}m"]


def test_slow_requests_end_in_the_server_that_answers_before_a_name_is_known_too() -> None:
    of_all_servers = NGINX.partition("\nserver {")[0]
    assert {"client_header_timeout 10s", "client_body_timeout 10s"} <= set(re.findall(r"\w+ \w+(?=;)", of_all_servers))


class Front(NamedTuple):
    """A running nginx, what it logs, and what arrived behind it."""

    port: int
    folder: Path
    behind: HTTPServer

    def get(self, path: str, host: str = "localhost", method: str = "GET", body: bytes = b"") -> tuple[int, str]:
        """Return the status and the Server header of an answer."""
        connection = http.client.HTTPSConnection("localhost", self.port, timeout=10, context=unchecked())
        connection.request(method, path, body, {"Host": host})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status, answer.headers.get("Server", "")

    @property
    def log(self) -> str:
        return (self.folder / "persona-studio.log").read_text()


@pytest.fixture(scope="module")
def visitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """Asks a running nginx under what name it limits an address."""
    folder = tmp_path_factory.mktemp("visitor")
    port = servers.free_port()
    rule = re.findall(r"(?ms)^map \$\w+ \$visitor \{.*?^\}", NGINX)[0]
    # The address is what a header says. The name, whatever its bytes, is shown as nginx writes it into JSON logs.
    server = f"""{rule}
    set_real_ip_from 127.0.0.1; real_ip_header X-Address;
    log_format visitor escape=json '$http_x_address "$visitor"';
    server {{ listen 127.0.0.1:{port}; access_log {folder}/visitors visitor; return 204; }}"""
    (folder / "nginx.conf").write_text(f"pid {folder}/pid; daemon off; events {{}} http {{ {server} }}")
    command = [program("nginx"), "-p", str(folder), "-e", str(folder / "log"), "-c", str(folder / "nginx.conf")]
    process = subprocess.Popen(command)

    def ask(address: str) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/", headers={"X-Address": address})
        assert connection.getresponse().status == 204
        connection.close()
        log = folder / "visitors"
        lines = eventually(
            lambda: [each for each in log.read_text("latin-1").split("\n") if each.startswith(f"{address} ")]
        )
        return lines[0].removeprefix(f"{address} ")

    try:
        eventually(lambda: servers._listens(port), instead=lambda: (folder / "log").read_text())
        yield ask
    finally:
        process.terminate()
        process.wait()


def unchecked() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    program("nginx")
    program("openssl")
    folder = tmp_path_factory.mktemp("nginx")
    with HTTPServer() as behind:
        behind.expect_request(re.compile(".*")).respond_with_handler(lambda request: Response(request.host))
        with servers.nginx(folder, [f"127.0.0.1:{behind.port}"]) as url:
            yield Front(int(url.rpartition(":")[2]), folder, behind)


def arrived(front: Front) -> list[Request]:
    return [request for request, _ in front.behind.log]


def test_a_request_arrives_with_the_name_and_the_address(front: Front) -> None:
    assert front.get("/library?attempt=1") == (200, "nginx")
    request = arrived(front)[-1]
    assert request.host == "localhost"
    assert (request.headers["X-Forwarded-Proto"], request.headers["X-Forwarded-For"]) == ("https", "127.0.0.1")


@pytest.mark.parametrize(
    "path", ["/_stcore/metrics", "/_stcore/agent/mcp", "/_stcore/agent/interact", "//_stcore/./metrics"]
)
def test_what_is_for_programs_does_not_arrive(path: str, front: Front) -> None:
    before = len(front.behind.log)
    assert front.get(path) == (404, "nginx")
    assert len(front.behind.log) == before


def test_another_name_does_not_arrive(front: Front) -> None:
    before = len(front.behind.log)
    with pytest.raises(http.client.RemoteDisconnected):
        front.get("/", host="evil.example")
    with socket.create_connection(("localhost", front.port), 5) as plain, pytest.raises(ssl.SSLError):
        unchecked().wrap_socket(plain, server_hostname="evil.example")
    assert len(front.behind.log) == before


def test_only_an_upload_may_be_large(front: Front) -> None:
    body = b"x" * 100_000
    assert front.get("/_stcore/stream", method="POST", body=body)[0] == 413
    assert front.get(f"/_stcore/upload_file/{SESSION}/1", method="PUT", body=body)[0] == 200


def test_the_log_has_no_key_and_no_session(front: Front) -> None:
    secret = "5f1d0c77a3e94b0f8c21d6e7b4905a1e"
    for path in (
        f"/changes?key={secret}",
        f"/library?x={secret}",
        f"/media/{secret}.csv",
        f"/_stcore/upload_file/{secret}/{secret}",
        f"//_stcore/./upload_file/{secret}/{secret}",
        f"/%5fstcore/upload_file/{secret}/%0a",
    ):
        front.get(path)
    eventually(lambda: front.log.count("upload_file/...") >= 3)
    assert secret not in front.log
    assert " GET /changes 200 " in front.log
    assert secret not in "".join(file.read_text() for file in front.folder.glob("*.log"))


def test_too_many_uploads_at_once_are_refused(front: Front) -> None:
    statuses = [front.get(f"/_stcore/upload_file/{SESSION}/{number}", method="PUT")[0] for number in range(40)]
    assert 429 in statuses
    assert front.get("/")[0] == 200


@pytest.mark.parametrize(
    "others",
    [
        ["2001:db8:0:1::1", "2001:db8:0:1:5:6:7:8"],
        ["2001:db8::1", "2001:db8::5:6:7:8", "2001:db8:0:0:5:6:7:8"],
        ["::5:6:7:8", "::1"],
        ["2001:db8:0:a0a::a", "2001:db8:0:a0a:a0a:a0a:a0a:a0a"],
    ],
)
def test_all_of_a_64_are_one_visitor(others: list[str], visitor: Callable[[str], str]) -> None:
    assert len({visitor(address) for address in others}) == 1


def test_other_networks_and_each_ipv4_are_visitors_of_their_own(visitor: Callable[[str], str]) -> None:
    addresses = ["2001:db8::1", "2001:db8:0:1::1", "2001:db9::1", "192.0.2.1", "192.0.2.2", "10.10.10.10"]
    assert len({visitor(address) for address in addresses}) == len(addresses)
