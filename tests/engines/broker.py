"""A Kafka broker of the tests' own: one KRaft node on free loopback ports, which ends with the process that started it.

Its jars come through Maven, once, into the folder that STORYWIRE_ENGINES names (default ~/.cache/storywire/engines).
"""

from __future__ import annotations

import base64
import contextlib
import datetime
import ipaddress
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

VERSION = "4.3.1"
_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>storywire</groupId><artifactId>broker</artifactId><version>1</version>
<dependencies><dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId>
<version>{VERSION}</version></dependency></dependencies></project>
"""
_READY_SECONDS = 60
USER, PASSWORD = "wire", "hush-hush-7"


def jars() -> Path:
    """The folder of the broker's jars; a skip where they can't be had."""
    for tool in ("java", "setpriv"):
        if shutil.which(tool) is None:
            pytest.skip(f"a Kafka broker needs {tool}")
    cache = Path(os.environ.get("STORYWIRE_ENGINES") or Path.home() / ".cache/storywire/engines")
    found = cache / f"kafka-{VERSION}"
    if not found.is_dir():
        if shutil.which("mvn") is None:
            pytest.skip("the Kafka broker's jars come through Maven, which is not installed")
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            Path(folder, "pom.xml").write_text(_POM)
            fetched = subprocess.run(
                ["mvn", "--quiet", "--batch-mode", "dependency:copy-dependencies", "-DoutputDirectory=jars"],
                cwd=folder, capture_output=True, text=True,
            )  # fmt: skip
            if fetched.returncode:
                pytest.skip(f"Maven can't get the Kafka broker's jars: {fetched.stdout[-300:]}")
            # Another process may have been faster.
            with contextlib.suppress(OSError):
                Path(folder, "jars").rename(found)
    return found


class Broker:
    """A broker with a plain listener, one for TLS, and one for TLS with a login."""

    def __init__(self) -> None:
        self._jars = jars()
        self._folder = Path(tempfile.mkdtemp(prefix="storywire-kafka-"))
        self.plain, self.tls, self.login, controller = (f"127.0.0.1:{port}" for port in _free_ports(4))
        self.authority = self._folder / "ca.pem"
        properties = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{controller}",
            "listeners": f"PLAIN://{self.plain},TLS://{self.tls},LOGIN://{self.login},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAIN://{self.plain},TLS://{self.tls},LOGIN://{self.login}",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAIN",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAIN:PLAINTEXT,TLS:SSL,LOGIN:SASL_SSL",
            "log.dirs": str(self._folder / "data"),
            # Invented articles are older than what a broker keeps by default.
            "log.retention.ms": "-1",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "1",
            "group.initial.rebalance.delay.ms": "0",
            "auto.create.topics.enable": "false",
            # One that was killed is let in again only once it is given up.
            "broker.session.timeout.ms": "2000",
            "broker.heartbeat.interval.ms": "500",
            "ssl.keystore.type": "PEM",
            **_certificate(self.authority),
            "listener.name.login.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.login.plain.sasl.jaas.config": "org.apache.kafka.common.security.plain.PlainLoginModule "
            f'required user_{USER}="{PASSWORD}";',
        }
        self._properties = self._folder / "server.properties"
        escaped = {key: value.replace("\n", "\\n") for key, value in properties.items()}
        self._properties.write_text("".join(f"{key}={value}\n" for key, value in escaped.items()))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Broker:
        try:
            cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            made = subprocess.run(
                self._java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", self._properties),
                capture_output=True, text=True,
            )  # fmt: skip
            assert made.returncode == 0, made.stdout + made.stderr
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: Any) -> None:
        self.kill()
        shutil.rmtree(self._folder)

    def start(self) -> None:
        """Starts the process and waits until it answers."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                # The broker ends when the tests do, however they end.
                ["setpriv", "--pdeathsig", "KILL", *self._java("kafka.Kafka", self._properties)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._folder,
            )  # fmt: skip
        from confluent_kafka.admin import AdminClient

        client = AdminClient({"bootstrap.servers": self.plain, "logger": _Silent()})
        end = time.monotonic() + _READY_SECONDS
        while time.monotonic() < end:
            assert self._process.poll() is None, (self._folder / "log").read_text()
            with contextlib.suppress(Exception):
                client.list_topics(timeout=0.5)
                return
        raise AssertionError((self._folder / "log").read_text())

    def kill(self) -> None:
        """Kills the process as a power cut would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _java(self, *command: str | Path) -> list[str]:
        options = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"]
        return ["java", *options, "-cp", f"{self._jars}/*", *map(str, command)]


class _Silent:
    """A logger for clients that call while the broker starts."""

    def log(self, *_: Any) -> None:
        pass


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _certificate(authority: Path) -> dict[str, str]:
    """The keystore of a server on loopback; the certificate that clients are to trust goes to a file."""
    pytest.importorskip("cryptography", reason="certificates are made with the package cryptography")
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "storywire tests")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM).decode()
    authority.write_text(pem)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return {"ssl.keystore.certificate.chain": pem, "ssl.keystore.key": private}


@contextlib.contextmanager
def broker() -> Iterator[Broker]:
    """A broker that runs."""
    with Broker() as running:
        yield running
