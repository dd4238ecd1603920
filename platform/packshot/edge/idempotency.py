"""The ``Idempotency-Key`` of a request: read in its form; replay comes with the jobs."""

import re

from werkzeug.datastructures import Headers

from domain.errors import InvalidInput

# 1 to 255 visible ASCII characters, bare or as a quoted string of RFC 9651.
FORM = re.compile(r'"[\x21\x23-\x5b\x5d-\x7e]{1,255}"|[\x21\x23-\x7e][\x21-\x7e]{0,254}')


def check_idempotency_key(headers: Headers) -> None:
    """Raise InvalidInput (malformed_request) when the header is there and not of its form."""
    sent = headers.getlist("idempotency-key")
    if sent and (len(sent) > 1 or not FORM.fullmatch(sent[0])):
        raise InvalidInput(
            "malformed_request",
            "Idempotency-Key must be given once, as 1 to 255 visible ASCII characters.",
            param="Idempotency-Key",
            allowed={"minLength": 1, "maxLength": 255},
            fix="Use a UUID.",
        )
