"""Calls to the outside reach public addresses over https, or nothing at all."""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from payments.core import http

NOT_PUBLIC = """
127.0.0.1 127.8.8.8 0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.254
169.254.0.1 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.8 192.0.2.1
192.88.99.1 192.168.0.1 192.168.255.255 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1
224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
:: ::1 ::2 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:0.0.0.0
::ffff:7f00:1 ::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::1 100::1 2001::1
2001:0:7f00:1:: 2001:2::1 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1:: 2002:a9fe:a9fe:: 3fff::1
4000::1 5f00::1 8000::1 fc00::1 fd00:ec2::254 fe80::1 febf::1 fec0::1 ff02::1 ff0e::1
""".split()

PUBLIC = "1.1.1.1 8.8.8.8 113.160.0.1 203.162.4.190 2001:ee0:1::1 2606:4700::1111".split()

SPELLINGS_OF_THIS_MACHINE = """
127.0.0.1 127.1 127.0.1 2130706433 0x7f000001 0x7f.1 0177.0.0.1 017700000001 0 0.0.0.0 0x0
127.0.0.1. localhost
[::1] [::] [::ffff:127.0.0.1] [::ffff:7f00:1] [0:0:0:0:0:0:0:1]
[0000:0000:0000:0000:0000:0000:0000:0001] [::127.0.0.1]
""".split()

UNREADABLE = [
    "",
    "hooks.example.vn",
    "//hooks.example.vn/",
    "https:/hooks.example.vn/",
    "https://",
    "https:///x",
    "ftp://hooks.example.vn/",
    "file:///etc/passwd",
    "gopher://hooks.example.vn/",
    "javascript:alert(1)",
    "https://user@hooks.example.vn/",
    "https://user:word@hooks.example.vn/",
    "https://hooks.example.vn@127.0.0.1/",
    "https://127.0.0.1#@hooks.example.vn/",
    "https://hooks.example.vn/#part",
    "https://hooks.example.vn\\@127.0.0.1/",
    "https://hooks.example.vn\\.evil.vn/",
    "https://hooks.example.vn /",
    " https://hooks.example.vn/",
    "https://hooks.example.vn/\r\nX: y",
    "https://hooks.example.vn/\n",
    "https://hooks.example.vn/\t",
    "https://hooks.example.vn/a b",
    "https://hooks.example.vn/ăn",
    "https://①②⑦.0.0.1/",
    "https://１２７.0.0.1/",
    "https://hooks。example.vn/",
    "https://hooks.example.vn:0/",
    "https://hooks.example.vn:65536/",
    "https://hooks.example.vn:-1/",
    "https://hooks.example.vn:x/",
    "https://[::1/",
    "https://[fe80::1%25eth0]/",
    "https://::1/",
    "https://%31%32%37.0.0.1/",
    "https://-/",
    "https://.vn/",
    "https://hooks.example.vn/" + "a" * 2048,
]

Answers = Callable[[str, int], Sequence[str]]


def names(*answers: Sequence[str]) -> Answers:
    """A resolver that gives `answers` one call after the other, then fails the test."""
    left = list(answers)

    def resolve(host: str, port: int) -> Sequence[str]:
        return left.pop(0)

    return resolve


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_inside_any_network_is_not_public(address: str) -> None:
    """Loopback, private, link-local, reserved and address-carrying addresses are not public."""
    assert not http.is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    """Ordinary addresses of the Internet may be called."""
    assert http.is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("host", SPELLINGS_OF_THIS_MACHINE)
def test_no_spelling_of_this_machine_is_called(host: str) -> None:
    """However loopback is spelled, the machine's own resolver names it and it is refused."""
    with pytest.raises(http.AddressRefused):
        http.Client().post(f"https://{host}/hook", body=b"{}", headers={})


@pytest.mark.parametrize("url", UNREADABLE)
def test_a_url_out_of_order_is_refused_before_any_look_up(url: str) -> None:
    """Credentials, fragments, odd characters, other schemes and broken ports are refused."""
    with pytest.raises(http.AddressRefused) as refused:
        http.Client(resolve=names()).post(url, body=b"", headers={})
    assert refused.value.fields["reason"] == "unreadable"


def test_plain_http_is_refused() -> None:
    """Without an exception in the settings only https is spoken."""
    with pytest.raises(http.AddressRefused) as refused:
        http.Client(resolve=names()).post("http://hooks.example.vn/", body=b"", headers={})
    assert refused.value.fields["reason"] == "not_https"


@pytest.mark.parametrize("inside", NOT_PUBLIC)
def test_one_inside_address_among_public_ones_refuses_the_name(inside: str) -> None:
    """Every address of a name has to be public, wherever in the list it stands."""
    client = http.Client(resolve=names(["1.1.1.1", inside, "8.8.8.8"]))
    with pytest.raises(http.AddressRefused) as refused:
        client.post("https://hooks.example.vn/", body=b"", headers={})
    assert refused.value.fields["reason"] == "not_public"


