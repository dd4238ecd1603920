"""Certificates of servers in tests, and the authority that signs them."""

import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


def name_of(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


@dataclass(slots=True)
class Authority:
    """A certificate authority whose certificate is a file that clients can be told to trust."""

    folder: Path
    name: str = "Test authority"
    key: EllipticCurvePrivateKey = field(default_factory=lambda: generate_private_key(SECP256R1()))

    @property
    def file(self) -> Path:
        """The authority's own certificate."""
        certificate = (
            self._signed(self.name, self.key, age=DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self.key, SHA256())
        )
        path = self.folder / f"{self.name}.pem"
        path.write_bytes(certificate.public_bytes(Encoding.PEM))
        return path

    def server(self, host: str, *, age: timedelta = DAY) -> ssl.SSLContext:
        """What a server of that host needs; a certificate is good for 30 days after its making."""
        key = generate_private_key(SECP256R1())
        alternative = x509.IPAddress(ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
        certificate = (
            self._signed(host, key, age=age)
            .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
            .sign(self.key, SHA256())
        )
        path = self.folder / "server.pem"
        path.write_bytes(
            certificate.public_bytes(Encoding.PEM)
            + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _signed(
        self, subject: str, key: EllipticCurvePrivateKey, *, age: timedelta
    ) -> x509.CertificateBuilder:
        made_at = datetime.now(UTC) - age
        return (
            x509.CertificateBuilder()
            .subject_name(name_of(subject))
            .issuer_name(name_of(self.name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(made_at)
            .not_valid_after(made_at + 30 * DAY)
        )
