"""Only the client made for it reaches the demo shop, and it reaches nothing else private."""

from pathlib import Path

import pytest

from domain.errors import InvalidInput
from packshot.config import Settings
from packshot.wiring import _demo_outbound, _outbound
from reference_bridge import running_bridge

COMPLETE = {
    "PACKSHOT_DATABASE_URL": "postgresql:///packshot",
    "PACKSHOT_REDIS_URL": "redis://localhost/1",
    "PACKSHOT_STORAGE_DIR": "/srv/packshot",
    "PACKSHOT_SECRETS_DIR": "/srv/secrets",
}


async def test_one_client_calls_the_demo_shop_and_no_other_port(tmp_path: Path):
    with running_bridge(tmp_path) as bridge:
        settings = Settings.read({**COMPLETE, "PACKSHOT_DEMO_SHOP_URL": bridge.url})
        demo, usual = _demo_outbound(settings), _outbound(settings)
        assert demo is not None
        try:
            answer = await demo.post(bridge.url + "/publish", body=b"", headers={}, deadline_s=10)
            assert answer.status == 401
            with pytest.raises(InvalidInput, match="80 and 443"):
                await demo.check("http://127.0.0.1:9/")
            with pytest.raises(InvalidInput):
                await demo.check(bridge.url.replace("127.0.0.1", "127.0.0.2"))
            with pytest.raises(InvalidInput):
                await usual.check(bridge.url)
        finally:
            await demo.close()
            await usual.close()


def test_without_a_demo_shop_there_is_no_such_client():
    assert _demo_outbound(Settings.read(COMPLETE)) is None