def test_a_zone_or_nonsense_from_the_resolver_is_refused() -> None:
    """What is not an address is never connected to."""
    for told in ("fe80::1%eth0", "hooks.example.vn", "127.1"):
        with pytest.raises(http.AddressRefused):
            http.Client(resolve=names([told])).post("https://a.vn/", body=b"", headers={})


def test_a_name_nobody_knows_is_not_reached() -> None:
    """An unknown name may be known later: it is an outage, not a refusal."""

    def unknown(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    for resolve in (unknown, names([])):
        with pytest.raises(http.NotReached) as missed:
            http.Client(resolve=resolve).post("https://a.vn/", body=b"", headers={})
        assert missed.value.fields["reason"] == "name"


def test_a_resolver_that_keeps_silent_is_not_waited_for() -> None:
    """A name server that never answers holds no call for ever."""
    asked = threading.Event()

    def silent(host: str, port: int) -> Sequence[str]:
        asked.wait(5)
        return []

    began = time.monotonic()
    with pytest.raises(http.NotReached) as missed:
        http.Client(resolve=silent, limits=http.Limits(whole=0.2)).get("https://a.vn/", headers={})
    asked.set()
    assert missed.value.fields["reason"] == "timeout"
    assert time.monotonic() - began < 2


class Peer:
    """A server on loopback that answers each connection with the given pieces, slowly if asked."""

    def __init__(
        self, *pieces: bytes, pause: float = 0, tls: ssl.SSLContext | None = None, host: str
    ) -> None:
        self._pieces, self._pause, self._tls = pieces, pause, tls
        self.heard: list[bytes] = []
        self._listener = socket.create_server((host, 0))
        self.port = self._listener.getsockname()[1]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._ended.is_set():
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            try:
                if self._tls is not None:
                    line = self._tls.wrap_socket(line, server_side=True)
                line.settimeout(5)
                self.heard.append(_whole_request(line))
                for piece in self._pieces:
                    if self._ended.wait(self._pause):
                        return
                    line.sendall(piece)
            except OSError:
                pass
            finally:
                line.close()

    def close(self) -> None:
        self._ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)


def _whole_request(line: socket.socket) -> bytes:
    """What a caller sent, head and body, however it was cut into pieces."""
    heard = b""
    while piece := line.recv(65536):
        heard += piece
        head, end, body = heard.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        if end and len(body) >= (int(length[1]) if length else 0):
            break
    return heard


Peers = Callable[..., Peer]


@pytest.fixture
def peer() -> Iterator[Peers]:
    """Starts peers on loopback and ends them with the test."""
    started: list[Peer] = []

    def start(
        *pieces: bytes,
        pause: float = 0,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
    ) -> Peer:
        started.append(Peer(*pieces, pause=pause, tls=tls, host=host))
        return started[-1]

    yield start
    for one in started:
        one.close()


OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nfine"


def calling(resolve: Answers | None = None, *, limits: http.Limits | None = None) -> http.Client:
    """A client whose settings allow `bank.internal`, which lives on this machine."""
    return http.Client(
        allowed=["Bank.internal"], resolve=resolve or names(["127.0.0.1"]), limits=limits
    )


def test_an_allowed_host_may_be_private_and_plain(peer: Peers) -> None:
    """The settings may name a host inside; its answer comes back whole."""
    bank = peer(OK)
    answer = calling().post(
        f"http://bank.internal:{bank.port}/pay?x=1", body=b"{}", headers={"webhook-id": "m1"}
    )
    assert (answer.status, answer.body, answer.cut) == (200, b"fine", False)
    assert answer.headers["content-type"] == "text/plain"
    asked = bank.heard[0].decode()
    assert asked.startswith("POST /pay?x=1 HTTP/1.1\r\n")
    assert f"Host: bank.internal:{bank.port}\r\n" in asked
    assert "webhook-id: m1\r\n" in asked
    assert asked.endswith("\r\n\r\n{}")


def test_a_name_that_changes_its_mind_gains_nothing(peer: Peers) -> None:
    """The name is looked up once, and the address that was checked is the one called."""
    first, second = peer(OK), peer(OK, host="127.0.0.2")
    client = calling(names(["127.0.0.1"], ["127.0.0.2"]))
    answer = client.get(f"http://bank.internal:{first.port}/", headers={})
    assert answer.address == "127.0.0.1"
    assert len(first.heard) == 1
    assert second.heard == []


def test_a_public_name_is_routed_to_the_address_that_was_checked() -> None:
    """The resolver is asked once; a second, inside answer would never be seen."""
    client = http.Client(resolve=names(["113.160.0.1"], ["127.0.0.1"]))
    goal = http.destination("https://hooks.example.vn/")
    assert client.route(goal) == ["113.160.0.1"]


