"""Files from the internet: bounded in time and size, and only from the addresses that were judged."""

from __future__ import annotations

import datetime
import gzip
import itertools
import socket
import ssl
import threading
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_httpserver import HTTPServer

from kie import public_download
from kie.public_download import NotPublic, download, public_addresses
from tests.kie.servers import ScriptedServer, answer

MIB = 1024 * 1024
NAME = "cdn.example"
PUBLIC = "93.184.215.14"
LOCAL = "127.0.0.1"
connect = socket.create_connection
look_up = socket.getaddrinfo


class Net:
    """A small internet of one name: where it leads, what was looked up and what was connected to."""

    def __init__(self) -> None:
        self.port = 0
        """Of the local server that stands at the public address."""
        self.leads: list[list[str]] = [[PUBLIC]]
        """Where the name leads: the first time, the second, and from then on."""
        self.looked_up: list[str] = []
        self.connected: list[str] = []

    def getaddrinfo(self, host: str, port: int, *args: Any, **options: Any) -> Sequence[tuple[object, ...]]:
        if host != NAME:
            return look_up(host, port, *args, **options)
        self.looked_up.append(host)
        found = self.leads.pop(0) if len(self.leads) > 1 else self.leads[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in found]

    def create_connection(self, where: tuple[str, int], timeout: float) -> socket.socket:
        self.connected.append(where[0])
        if where[0] != PUBLIC:
            raise ConnectionRefusedError("nobody there")
        return connect((LOCAL, self.port), timeout)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for the name, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("certificate") / "both.pem"
    form = serialization.Encoding.PEM
    private = key.private_bytes(form, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(private + made.public_bytes(form))
    return file


@pytest.fixture
def names() -> list[str | None]:
    """The names that clients asked for in TLS."""
    return []


@pytest.fixture
def site(certificate: Path, names: list[str | None]) -> Iterator[HTTPServer]:
    """A server of the name, over TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda each, name, _: names.append(name)
    with HTTPServer(host=LOCAL, ssl_context=context) as server:
        server.expect_request("/a.mp3").respond_with_data(b"sound")
        yield server


@pytest.fixture
def empty(monkeypatch: pytest.MonkeyPatch) -> Net:
    """The net without a server."""
    net = Net()
    monkeypatch.setattr(socket, "getaddrinfo", net.getaddrinfo)
    monkeypatch.setattr(socket, "create_connection", net.create_connection)
    return net


@pytest.fixture
def net(empty: Net, site: HTTPServer, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Net:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    empty.port = site.port
    return empty


def get(path: str = "/a.mp3", most: int = MIB, seconds: float = 5) -> bytes:
    return download(f"https://{NAME}{path}", most, seconds)


# Where it connects to


def test_a_file_is_fetched(net: Net) -> None:
    assert get() == b"sound"


def test_the_address_that_was_judged_is_the_one_connected_to(net: Net) -> None:
    net.leads = [[PUBLIC], [LOCAL]]
    assert get() == b"sound"
    assert (net.looked_up, net.connected) == ([NAME], [PUBLIC])


def test_tls_and_host_keep_to_the_name(net: Net, site: HTTPServer, names: list[str | None]) -> None:
    get()
    assert (names, site.log[0][0].headers["Host"]) == ([NAME], NAME)


def test_a_certificate_of_another_name_is_refused(
    net: Net, site: HTTPServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = net.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, port, *args, **options: other(NAME, port))
    assert download("https://other.example/a.mp3", MIB, 5) == b""
    assert (net.connected, site.log) == ([PUBLIC], [])


def test_an_address_that_nobody_answers_at_gives_way_to_the_next(net: Net) -> None:
    net.leads = [["93.184.215.15", PUBLIC]]
    assert get() == b"sound"


@pytest.mark.parametrize("leads", [[LOCAL], [PUBLIC, LOCAL], [LOCAL, PUBLIC]])
def test_a_name_that_leads_inside_is_not_connected_to(leads: list[str], empty: Net) -> None:
    empty.leads = [leads]
    with pytest.raises(NotPublic):
        get()
    assert empty.connected == []


INSIDE = {
    "127.0.0.1": "this machine",
    "0.0.0.0": "this machine",
    "::1": "this machine",
    "::": "this machine",
    "10.0.0.1": "private",
    "172.16.0.1": "private",
    "192.168.1.1": "private",
    "fd00::1": "private",
    "fec0::1": "private, in an old way",
    "100.64.0.1": "a provider's own network",
    "169.254.169.254": "the link: a cloud's secrets",
    "fe80::1%lo": "the link",
    "224.0.0.1": "many at once",
    "ff02::1": "many at once",
    "255.255.255.255": "all",
    "::ffff:127.0.0.1": "IPv4 in IPv6",
    "2002:7f00:1::": "IPv4 in IPv6: 6to4",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2": "IPv4 in IPv6: Teredo",
    "64:ff9b::7f00:1": "IPv4 in IPv6: NAT64",
    "64:ff9b::a9fe:a9fe": "IPv4 in IPv6: NAT64, the link",
}


def test_an_address_inside_is_not_public(empty: Net) -> None:
    for address, reason in INSIDE.items():
        empty.leads = [[address]]
        with pytest.raises(NotPublic):
            pytest.fail(f"{public_addresses(NAME, 443)} is {reason}")


def test_an_address_outside_is_public(empty: Net) -> None:
    outside = [PUBLIC, "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::5db8:d70e"]
    empty.leads = [outside]
    assert public_addresses(NAME, 443) == outside


@pytest.mark.parametrize("host", ["kie.invalid", "x" * 64 + ".example", "a..b"])
def test_a_name_that_is_not_found_has_no_file(host: str) -> None:
    assert download(f"https://{host}/a.mp3", MIB, 5) == b""


def test_nothing_but_the_file_is_asked_for(
    net: Net, site: HTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {NAME} login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    get()
    assert not {"Authorization", "Cookie"} & set(site.log[0][0].headers.keys())


# A proxy


@pytest.fixture
def proxy(server: ScriptedServer, empty: Net, monkeypatch: pytest.MonkeyPatch) -> ScriptedServer:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("HTTPS_PROXY", server.base_url)
    monkeypatch.setattr(socket, "create_connection", connect)
    return server.sends(answer("", 503))


def test_a_proxy_from_the_environment_is_used(proxy: ScriptedServer) -> None:
    assert get() == b""
    assert [seen.path for seen in proxy.requests] == [f"{NAME}:443"]


def test_a_name_that_leads_inside_is_not_asked_of_a_proxy(proxy: ScriptedServer, empty: Net) -> None:
    empty.leads = [[LOCAL]]
    with pytest.raises(NotPublic):
        get()
    assert proxy.requests == []


# Bounded


def local(server: ScriptedServer, most: int = MIB, seconds: float = 5) -> bytes:
    return download(f"{server.base_url}/a.mp3", most, seconds, public=False)


def endless(head: bytes) -> Iterator[bytes]:
    return itertools.chain([head + b"\r\n\r\n"], itertools.repeat(b"x" * 65536))


def dripping(*pieces: bytes) -> Iterator[bytes]:
    """The pieces, and then a byte now and then."""
    yield from pieces
    while True:
        yield b"x"
        threading.Event().wait(0.02)


TOO_MUCH: dict[str, Callable[[], bytes | Iterator[bytes]]] = {
    "a body without end": lambda: endless(b"HTTP/1.1 200 OK"),
    "a redirect with a body without end": lambda: endless(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere"),
    "a redirect with a long body": lambda: endless(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 314572800"),
    "a refusal with a body without end": lambda: endless(b"HTTP/1.1 404 Not Found"),
    "a header without end": lambda: itertools.chain([b"HTTP/1.1 200 OK\r\nX: "], itertools.repeat(b"x" * 65536)),
    "headers without end": lambda: itertools.chain([b"HTTP/1.1 200 OK\r\n"], itertools.repeat(b"X: y\r\n" * 1000)),
    "a packed body": lambda: answer(gzip.compress(bytes(100 * MIB), 1), Content_Encoding="gzip"),
}


@pytest.mark.parametrize("say", TOO_MUCH.values(), ids=TOO_MUCH)
def test_too_much_is_nothing_and_takes_little_memory(
    say: Callable[[], bytes | Iterator[bytes]], server: ScriptedServer
) -> None:
    server.sends(say())
    tracemalloc.start()
    try:
        assert local(server) == b""
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 * MIB


TOO_SLOW: dict[str, tuple[bytes, ...]] = {
    "headers": (b"HTTP/1.1 200 OK\r\n",),
    "a header": (b"HTTP/1.1 200 OK\r\nX: ",),
    "a status line": (b"HTTP/1.1 ",),
    "a body": (b"HTTP/1.1 200 OK\r\n\r\n",),
    "a chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n",),
    "a chunk's length": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;",),
}


@pytest.mark.parametrize("pieces", TOO_SLOW.values(), ids=TOO_SLOW)
def test_what_drips_ends_in_time(pieces: tuple[bytes, ...], server: ScriptedServer) -> None:
    server.sends(dripping(*pieces))
    assert local(server, seconds=0.3) == b""
    assert server.hung_up.wait(5)


def test_a_body_slower_than_the_pace_is_given_up_sooner(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public_download, "FIRST_SECONDS", 0.2)
    server.sends(dripping(b"HTTP/1.1 200 OK\r\n\r\n"))
    assert local(server, seconds=3600) == b""


def test_a_body_that_keeps_the_pace_has_more_time_than_the_first_seconds(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public_download, "FIRST_SECONDS", 0.2)
    monkeypatch.setattr(public_download, "MIN_RATE", 1)
    server.sends(itertools.chain([b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n"], itertools.islice(dripping(), 40)))
    assert local(server, seconds=60) == b"x" * 40


def test_a_file_of_just_the_greatest_size_is_fetched(server: ScriptedServer) -> None:
    server.sends(answer(b"x" * 100))
    assert (local(server, most=100), local(server, most=99)) == (b"x" * 100, b"")


def test_a_packed_file_is_unpacked(server: ScriptedServer) -> None:
    server.sends(answer(gzip.compress(b"sound"), Content_Encoding="gzip"))
    assert local(server) == b"sound"


def test_a_file_that_breaks_off_is_none(server: ScriptedServer) -> None:
    server.sends([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsound"])
    assert local(server) == b""


def test_a_redirect_is_not_followed(server: ScriptedServer) -> None:
    server.sends(answer("moved", 302, Location="/elsewhere"))
    assert (local(server), len(server.requests)) == (b"", 1)
