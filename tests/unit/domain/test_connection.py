import pytest

from domain.connection import Connection
from domain.errors import InvalidInput, NotFound, Refusal, Unavailable
from domain.ids import JobId, SyncId
from domain.recorded import Actor
from given import given
from makers import a_connection

BOB = Actor("key", "key_bob")


def failing() -> Connection:
    connection = a_connection()
    connection.fail(Unavailable("channel_unreachable", "It does not answer."))
    return connection


def disconnected() -> Connection:
    connection = a_connection()
    connection.disconnect()
    return connection


def rotate(connection: Connection) -> None:
    connection.rotate_credentials(account="Acme", fingerprint="ff", hint="wxyz", given_by=BOB)


def test_a_connection_records_who_gave_its_credentials() -> None:
    assert a_connection().given_by == {"type": "user", "id": "usr_ada"}


def test_new_credentials_are_of_who_gave_them_and_have_the_next_version() -> None:
    given(a_connection()).when(rotate).then(
        (
            Connection.CredentialsRotated,
            {"version": 2, "hint": "wxyz", "given_by": {"type": "key", "id": "key_bob"}},
        )
    )


def test_new_credentials_end_a_failure() -> None:
    connection = failing()

    rotate(connection)

    assert (connection.status, connection.error) == ("connected", None)


def test_the_demo_shop_takes_no_credentials() -> None:
    with pytest.raises(InvalidInput):
        given(a_connection(settings={"demo": True})).when(rotate)


@pytest.mark.parametrize("name", ["", "   ", "a" * 101, "a\nb"])
def test_a_name_that_people_could_not_read_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        a_connection(name=name)
    with pytest.raises(InvalidInput):
        given(a_connection()).when(lambda connection: connection.rename(name))


def test_a_connection_is_renamed_only_to_another_name() -> None:
    given(a_connection()).when(lambda connection: connection.rename(" Our shop ")).then()
    given(a_connection()).when(lambda connection: connection.rename("Shop 2")).then(
        (Connection.Renamed, {"name": "Shop 2"})
    )


def test_the_same_failure_is_told_once() -> None:
    again = Unavailable("channel_unreachable", "Still not.")

    given(failing()).when(lambda connection: connection.fail(again)).then()


def test_another_failure_is_told() -> None:
    other = Refusal("channel_rejected", "The secret is wrong.")

    story = given(failing()).when(lambda connection: connection.fail(other))

    story.then((Connection.Failed, {"error": other.as_dict()}))


def test_only_a_failing_connection_recovers() -> None:
    given(a_connection()).when(Connection.recover).then()
    given(failing()).when(Connection.recover).then((Connection.Recovered, {}))


def test_a_sync_names_its_job() -> None:
    sync_id, job_id = SyncId.new(), JobId.new()

    story = given(a_connection()).when(lambda c: c.request_sync(sync_id, job_id=job_id))

    story.then((Connection.SyncRequested, {"sync_id": str(sync_id), "job_id": str(job_id)}))


@pytest.mark.parametrize(
    "verb",
    [
        Connection.disconnect,
        rotate,
        lambda connection: connection.rename("Shop 2"),
        lambda connection: connection.request_sync(SyncId.new(), job_id=JobId.new()),
    ],
)
def test_a_connection_that_is_over_is_not_there_any_more(verb: object) -> None:
    with pytest.raises(NotFound):
        given(disconnected()).when(verb)  # type: ignore[arg-type]


def test_what_a_late_errand_has_to_say_of_a_connection_that_is_over_is_dropped() -> None:
    given(disconnected()).when(lambda c: c.fail(Refusal("channel_rejected", "No."))).then()
    given(disconnected()).when(Connection.recover).then()
