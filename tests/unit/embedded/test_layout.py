"""Where an installation's sockets and addresses lie."""

import os
from pathlib import Path

import asyncpg.connect_utils
import pytest

from packshot.embedded.layout import SOCKET_PATH_MAX_BYTES, Layout, check_private
from packshot.embedded.problems import UnusableFolder


def test_a_short_path_keeps_its_sockets_in_the_data_folder():
    assert Layout(Path("/srv/data")).sockets == Path("/srv/data/run")


def test_a_long_path_moves_its_sockets_to_a_folder_that_is_found_again():
    long = Path("/srv") / ("d" * 200)

    sockets = Layout(long).sockets

    assert len(os.fsencode(sockets / ".s.PGSQL.5432")) <= SOCKET_PATH_MAX_BYTES
    assert sockets == Layout(long).sockets
    assert sockets != Layout(long / "other").sockets


def test_letters_of_several_bytes_count_as_their_bytes():
    assert Layout(Path("/srv") / ("ü" * 60)).sockets.parent == Path("/tmp")


@pytest.mark.parametrize("name", ["with space", "per%20cent", "quest?ion", "a&b=c", "#hash", "ü"])
def test_an_address_survives_any_letter_in_the_path(name: str):
    layout = Layout(Path("/srv") / name)

    addresses, parameters, *_ = asyncpg.connect_utils._parse_connect_dsn_and_args(
        dsn=layout.owner_url,
        host=None,
        port=None,
        user=None,
        password=None,
        passfile=None,
        database=None,
        ssl=None,
        service=None,
        servicefile=None,
        direct_tls=None,
        server_settings=None,
        target_session_attrs=None,
        krbsrvname=None,
        gsslib=None,
    )

    assert addresses == [str(layout.sockets / ".s.PGSQL.5432")]
    assert (parameters.user, parameters.database) == ("postgres", "packshot")


def test_a_socket_folder_that_others_can_open_is_refused(tmp_path: Path):
    tmp_path.chmod(0o755)

    with pytest.raises(UnusableFolder, match="Remove it"):
        check_private(tmp_path)


def test_a_link_in_the_place_of_the_socket_folder_is_refused(tmp_path: Path):
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")

    with pytest.raises(UnusableFolder):
        check_private(tmp_path / "link")
