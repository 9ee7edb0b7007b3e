"""Calls to the outside: https only, public addresses only, no redirects, bounded.

A webhook's URL is a portal's text, hence an attacker's (threat T10, server-side request
forgery). A host is resolved once; every address it has must be public; the connection goes to
the very address that was checked, with the certificate checked against the host's name, so a
name that answers otherwise the second time gains nothing. Hosts that the machine's settings
allow (a bank inside a leased line, the practice bank) may be private and may speak http.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import queue
import re
import socket
import ssl
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Event, Thread, Timer
from typing import Final
from urllib.parse import urlsplit

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, SSLError
from urllib3.response import BaseHTTPResponse
from urllib3.util.ssl_match_hostname import CertificateError

from payments.core.errors import Invalid, Unavailable

MOST_BYTES: Final = 64 * 1024
"""An answer is read this far and no further, unless the caller expects more."""

LONGEST_URL: Final = 2048

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Sequence[str]]
"""Gives the addresses of a host and port; raises OSError when the name is not known."""


class AddressRefused(Invalid):
    """A URL that is not https to public addresses: `reason` says which rule it breaks."""

    code = "address_refused"


class NotReached(Unavailable):
    """The other side gave no whole answer: `reason` is name, connect, tls, timeout or broken."""

    code = "not_reached"


@dataclass(frozen=True)
class Limits:
    """How long a call may take, in seconds: to connect, for one read, and altogether.

    Looking the name up may take as long as `whole` again, and a last attempt to connect may end
    `connect` late: a call never lasts longer than twice `whole` and `connect`.
    """

    connect: float = 5.0
    read: float = 10.0
    whole: float = 15.0


@dataclass(frozen=True)
class Answer:
    """What the other side said. `cut` tells that the body went on past what was read."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: bool
    address: str


@dataclass(frozen=True)
class Destination:
    """A URL whose spelling is in order; its host has not been looked up yet."""

    scheme: str
    host: str
    port: int
    target: str
    allowed: bool

    @property
    def authority(self) -> str:
        """The value of the `Host` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


_PIECE: Final = 64 * 1024
_PORTS: Final = {"https": 443, "http": 80}
_HOST: Final = re.compile(r"[a-z0-9]([a-z0-9._-]{0,251}[a-z0-9])?\.?|[0-9a-f:.]*:[0-9a-f:.]*")
_SPELLING: Final = re.compile(r"https?://[!-;=?-\[\]_a-z~]+", re.IGNORECASE)


def destination(url: str, *, allowed: Collection[str] = ()) -> Destination:
    """The parts of `url`, or `AddressRefused`. `allowed` names hosts as `host` or `host:port`."""
    if len(url) > LONGEST_URL or not _SPELLING.fullmatch(url):
        raise AddressRefused(host=url[:80], reason="unreadable")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError as error:
        raise AddressRefused(host=url[:80], reason="unreadable") from error
    if "@" in parts.netloc or parts.fragment or port == 0 or not _HOST.fullmatch(host):
        raise AddressRefused(host=url[:80], reason="unreadable")
    port = port or _PORTS[parts.scheme]
    is_allowed = host in allowed or f"{host}:{port}" in allowed
    if parts.scheme != "https" and not is_allowed:
        raise AddressRefused(host=host, reason="not_https")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Destination(parts.scheme, host, port, target, is_allowed)


_CARRIERS: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        "64:ff9b::/96",  # NAT64, carries an IPv4 address (RFC 6052)
        "64:ff9b:1::/48",  # NAT64 of one network (RFC 8215)
        "2002::/16",  # 6to4 (RFC 3056)
        "2001::/23",  # Teredo and other protocol assignments (RFC 2928)
        "3fff::/20",  # documentation (RFC 9637)
        "192.0.0.0/24",  # IPv4 protocol assignments (RFC 6890)
        "192.88.99.0/24",  # 6to4 relays (RFC 7526)
    )
)
_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")


def is_public(address: Address) -> bool:
    """Whether `address` belongs to the public Internet and carries no other address inside."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address not in _GLOBAL_UNICAST:
            return False
    if any(address in network for network in _CARRIERS if network.version == address.version):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def look_up(host: str, port: int) -> Sequence[str]:
    """The addresses the machine's resolver gives for `host`, in its order, each once."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(row[4][0]) for row in found))


class Client:
    """Makes calls. One client serves a whole process and all its threads; it keeps no state."""

    def __init__(
        self,
        *,
        allowed: Collection[str] = (),
        resolve: Resolve = look_up,
        limits: Limits | None = None,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._allowed = frozenset(name.lower() for name in allowed)
        self._resolve = resolve
        self._limits = limits or Limits()
        self._trust = trust or ssl.create_default_context()

    def post(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Sends `body` to `url`; any status is an answer.

        Raises `AddressRefused` or `NotReached`.
        """
        return self._call("POST", url, body=body, headers=headers)

    def get(self, url: str, *, headers: Mapping[str, str], most: int = MOST_BYTES) -> Answer:
        """Asks `url`, and reads `most` bytes of what it says; any status is an answer.

        Raises `AddressRefused` or `NotReached`.
        """
        return self._call("GET", url, body=None, headers=headers, most=most)

    def route(self, goal: Destination) -> Sequence[str]:
        """The addresses to connect to, looked up now, every one of them fit to be called."""
        try:
            found = [ipaddress.ip_address(text) for text in self._names(goal)]
        except queue.Empty:
            raise NotReached(host=goal.host, reason="timeout") from None
        except (OSError, UnicodeError) as error:
            raise NotReached(host=goal.host, reason="name") from error
        except ValueError as error:  # a zone such as %eth0: link-local
            raise AddressRefused(host=goal.host, reason="not_public") from error
        if not found:
            raise NotReached(host=goal.host, reason="name")
        if not goal.allowed and not all(is_public(address) for address in found):
            raise AddressRefused(host=goal.host, reason="not_public")
        return [str(address) for address in found]

    def _names(self, goal: Destination) -> Sequence[str]:
        """What the resolver says, waited for no longer than a whole call may last.

        An address is its own name: no thread is needed to look it up.
        """
        with contextlib.suppress(ValueError):
            return [str(ipaddress.ip_address(goal.host))]
        told: queue.SimpleQueue[Sequence[str] | Exception] = queue.SimpleQueue()

        def ask() -> None:
            try:
                told.put(self._resolve(goal.host, goal.port))
            except Exception as error:  # noqa: BLE001  # raised again where it is waited for
                told.put(error)

        Thread(target=ask, daemon=True).start()
        answer = told.get(timeout=self._limits.whole)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _call(
        self,
        method: str,
        url: str,
        *,
        body: bytes | None,
        headers: Mapping[str, str],
        most: int = MOST_BYTES,
    ) -> Answer:
        goal = destination(url, allowed=self._allowed)
        ends = time.monotonic() + self._limits.whole
        failure = NotReached(host=goal.host, reason="timeout")
        for address in self.route(goal)[:3]:
            if time.monotonic() >= ends:
                break
            with contextlib.closing(self._line(goal, address)) as line:
                try:
                    with _within(line, ends, goal):
                        line.connect()
                except NotReached as unanswered:
                    failure = unanswered  # nothing was sent: the next address may be tried
                    continue
                with _within(line, ends, goal):
                    return self._exchange(
                        line, goal, address, method=method, body=body, headers=headers, most=most
                    )
        raise failure

    def _line(self, goal: Destination, address: str) -> HTTPConnection:
        if goal.scheme == "http":
            return HTTPConnection(address, goal.port, timeout=self._limits.connect)
        return HTTPSConnection(
            address,
            goal.port,
            timeout=self._limits.connect,
            server_hostname=goal.host,
            assert_hostname=goal.host,
            cert_reqs="CERT_REQUIRED",
            ssl_context=self._trust,
        )

    def _exchange(
        self,
        line: HTTPConnection,
        goal: Destination,
        address: str,
        *,
        method: str,
        body: bytes | None,
        headers: Mapping[str, str],
        most: int,
    ) -> Answer:
        if line.sock is not None:
            line.sock.settimeout(self._limits.read)
        own = {"Host": goal.authority, "Accept-Encoding": "identity", "Connection": "close"}
        line.request(
            method,
            goal.target,
            body=body,
            headers={**headers, **own},
            preload_content=False,
            decode_content=False,
        )
        with contextlib.closing(line.getresponse()) as response:
            read = _read(response, most)
        told = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, told, read[:most], len(read) > most, address)


