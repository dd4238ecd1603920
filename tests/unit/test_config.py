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
