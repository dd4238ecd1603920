"""The fields of a connection to a shop; what is secret is never quoted back."""

from typing import Any
from urllib.parse import urlsplit

from pydantic_core import PydanticCustomError

from domain.webhook_secret import WebhookSecret
from packshot.edge.fields import NOT_PLAIN, ReadField

LONGEST_ADDRESS = 1000
LONGEST_SECRET = 200


class BridgeSecret(ReadField):
    """The secret that a bridge shares: ``whsec_`` and the base64 of 24 to 64 bytes."""

    def read(self, value: object) -> str:
        """Read the secret."""
        if isinstance(value, str) and len(value) <= LONGEST_SECRET:
            try:
                return WebhookSecret.parse(value.strip()).text
            except ValueError:
                pass
        raise PydanticCustomError(
            "invalid",
            "must be whsec_ and the base64 of 24 to 64 bytes; what was sent is not quoted.",
            {"fix": "Copy the whole secret as the bridge shows it."},
        )

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the secret."""
        return {
            "type": "string",
            "format": "password",
            "maxLength": LONGEST_SECRET,
            "pattern": "^whsec_[A-Za-z0-9+/]+=*$",
        }


class ShopAddress(ReadField):
    """The address of a shop's bridge, without query and fragment: paths are put behind it."""

    def read(self, value: object) -> str:
        """Read the address; where it leads is checked by the client that calls it."""
        text = value.strip() if isinstance(value, str) else ""
        if not text or len(text) > LONGEST_ADDRESS or NOT_PLAIN.search(text) or " " in text:
            raise self._invalid()
        try:
            parts = urlsplit(text)
        except ValueError:
            raise self._invalid() from None
        if parts.scheme.lower() not in {"http", "https"} or not parts.netloc:
            raise self._invalid()
        if "?" in text or "#" in text or "@" in parts.netloc:
            raise self._invalid()
        return self._with_lower_host(text.rstrip("/"))

    def _with_lower_host(self, text: str) -> str:
        """The address as everybody spells it: a path may mean its case, scheme and host do not."""
        scheme, _, rest = text.partition("://")
        host, slash, path = rest.partition("/")
        return f"{scheme.lower()}://{host.lower()}{slash}{path}"

    def _invalid(self) -> PydanticCustomError:
        return PydanticCustomError(
            "invalid",
            "must be the http or https address of the bridge, of at most {max} characters and "
            "without user name, query or fragment.",
            {"max": LONGEST_ADDRESS, "example": "https://shop.example/bridge"},
        )

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the address."""
        return {"type": "string", "format": "uri", "maxLength": LONGEST_ADDRESS}


class Yes(ReadField):
    """A wish that is either said or left out: true, and nothing else."""

    def read(self, value: object) -> bool:
        """Read the word."""
        if value is True or value == "true":
            return True
        raise PydanticCustomError("invalid", "may only be true.", {"fix": "Leave the field out."})

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the word."""
        return {"const": True}