def _read(response: BaseHTTPResponse, most: int) -> bytes:
    """The body up to one byte past `most`, piece by piece as it comes."""
    read = bytearray()
    while len(read) <= most:
        piece = response.read1(min(_PIECE, most + 1 - len(read)))
        if not piece:
            break
        read += piece
    return bytes(read)


@contextlib.contextmanager
def _within(line: HTTPConnection, ends: float, goal: Destination) -> Iterator[None]:
    """Ends the call at `ends` (of the monotonic clock) and names what went wrong on the way.

    A socket's own time-out counts silence only; a peer that drips a byte now and then is cut
    off by closing the line from outside. The socket is remembered here: once the answer's head
    says `Connection: close`, the line lets go of it and only the answer reads from it.
    """
    late = Event()
    alarm = Timer(max(0.0, ends - time.monotonic()), _cut, args=(line, line.sock, late))
    alarm.daemon = True
    alarm.start()
    try:
        yield
    except (HTTPError, http.client.HTTPException, OSError, CertificateError) as error:
        reason = "timeout" if late.is_set() else _reason(error)
        raise NotReached(host=goal.host, reason=reason) from error
    except (ValueError, AttributeError) as error:  # how a line cut from outside shows inside
        if not late.is_set():
            raise
        raise NotReached(host=goal.host, reason="timeout") from error
    finally:
        alarm.cancel()
    if late.is_set():
        raise NotReached(host=goal.host, reason="timeout")


def _cut(line: HTTPConnection, opened: socket.socket | None, late: Event) -> None:
    late.set()
    connected = opened or line.sock
    if connected is not None:
        with contextlib.suppress(OSError):
            connected.shutdown(socket.SHUT_RDWR)


def _reason(error: BaseException) -> str:
    chain = [error, error.__cause__, error.__context__]
    if any(isinstance(link, ssl.SSLError | SSLError | CertificateError) for link in chain):
        return "tls"
    if any(isinstance(link, TimeoutError) for link in chain):
        return "timeout"
    if any(isinstance(link, ConnectionRefusedError) for link in chain):
        return "connect"
    return "broken"
