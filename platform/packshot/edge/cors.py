"""What any page of any origin may do: call the API with a key, and read what it answers.

No credentials are allowed, so a browser sends no cookie; ``/api`` would not look at one.
"""

API_PREFIX = "/api/"
CORS_HEADERS = [
    (b"access-control-allow-origin", b"*"),
    (
        b"access-control-expose-headers",
        (
            b"x-request-id, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset, "
            b"x-ratelimit-retry-after, ratelimit, ratelimit-policy, retry-after, x-log-position, "
            b"x-log-head, x-as-of-position, x-output-id, x-recipe-hash, x-accepted-scopes, "
            b"idempotency-replayed, location, etag, content-range"
        ),
    ),
]
PREFLIGHT_HEADERS = [
    (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
    (
        b"access-control-allow-headers",
        (
            b"authorization, x-api-key, content-type, accept, idempotency-key, prefer, if-match, "
            b"if-none-match, range, x-request-id, x-min-position, last-event-id"
        ),
    ),
    (b"access-control-max-age", b"86400"),
    (b"vary", b"access-control-request-method, access-control-request-headers"),
]


def is_of_api(path: str) -> bool:
    """Whether a path leads to the API.

    A base URL that ends with a slash makes it ``//api/…``: the router passes over slashes that
    begin a path, so what any page may read there must not hang on them.
    """
    return f"/{path.lstrip('/')}/".startswith(API_PREFIX)
