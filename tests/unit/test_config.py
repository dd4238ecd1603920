import pytest

from packshot.config import InvalidSettings, Settings

COMPLETE = {
    "PACKSHOT_DATABASE_URL": "postgresql://app:canary@db/packshot",
    "PACKSHOT_REDIS_URL": "redis://:canary@redis/1",
    "PACKSHOT_STORAGE_DIR": "/srv/packshot",
    "PACKSHOT_SECRETS_DIR": "/srv/secrets",
}


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(InvalidSettings) as refused:
        Settings.read({"PACKSHOT_RENDER_CHILDREN": "many"})

    told = str(refused.value)
    assert all(name in told for name in COMPLETE)
    assert "PACKSHOT_RENDER_CHILDREN" in told


@pytest.mark.parametrize("number", ["-1", "257", "1.5", "", "２", "9" * 5000])
def test_a_number_of_children_that_cannot_be_is_refused(number: str) -> None:
    with pytest.raises(InvalidSettings, match="whole number from 0 to 256"):
        Settings.read(COMPLETE | {"PACKSHOT_RENDER_CHILDREN": number})


@pytest.mark.parametrize("environment", [{}, {"PACKSHOT_WRITER_DATABASE_URL": ""}])
def test_without_an_address_of_its_own_the_writer_uses_the_apps(
    environment: dict[str, str],
) -> None:
    settings = Settings.read(COMPLETE | environment)

    assert settings.writer_database_url == settings.database_url


def test_settings_show_no_password_when_they_are_printed() -> None:
    assert "canary" not in repr(Settings.read(COMPLETE))


def test_without_a_demo_shop_there_is_no_address_of_one() -> None:
    assert Settings.read(COMPLETE).demo_shop_url is None


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1:9", "http://10.0.0.1:80", "http://127.0.0.1", "http://127.0.0.1:9/x"]
)
def test_a_demo_shop_elsewhere_than_on_a_port_of_this_machine_is_refused(url: str) -> None:
    with pytest.raises(InvalidSettings, match=r"http://127.0.0.1:PORT"):
        Settings.read(COMPLETE | {"PACKSHOT_DEMO_SHOP_URL": url})