def test_a_redirect_is_an_answer_and_is_not_followed(peer: Peers) -> None:
    """A 3xx is reported as it is; where it points to is never called."""
    inside = peer(OK)
    bank = peer(
        f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{inside.port}/\r\n"
        "Content-Length: 0\r\n\r\n".encode()
    )
    answer = calling().post(f"http://bank.internal:{bank.port}/", body=b"", headers={})
    assert answer.status == 302
    assert inside.heard == []


def test_an_endless_answer_is_cut(peer: Peers) -> None:
    """Only the first 64 KiB of an answer are read."""
    bank = peer(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 32_768] * 40)
    answer = calling().get(f"http://bank.internal:{bank.port}/", headers={})
    assert (len(answer.body), answer.cut) == (65_536, True)


def test_a_compressed_answer_is_not_unpacked(peer: Peers) -> None:
    """A small answer stays small: what claims to be gzip is kept as bytes."""
    bank = peer(
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00"
    )
    answer = calling().get(f"http://bank.internal:{bank.port}/", headers={})
    assert answer.body == b"\x1f\x8b\x08\x00"


def test_all_addresses_together_have_one_time(peer: Peers) -> None:
    """A name with many silent addresses takes no longer than one."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for line in waiting:  # the queue is full, so whoever comes after them waits
            line.setblocking(False)
            line.connect_ex(("127.0.0.1", port))
        client = calling(
            names(["127.0.0.1"] * 3), limits=http.Limits(connect=0.4, read=0.4, whole=0.6)
        )
        began = time.monotonic()
        with pytest.raises(http.NotReached) as missed:
            client.get(f"http://bank.internal:{port}/", headers={})
        for line in waiting:
            line.close()
    assert missed.value.fields["reason"] == "timeout"
    assert time.monotonic() - began < 1.5


HURRY = http.Limits(connect=0.5, read=0.3, whole=0.8)


@pytest.mark.parametrize(
    ("pieces", "pause"),
    [
        ((OK,), 3.0),
        (tuple(OK[i : i + 1] for i in range(len(OK))), 0.2),
        ((b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", *[b"x"] * 99), 0.2),
        ((b"HTTP/1.0 200 OK\r\nContent-Length: 99\r\n\r\n", *[b"x"] * 99), 0.2),
    ],
    ids=["silent", "dripping headers", "dripping body", "dripping body of a closed line"],
)
def test_a_slow_peer_is_given_up_in_time(
    peer: Peers, pieces: tuple[bytes, ...], pause: float
) -> None:
    """Silence and dripping end with the call's whole time, not with the peer's patience."""
    bank = peer(*pieces, pause=pause)
    began = time.monotonic()
    with pytest.raises(http.NotReached) as missed:
        calling(limits=HURRY).get(f"http://bank.internal:{bank.port}/", headers={})
    assert missed.value.fields["reason"] == "timeout"
    assert time.monotonic() - began < 2.5


@pytest.mark.parametrize(
    "piece",
    [
        b"",
        b"\x00\xff\x00",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfew",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70_000,
    ],
    ids=["nothing", "noise", "status", "short", "chunk", "many headers", "long header"],
)
def test_a_broken_answer_is_not_an_answer(peer: Peers, piece: bytes) -> None:
    """Half an answer or nonsense is reported as broken, never as a success."""
    bank = peer(piece)
    with pytest.raises(http.NotReached) as missed:
        calling().get(f"http://bank.internal:{bank.port}/", headers={})
    assert missed.value.fields["reason"] == "broken"


def test_the_second_address_is_tried_when_the_first_refuses(peer: Peers) -> None:
    """A name with two addresses is reached while one of them answers."""
    bank = peer(OK, host="127.0.0.2")
    client = calling(names(["127.0.0.1", "127.0.0.2"]))
    assert client.get(f"http://bank.internal:{bank.port}/", headers={}).address == "127.0.0.2"


def test_nobody_at_home_is_not_reached() -> None:
    """A closed port is an outage."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(http.NotReached) as missed:
        calling().get(f"http://bank.internal:{port}/", headers={})
    assert missed.value.fields["reason"] == "connect"


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate of `bank.internal` with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bank.internal")])
    began = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(began)
        .not_valid_after(began + dt.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("bank.internal")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "bank.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def test_the_certificate_is_checked_against_the_name_not_the_address(
    peer: Peers, certificate: Path
) -> None:
    """A pinned address speaks for a name only with that name's certificate."""
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate)
    trust = ssl.create_default_context(cafile=str(certificate))
    bank = peer(OK, tls=serving)

    def client(trusting: ssl.SSLContext | None) -> http.Client:
        return http.Client(
            allowed=["bank.internal", "other.internal"],
            resolve=lambda host, port: ["127.0.0.1"],
            trust=trusting,
        )

    assert client(trust).get(f"https://bank.internal:{bank.port}/", headers={}).status == 200
    for trusting, host in ((trust, "other.internal"), (None, "bank.internal")):
        with pytest.raises(http.NotReached) as missed:
            client(trusting).get(f"https://{host}:{bank.port}/", headers={})
        assert missed.value.fields["reason"] == "tls"
